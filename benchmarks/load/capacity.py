"""The capacity of a server whose queue is known, M/M/1, as the search finds it, beside what theory says."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from benchmarks.load.bench import HOST, Bench
from benchmarks.load.row import Row, judged
from hinterland.load.capacity.find import Limits, find_capacity
from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Arrivals, LoadPlan
from hinterland.load.result.result import LoadResult

GROUP = "capacity"
SERVER = Path(__file__).with_name("queue_server.py")
SERVICE_PER_S, LIMIT_S, SHARE = 1000.0, 0.02, 0.01
TARGET = 0.1


def theory_per_s() -> float:
    """Returns the rate at which 1 % take longer than the limit: the response time of M/M/1 is exponential."""
    return SERVICE_PER_S + math.log(SHARE) / LIMIT_S


async def rows(bench: Bench, searches: int, budget_s: float) -> AsyncIterator[Row]:
    """Yields a row a search, each on a server with other service times."""
    for seed in range(1, searches + 1):
        port = bench.rig.free_port()
        server = await bench.rig.start(
            [SERVER, HOST, port, SERVICE_PER_S, seed],
            name=f"queue{seed}",
            port=port,
            cores=bench.server_cores,
        )
        yield await _search(bench, port, server.pid, seed, budget_s)


async def _search(bench: Bench, port: int, pid: int, seed: int, budget_s: float) -> Row:
    found = await find_capacity(
        bench.plan(
            port=port,
            arrivals=Arrivals(shape="poisson"),
            connections=256,
            seed=1000 * seed,
            scheduler="timerfd",
        ),
        parse_objective(f"p99 < {LIMIT_S * 1e3:g}ms"),
        limits=Limits(budget_s=budget_s),
        run=_pinned(bench, pid),
    )
    truth = theory_per_s()
    target = f"within {TARGET:.0%} of {truth:.0f}"
    counted = sum(point.counted for point in found.points)
    probes = f"{counted} probes, {len(found.points) - counted} void, {found.took_s:.0f} s, {found.ended}"
    if found.capacity_per_s is None:
        return Row(GROUP, f"M/M/1, search {seed}", f"none ({probes})", target, "void", {"says": found.says})
    off = found.capacity_per_s / truth - 1
    between = f"{found.low_per_s or 0:.0f} to {found.high_per_s or math.inf:.0f}"
    return Row(
        GROUP,
        f"M/M/1, search {seed}",
        f"{found.capacity_per_s:.0f} ({between}): {off:+.1%}; knee {found.knee_per_s or math.nan:.0f}; "
        f"{probes}",
        target,
        judged(abs(off) <= TARGET, void=found.ended == "generator"),
        {"capacity_per_s": found.capacity_per_s, "says": found.says, "knee_per_s": found.knee_per_s},
    )


def _pinned(bench: Bench, pid: int) -> Callable[..., Awaitable[LoadResult]]:
    """Runs each probe on the generator's cores."""

    async def run(plan: LoadPlan, *, watch: Callable[[LoadResult], None] | None = None) -> LoadResult:
        result, _ = await bench.load(plan, pids=[pid], watch=watch)
        return result

    return run
