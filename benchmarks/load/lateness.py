"""How late an open loop sends: actual minus intended, at 20,000 and 40,000 a second, by each scheduler."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from statistics import median

from benchmarks.load import peers
from benchmarks.load.bench import CONNECTIONS, HOST, SAME, Bench
from benchmarks.load.row import Row, judged, microseconds
from hinterland.load.plan.plan import Arrivals, Scheduler
from hinterland.statistics.histogram import Histogram

GROUP = "lateness"
RATES_PER_S = (20_000, 40_000)
TARGETS_S: dict[Scheduler, tuple[float | None, float | None]] = {
    "spin": (2e-6, 50e-6),
    "timerfd": (25e-6, None),
    "tick": (None, None),
}
"""The most that p50 and p99 may be."""


async def rows(bench: Bench, attempts: int, turn_s: int) -> AsyncIterator[Row]:
    """Yields p50 and p99 of each scheduler and rate: medians of the turns that are not void."""
    for rate_per_s in RATES_PER_S:
        for scheduler, (p50_s, p99_s) in TARGETS_S.items():
            yield await _ours(bench, rate_per_s, scheduler, (p50_s, p99_s), attempts, turn_s)
        yield await _wrk2(bench, rate_per_s, turn_s)


async def _ours(
    bench: Bench,
    rate_per_s: int,
    scheduler: Scheduler,
    most_s: tuple[float | None, float | None],
    attempts: int,
    turn_s: int,
) -> Row:
    asked = bench.plan(
        arrivals=Arrivals(rate_per_s=float(rate_per_s)),
        duration_s=float(turn_s),
        scheduler=scheduler,
        warm_up_s=0.5,
    )
    turns = [await bench.load(asked) for _ in range(attempts)]
    sound = [result for result, delays in turns if not delays.void]
    results = sound or [result for result, _ in turns]
    late = [Histogram.from_counts(each.generator.lateness) for each in results if each.generator.lateness]
    p50_s, p99_s = (median(each.percentile(q) for each in late) for q in (0.5, 0.99))
    reached_per_s = median(each.reached_per_s for each in results)
    limits = [(found, most) for found, most in zip((p50_s, p99_s), most_s, strict=True) if most is not None]
    kept = all(found <= most for found, most in limits)
    target = ", ".join(
        f"{name} <= {most * 1e6:g} us"
        for name, most in zip(("p50", "p99"), most_s, strict=True)
        if most is not None
    )
    return Row(
        GROUP,
        f"{scheduler} at {rate_per_s:,}/s",
        f"p50 {microseconds(p50_s)}, p99 {microseconds(p99_s)}, reached {reached_per_s:,.0f}",
        target,
        judged(kept, void=not sound) if limits else "",
        {
            "p50_s": p50_s,
            "p99_s": p99_s,
            "p99s_s": [each.percentile(0.99) for each in late],
            "generator_delays": [delays.generator for _, delays in turns],
            "faults": sorted({fault for each in results for fault in each.generator.faults}),
        },
    )


async def _wrk2(bench: Bench, rate_per_s: int, turn_s: int) -> Row:
    """wrk2 prints response times from the intended start: nginx's part of them is some 50 us."""
    what = f"wrk2 at {rate_per_s:,}/s"
    if shutil.which("wrk2") is None:
        return Row(GROUP, what, "not on PATH", "", "absent")
    # It calibrates for 10 s before it counts.
    command = peers.wrk2(f"http://{HOST}:{bench.nginx.port}{SAME}", CONNECTIONS, 10 + turn_s, rate_per_s)
    page, delays = await bench.peer(command)
    found = peers.wrk2_percentiles_s(page)
    says = f"p50 {microseconds(found[50.0])}, p99 {microseconds(found[99.0])}, service included"
    return Row(GROUP, what, says, "", "void" if delays.void else "")
