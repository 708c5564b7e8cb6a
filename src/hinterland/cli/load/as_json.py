"""A load as `--json` prints it."""

from __future__ import annotations

import math

from hinterland.cli.load.documents import (
    LoadDocument,
    LoadFigures,
    LoadGenerator,
    LoadKind,
    LoadSecond,
    LoadTimes,
)
from hinterland.load.report.percentiles import shown
from hinterland.load.result.record import LoadRecord
from hinterland.load.result.result import GeneratorAudit, LoadResult
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import upper_ns


def document(record: LoadRecord, exit_status: int) -> LoadDocument:
    """Returns a load's record as a document."""
    plan = record.result.plan if record.result is not None else record.capacity.plan  # type: ignore[union-attr]
    return LoadDocument(
        load=record.id,
        url=record.url,
        status=record.status,
        exit_status=exit_status,
        plan=plan,
        figures=None if record.result is None else figures(record.result),
        capacity=record.capacity,
        asserted=record.asserted,
        comparison=record.comparison,
        started_at=record.started_at,
        ended_at=record.ended_at,
        command=record.command,
        folder=record.folder,
        report=f"{record.folder}/report.html",
    )


def figures(result: LoadResult) -> LoadFigures:
    """Returns what a load came to, its histograms as pairs."""
    return LoadFigures(
        model=result.plan.model,
        window_s=result.window_s,
        operations=result.operations,
        answered=result.answered,
        asked_per_s=result.asked_per_s,
        reached_per_s=result.reached_per_s,
        errors=result.errors,
        statuses=result.statuses,
        open_errors=result.open_errors,
        reasons=result.reasons,
        notes=result.notes,
        response=times(result.response, whole=True),
        service=times(result.service, whole=True),
        connect=None if result.connect is None else times(result.connect),
        connections_opened=result.connections_opened,
        bytes_received=result.bytes_received,
        kinds=tuple(
            LoadKind(
                one.name,
                one.operations,
                one.answered,
                one.errors,
                one.statuses,
                times(one.response, whole=True),
                times(one.service, whole=True),
            )
            for one in result.kinds
        ),
        seconds=tuple(
            LoadSecond(one.second, one.due, one.answered, one.completed, one.errors, times(one.response))
            for one in result.seconds
        ),
        generator=generator(result.generator),
        partial=result.partial,
        machine=result.machine,
    )


def generator(audit: GeneratorAudit) -> LoadGenerator:
    """Returns what the generator measured of itself."""
    return LoadGenerator(
        schedulers=tuple(dict.fromkeys(one.scheduler for one in audit.processes)),
        processes=len(audit.processes),
        lateness=None if audit.lateness is None else times(audit.lateness),
        waited=audit.waited,
        in_flight_mean=audit.in_flight_mean,
        little=audit.little,
        run_delay_share=max((one.run_delay_share for one in audit.processes), default=0.0),
        stalls=len(audit.stalls),
        faults=audit.faults,
        advice=audit.advice,
    )


def times(counts: Counts, *, whole: bool = False) -> LoadTimes:
    """Returns a histogram's figures; with `whole` the histogram as well."""
    answered = int(counts.counts.sum())
    known = {one.name: one.time_s if math.isfinite(one.time_s) else None for one in shown(counts)}
    pairs = zip(upper_ns(counts.bins).tolist(), counts.counts.tolist(), strict=True) if whole else ()
    return LoadTimes(
        answered=answered,
        missing=counts.missing,
        percentiles_s=known,
        least_s=counts.least_ns / 1e9 if answered else None,
        most_s=counts.most_ns / 1e9 if answered else None,
        mean_s=counts.total_ns / answered / 1e9 if answered else None,
        histogram=tuple(pairs),
    )
