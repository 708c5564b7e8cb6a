"""A load as one HTML file that loads nothing: how long it took, what failed, and the generator's audit."""

from __future__ import annotations

import math
import time
from typing import Any

from hinterland.drawing import numbers
from hinterland.drawing.figure import Figure
from hinterland.drawing.template import template
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.report import capacity as load_capacity
from hinterland.load.report import heat as load_heat
from hinterland.load.report import spectrum as load_spectrum
from hinterland.load.report import timeline as load_timeline
from hinterland.load.report.hints import hints
from hinterland.load.report.percentiles import (
    mean_s,
    name_of,
    operations,
    shown,
    slowest_s,
    time_text,
)
from hinterland.load.report.words import (
    CLOSED_NOTE,
    asked_says,
    capital,
    connections_say,
    count_text,
    errors_say,
    is_limited,
    lateness_says,
    length_says,
    model_says,
    protocol_says,
    rate_text,
    schedulers_say,
    sentence,
    where_says,
)
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.record import LoadRecord
from hinterland.load.result.result import GeneratorAudit, LoadResult
from hinterland.report import story
from hinterland.statistics.boundary import BETWEEN

IN_TILES = (0.5, 0.99, 0.999)
IN_TABLE = (0.5, 0.9, 0.99, 0.999)


def render(record: LoadRecord) -> str:
    """Returns the page of a load or of a search for capacity, finished or cut short."""
    return template("hinterland.load.report", "load.html.j2").render(
        **(_of_load(record) if record.capacity is None else _of_search(record))
    )


def _of_load(record: LoadRecord) -> dict[str, Any]:
    result = record.result
    assert result is not None
    plan = result.plan
    return _head(record, plan, model_says(plan), length_says(plan)) | {
        "result": result,
        "limited": is_limited(result) and bool(result.answered),
        "partial": sentence(result.partial),
        "faults": [sentence(fault) for fault in result.generator.faults],
        "advice": [sentence(advice) for advice in result.generator.advice if result.answered],
        "hints": hints(result),
        "closed_note": CLOSED_NOTE if plan.model == "closed" and not plan.subscribe else "",
        "tiles": tiles(result),
        "figures": figures(result),
        "comparison": record.comparison,
        "beside": load_spectrum.beside(record),
        "kinds": kind_rows(result),
        "statuses": [(status, f"{count:,}") for status, count in sorted(result.statuses.items())],
        "errors": [(kind.replace("_", " "), f"{count:,}") for kind, count in _most_first(result.errors)],
        "open_errors": [
            (kind.replace("_", " "), f"{count:,}") for kind, count in _most_first(result.open_errors)
        ],
        "audit": audit_rows(result),
        "processes": process_rows(result.generator),
        "stalls": [
            (numbers.quantity(one.at_s, "s"), numbers.quantity(one.lasted_ms, "ms"), str(one.process))
            for one in sorted(result.generator.stalls, key=lambda one: -one.lasted_ms)[:20]
        ],
        "machine": story.machine_rows(result.machine),
        "search": None,
    }


def _of_search(record: LoadRecord) -> dict[str, Any]:
    found = record.capacity
    assert found is not None
    plan = found.plan
    spread = "at random moments (Poisson)" if plan.arrivals.shape == "poisson" else "evenly spaced"
    says = f"open loop, {spread}: the highest rate at which {found.objective.text} holds"
    drawn = load_capacity.figure(found)
    return _head(
        record, plan, says, f"{len(found.points)} probes in {numbers.quantity(found.took_s, 's')}"
    ) | {
        "result": None,
        "limited": False,
        "faults": [],
        "advice": [],
        "closed_note": "",
        "partial": "It was interrupted." if found.ended == "interrupted" else "",
        "figures": [] if drawn is None else [drawn],
        "search": found,
        "says": found.says,
        "assumed": sentence(found.assumed),
        "tiles": search_tiles(found),
    }


def _head(record: LoadRecord, plan: LoadPlan, says: str, length: str) -> dict[str, Any]:
    return {
        "record": record,
        "version": record.version,
        "title": plan.target.url,
        "model": capital(says),
        "below": [protocol_says(plan.target) + where_says(plan.target), connections_say(plan), length],
        "started": time.strftime("%-d %B %Y, %H:%M:%S", time.localtime(record.started_at)),
    }


def search_tiles(found: CapacityResult) -> list[tuple[str, str, str]]:
    """Returns the figures on top of a search: (name, value, what to know beside it)."""
    shown_tiles = []
    if found.capacity_per_s is not None:
        low, high = (
            rate_text(each) if each is not None else "?" for each in (found.low_per_s, found.high_per_s)
        )
        known = f"between {low} and {high}" if found.assumed == BETWEEN else f"{low} to {high}, 95 %"
        shown_tiles.append(("capacity", rate_text(found.capacity_per_s), known))
    if found.knee_per_s is not None:
        shown_tiles.append(("knee", rate_text(found.knee_per_s), "where more load begins to cost"))
    if found.calm_p50_s is not None:
        shown_tiles.append(
            ("p50 without load", time_text(found.calm_p50_s), "one connection that asks and waits")
        )
    return shown_tiles


