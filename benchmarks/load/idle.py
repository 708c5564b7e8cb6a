"""What an idle connection costs the generator, and how many it can hold with several processes."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.load.bench import HOST, Bench
from benchmarks.load.row import Row, judged
from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import Arrivals, LoadPlan, Target
from hinterland.load.result.result import LoadResult
from hinterland.rig.readiness import LogReady

GROUP = "idle"
SERVER = Path(__file__).with_name("idle_server.py")
ONE_PROCESS, SEVERAL = 10_000, 50_000
TARGET_KIB = 2.5
# A process opens no more than this, whatever its limit: its own files need some room.
IN_A_PROCESS = 13_000
RATE_PER_S, DURATION_S = 200.0, 3.0


async def rows(bench: Bench, most: int) -> AsyncIterator[Row]:
    """Yields the bytes a connection, from the peak memory of loads with few and with many."""
    os.sched_setaffinity(0, bench.server_cores | bench.generator_cores)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    each = min(IN_A_PROCESS, limit - 1000)
    port = bench.rig.free_port()
    for number in range(-(-most // each)):
        await bench.rig.start([SERVER, HOST, port], name=f"idle{number}", ready=LogReady("listening"))
    base = await _held(port, 10, 1)
    for wanted in sorted({min(ONE_PROCESS, most), most}):
        processes = -(-wanted // each)
        began_s = time.monotonic()
        result = await _held(port, wanted, processes)
        yield _row(wanted, processes, result, base, time.monotonic() - began_s)


async def _held(port: int, connections: int, processes: int) -> LoadResult:
    """Runs a load whose connections are nearly all idle."""
    return await run_load(
        LoadPlan(
            target=Target(url="", protocol="http1", host=HOST, port=port),
            arrivals=Arrivals(rate_per_s=RATE_PER_S),
            duration_s=DURATION_S,
            connections=connections,
            processes=processes,
            scheduler="timerfd",
            # One address has 28,000 ports by default.
            sources=1 + connections // 20_000,
            timeout_s=30.0,
        )
    )


def _row(wanted: int, processes: int, result: LoadResult, base: LoadResult, took_s: float) -> Row:
    opened = sum(process.connections for process in result.generator.processes)
    one = base.generator.processes[0].max_rss_bytes
    more = sum(process.max_rss_bytes - one for process in result.generator.processes)
    kib = more / 1024 / max(1, opened)
    errors = {**result.errors, **result.open_errors}
    whole = opened >= wanted and not errors
    says = f"{kib:.2f} KiB each, {opened:,} open, {took_s:.1f} s in all"
    return Row(
        GROUP,
        f"{wanted:,} idle, {processes} process{'es' if processes > 1 else ''}",
        says if whole else f"{says}; errors {errors}",
        f"at most {TARGET_KIB:g} KiB each",
        judged(whole and kib <= TARGET_KIB),
        {"kib_each": kib, "opened": opened, "errors": errors},
    )
