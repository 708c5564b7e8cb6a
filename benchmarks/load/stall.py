"""A stall of known length: what the operations due in it must have waited, and what a generator says.

The server is stopped by a process of its own, so that the generator is not disturbed. The truth comes from
the schedule and the two moments at which the server stopped and went on: an operation due in between waited
at least until the end. The median is not touched by a stall of a tenth of the time; its truth is that of
the seconds which the stall did not reach, before it and after what it had held up was answered.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from math import ceil

import numpy as np

from benchmarks.load.bench import Bench, Delays
from benchmarks.load.row import Row, judged
from hinterland.load.plan.plan import Arrivals
from hinterland.load.result.result import LoadResult
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import Histogram

GROUP = "stall"
RATE_PER_S = 10_000
QUANTILES = (0.5, 0.99, 0.999)
TARGET = 0.02
STOPPER = """
import os, signal, sys, time
pids, begin_ns, length_s = [int(p) for p in sys.argv[1].split(",")], int(sys.argv[2]), float(sys.argv[3])
os.sched_setaffinity(0, {int(core) for core in sys.argv[4].split(",")})
time.sleep(max(0, begin_ns - time.monotonic_ns()) / 1e9)
for pid in pids:
    os.kill(pid, signal.SIGSTOP)
stopped = lambda pid: open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "T"
while not all(stopped(pid) for pid in pids):
    pass
stopped_ns = time.monotonic_ns()
time.sleep(length_s)
continued_ns = time.monotonic_ns()
for pid in pids:
    os.kill(pid, signal.SIGCONT)
print(stopped_ns, continued_ns)
"""


async def rows(bench: Bench, attempts: int, duration_s: float, stall_s: float) -> AsyncIterator[Row]:
    """Yields each percentile beside its truth, of the first undisturbed run, and what a closed loop says."""
    for _ in range(attempts):
        opened, delays, length_s = await _stalled(bench, "open", duration_s, stall_s)
        truths = _truths_s(opened, length_s)
        found = Histogram.from_counts(opened.response)
        apart = [abs(found.percentile(q) / true - 1) for q, true in zip(QUANTILES, truths, strict=True)]
        if not delays.void:
            break
    service = Histogram.from_counts(opened.service)
    for q, true, off in zip(QUANTILES, truths, apart, strict=True):
        yield Row(
            GROUP,
            f"p{q * 100:g}, {length_s:.3f} s of {duration_s:g} s",
            f"{_ms(found.percentile(q))} (truth {_ms(true)}): {off:.2%} off",
            f"within {TARGET:.0%}",
            judged(off <= TARGET, void=delays.void),
            {"truth_s": true, "found_s": found.percentile(q), "generator_delay": delays.generator},
        )
    yield Row(GROUP, "the same from the moment of sending", _line(service))
    closed, _, _ = await _stalled(bench, "closed", duration_s, stall_s)
    yield Row(GROUP, "closed loop, the same stall", _line(Histogram.from_counts(closed.response)))


async def _stalled(
    bench: Bench, model: str, duration_s: float, stall_s: float
) -> tuple[LoadResult, Delays, float]:
    """Runs a load with a stall in its middle; returns how long that was, too."""
    stopping: list[asyncio.Task[tuple[int, int]]] = []

    def begun(_: LoadResult) -> None:
        if not stopping:
            stopping.append(asyncio.ensure_future(_stop(bench, (duration_s - stall_s) / 2, stall_s)))

    asked = bench.plan(
        model=model,
        duration_s=duration_s,
        arrivals=Arrivals(rate_per_s=RATE_PER_S) if model == "open" else Arrivals(),
        scheduler="spin",
    )
    result, delays = await bench.load(asked, watch=begun)
    stopped_ns, continued_ns = await stopping[0]
    return result, delays, (continued_ns - stopped_ns) / 1e9


def _truths_s(result: LoadResult, stall_s: float) -> list[float]:
    """Returns what each percentile must be: the median from the seconds that the stall did not reach, the
    others from the stall alone."""
    waited_s = np.arange(round(stall_s * RATE_PER_S), 0, -1) / RATE_PER_S
    least_s = np.zeros(result.operations)
    least_s[-len(waited_s) :] = np.sort(waited_s)
    begun_s, over_s = (result.window_s - stall_s) / 2, (result.window_s + stall_s) / 2
    # What was held up is answered within a second of the stall's end.
    calm = [*result.seconds[: int(begun_s)], *result.seconds[ceil(over_s) + 1 :]]
    # In a run with a stall the median of all is a little higher up among those that it did not reach.
    share = 0.5 * result.operations / (result.operations - len(waited_s))
    return [_merged([second.response for second in calm]).percentile(share)] + [
        float(np.quantile(least_s, q, method="higher")) for q in QUANTILES[1:]
    ]


def _merged(counts: list[Counts]) -> Histogram:
    whole = Histogram()
    for each in counts:
        whole.merge(each)
    return whole


async def _stop(bench: Bench, after_s: float, stall_s: float) -> tuple[int, int]:
    """Stops the server for `stall_s`; returns when it stood and when it went on, in ns."""
    begin_ns = time.monotonic_ns() + round(after_s * 1e9)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STOPPER,
        ",".join(map(str, bench.pids)),
        str(begin_ns),
        str(stall_s),
        ",".join(map(str, bench.server_cores)),
        stdout=asyncio.subprocess.PIPE,
    )
    page, _ = await process.communicate()
    stopped_ns, continued_ns = page.split()
    return int(stopped_ns), int(continued_ns)


def _ms(value_s: float) -> str:
    return f"{value_s * 1e3:.4g} ms"


def _line(times: Histogram) -> str:
    return ", ".join(f"p{q * 100:g} {_ms(times.percentile(q))}" for q in QUANTILES)