def figures(result: LoadResult) -> list[Figure]:
    """Returns the drawings of a load, those that its length and its answers allow."""
    drawn = [load_spectrum.figure(result), load_heat.figure(result), load_timeline.figure(result)]
    return [one for one in drawn if one is not None]


def chart(result: LoadResult) -> str:
    """Returns the spectrum alone as an SVG that needs no page around it; empty where there is none."""
    drawn = load_spectrum.figure(result, key=f"spectrum-{id(result):x}")
    if drawn is None:
        return ""
    return template("hinterland.load.report", "load_cell.html.j2").render(
        it=drawn, model=capital(model_says(result.plan))
    )


def tiles(result: LoadResult) -> list[tuple[str, str, str]]:
    """Returns the figures on top: (name, value, what to know beside it)."""
    found = [("reached", rate_text(result.reached_per_s), asked_says(result))]
    service = {one.share: one for one in shown(result.service, IN_TILES)}
    found += [
        (one.name, one.says, "" if math.isinf(one.time_s) else f"service time {service[one.share].says}")
        for one in shown(result.response, IN_TILES)
    ]
    if result.response.counts.size:
        longest = numbers.quantity(result.response.most_ns / 1e9, "s")
        without = "of those answered" if result.response.missing else ""
        found.append(("slowest", longest, without))
    failed = sum(result.errors.values())
    share = numbers.quantity(failed / result.operations, "share") if failed and result.operations else ""
    found.append(("without a good answer", f"{failed:,}", share or f"of {result.operations:,}"))
    return found


def kind_rows(result: LoadResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the heads and rows of the table of requests; no rows where there is but one kind."""
    shares = [share for share in IN_TABLE if any(_has(share, one.response) for one in result.kinds)]
    heads = (
        "Request",
        "Operations",
        "Good answers",
        *(name_of(share) for share in shares),
        "Slowest",
        "Without",
    )
    rows = []
    for one in result.kinds:
        known = {found.share: found.says for found in shown(one.response, shares)}
        rows.append(
            (
                one.name or "all",
                f"{one.operations:,}",
                f"{one.answered:,}",
                *(known.get(share, "–") for share in shares),
                numbers.quantity(one.response.most_ns / 1e9, "s") if one.answered else "–",
                errors_say(one.errors, 0),
            )
        )
    return heads, rows if len(rows) > 1 else []


def _has(share: float, counts: Any) -> bool:
    return bool(shown(counts, (share,)))


def audit_rows(result: LoadResult) -> list[tuple[str, str]]:
    """Returns what the generator measured of itself, each with its name."""
    audit = result.generator
    rows = [
        ("model", model_says(result.plan)),
        ("scheduler", schedulers_say(result) or "none: a closed loop"),
    ]
    if lateness := lateness_says(result):
        rows.append(("its own lateness", lateness))
    if result.plan.model == "open" and not result.plan.subscribe:
        rows.append(
            ("due while no connection was free", f"{audit.waited:,} (their wait is in the response time)")
        )
    rows.append(
        (
            "under way on average",
            f"{audit.in_flight_mean:.3g} sampled, {audit.little:.3g} by Little's law (rate × service time)",
        )
    )
    connect = result.connect
    opened = count_text(result.connections_opened, "connection")
    if connect is not None and operations(connect):
        known = [f"{one.name} {one.says}" for one in shown(connect, (0.5, 0.99))]
        opened += f"; to open one: {', '.join([*known, f'at most {time_text(slowest_s(connect))}'])}"
    rows.append(("opened", opened))
    rows.append(("received", numbers.quantity(float(result.bytes_received), "bytes")))
    if (mean := mean_s(result.response)) == mean:
        rows.append(("mean response", f"{time_text(mean)}, of the operations that had a good answer"))
    return rows


def process_rows(audit: GeneratorAudit) -> list[tuple[str, ...]]:
    """Returns a row for each process of the generator."""
    return [
        (
            str(one.number),
            f"{one.operations:,}",
            f"{one.connections:,}",
            one.scheduler or "–",
            numbers.quantity(one.cpu_share, "share"),
            numbers.quantity(one.run_delay_share, "share"),
            numbers.quantity(one.busy_share, "share"),
            numbers.quantity(float(one.max_rss_bytes), "bytes"),
        )
        for one in audit.processes
    ]


def _most_first(counted: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(
        ((kind, count) for kind, count in counted.items() if count), key=lambda item: (-item[1], item[0])
    )
