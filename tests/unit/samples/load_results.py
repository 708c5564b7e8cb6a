"""Loads to draw: results shaped like real ones, made of seeded times by the engine's histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec.structs import replace

from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Arrivals, LoadPlan, Target
from hinterland.load.result.capacity import CapacityPoint, CapacityResult, Ended
from hinterland.load.result.record import LoadRecord
from hinterland.load.result.result import GeneratorAudit, GeneratorProcess, KindResult, LoadResult, Second
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import Histogram

MACHINE = {"cpu": "Example CPU 2.10 GHz", "cores": 2, "memory_bytes": 25_000_000_000}


def plan(**changes: Any) -> LoadPlan:
    """Returns an open loop at 2,000/s on nginx's port, changed as asked."""
    target = Target(url="http://127.0.0.1:8080/", protocol="http1", host="127.0.0.1", port=8080)
    base = LoadPlan(target=target, arrivals=Arrivals(rate_per_s=2000), connections=64)
    return replace(base, **changes)


def counts(times_s: Any, missing: int = 0) -> Counts:
    """Returns these times, and so many operations without one, as a histogram."""
    histogram = Histogram()
    histogram.add(np.round(np.asarray(times_s, dtype=np.float64) * 1e9).astype(np.int64))
    histogram.add_missing(missing)
    return histogram.counts()


def audit(*faults: str, lateness: Counts | None = None, scheduler: str = "spin") -> GeneratorAudit:
    """Returns what a generator of one process said of itself."""
    process = GeneratorProcess(0, 20_000, 64, 0.98, 0.002, 0.31, 61_000_000, scheduler)
    return GeneratorAudit(
        lateness=lateness,
        waited=12,
        in_flight_mean=0.61,
        little=0.6,
        processes=(process,),
        faults=faults,
        advice=("lower --rate, or give it more processes: --processes 2",) if faults else (),
    )


def result(
    *,
    rate: int = 2000,
    seconds: int = 10,
    stall: tuple[float, float] | None = None,
    errors: Mapping[int, Mapping[str, int]] | None = None,
    faults: tuple[str, ...] = (),
    asked: LoadPlan | None = None,
    seed: int = 1,
) -> LoadResult:
    """Returns a load of `rate` a second whose server stood still from `stall[0]` for `stall[1]` s.

    `errors`: by second, how many operations had no good answer, and why.
    """
    random = np.random.default_rng(seed)
    due = np.arange(rate * seconds) / rate
    service = 0.0004 * random.lognormal(0, 0.5, due.size)
    response = service + 2e-6
    if stall is not None:
        waits = np.where((due >= stall[0]) & (due < stall[0] + stall[1]), stall[0] + stall[1] - due, 0.0)
        response = response + waits
    rows = []
    missing: dict[str, int] = {}
    lost = np.zeros(due.size, dtype=bool)
    for second in range(seconds):
        here = np.flatnonzero(due.astype(int) == second)
        failed = dict((errors or {}).get(second, {}))
        for kind, count in failed.items():
            missing[kind] = missing.get(kind, 0) + count
        gone = sum(failed.values())
        lost[here[:gone]] = True
        good = here[gone:]
        rows.append(Second(second, here.size, good.size, good.size, failed, counts(response[good], gone)))
    good = ~lost
    of_response, of_service = (counts(times[good], int(lost.sum())) for times in (response, service))
    statuses = {"200": int(good.sum())}
    made = plan(arrivals=Arrivals(rate_per_s=float(rate))) if asked is None else asked
    return LoadResult(
        plan=made,
        started="2030-01-02T03:04:05",
        window_s=float(seconds),
        operations=due.size,
        answered=int(good.sum()),
        asked_per_s=float(rate) if made.model == "open" else None,
        reached_per_s=float(good.sum()) / seconds,
        response=of_response,
        service=of_service,
        errors=missing,
        statuses=statuses,
        kinds=(KindResult("GET /", due.size, int(good.sum()), missing, statuses, of_response, of_service),),
        seconds=tuple(rows),
        generator=audit(
            *faults, lateness=counts(random.exponential(1e-6, due.size)) if made.model == "open" else None
        ),
        bytes_received=due.size * 160,
        connections_opened=64,
        connect=counts(random.exponential(2e-4, 64)),
        machine=MACHINE,
    )


def record(found: LoadResult | None = None, **changes: Any) -> LoadRecord:
    """Returns the record of a load, finished unless `changes` say otherwise."""
    made = LoadRecord(
        id="20300102T030405-load-127.0.0.1-ab12",
        version="0.1.0",
        started_at=1_893_553_445.0,
        ended_at=1_893_553_455.0,
        status="finished",
        url="http://127.0.0.1:8080/",
        result=result() if found is None else found,
        command="hinterland load http://127.0.0.1:8080/ --rate 2000",
    )
    return replace(made, **changes)


def capacity(limit_per_s: float = 1000.0, *, ended: Ended = "decided") -> CapacityResult:
    """Returns a search on a server that answers `limit_per_s` at most: M/M/1 times around them."""
    points = []
    for share in (0.2, 0.4, 0.6, 0.8, 0.9, 0.94, 0.97, 1.02, 1.2):
        rate = share * limit_per_s
        p50 = 0.69 / (limit_per_s - rate) if share < 1 else None
        p99 = 4.6 / (limit_per_s - rate) if share < 1 else None
        beyond = math.exp(-(limit_per_s - rate) * 0.05) if share < 1 else 0.8
        points.append(
            CapacityPoint(rate, min(rate, limit_per_s), p50, p99, beyond, int(4 * rate), 4.0, beyond <= 0.01)
        )
    points.append(CapacityPoint(640.0, 640.0, 0.5, 0.9, 0.3, 2560, 4.0, False, False, "it was late"))
    return CapacityResult(
        plan=plan(arrivals=Arrivals(shape="poisson")),
        objective=parse_objective("p99 < 50ms"),
        capacity_per_s=0.908 * limit_per_s,
        low_per_s=0.88 * limit_per_s,
        high_per_s=0.93 * limit_per_s,
        knee_per_s=0.5 * limit_per_s,
        calm_p50_s=0.0007,
        points=tuple(points),
        ended=ended,
        says="p99 < 50ms holds up to 908 a second (95 % interval 880 to 930).",
        assumed="the share of slow operations grows smoothly with the rate",
        took_s=51.0,
    )
