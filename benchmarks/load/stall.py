"""A stall of known length: what the operations due in it must have waited, and what a generator says.

The server is stopped by a process of its own, so that the generator is not disturbed; both read
CLOCK_MONOTONIC.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.bench import CONNECTIONS, HOST, SAME, VOID_ABOVE_RUN_DELAY, Bench, run_delay_ns
from hinterland.load import arrivals
from hinterland.load.http1 import Request, closed_loop, open_loop
from hinterland.load.summary import summarise
from hinterland.model.history import LoadSample

RATE_PER_S = 10_000
QUANTILES = (99.0, 99.9)
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


@dataclass(frozen=True, slots=True)
class Stall:
    """Percentiles in ms, in the order of QUANTILES: the truth, what an open and what a closed loop says.

    `service_ms` are the open loop's, counted from sending instead of from the intended moment. `worst` is
    the largest relative difference between the open loop and the truth.
    """

    duration_s: float
    stall_s: float
    truth_ms: tuple[float, ...]
    open_ms: tuple[float, ...]
    closed_ms: tuple[float, ...]
    service_ms: tuple[float, ...]
    lateness_p99_us: float
    generator_delay: float
    server_delay: float
    pacing: str

    @property
    def void(self) -> bool:
        return max(self.generator_delay, self.server_delay) > VOID_ABOVE_RUN_DELAY

    @property
    def worst(self) -> float:
        return max(abs(ours / true - 1) for ours, true in zip(self.open_ms, self.truth_ms, strict=True))


async def measure(bench: Bench, duration_s: float, stall_s: float) -> Stall:
    """Stops the server in the middle of an open and of a closed loop."""
    schedule = arrivals.constant(RATE_PER_S, duration_s)
    before_ns, began_ns = run_delay_ns(bench.pids), time.monotonic_ns()
    stopping = asyncio.ensure_future(_stop(bench, duration_s, stall_s))
    opened = await open_loop(
        HOST, bench.nginx.port, Request(path=SAME), schedule=schedule, connections=CONNECTIONS
    )
    stopped_ns, continued_ns = await stopping
    server_delay = (run_delay_ns(bench.pids) - before_ns) / (time.monotonic_ns() - began_ns)
    stopping = asyncio.ensure_future(_stop(bench, duration_s, stall_s))
    closed = await closed_loop(
        HOST, bench.nginx.port, Request(path=SAME), connections=CONNECTIONS, duration_s=duration_s
    )
    await stopping
    summary = summarise(opened)
    return Stall(
        duration_s=duration_s,
        stall_s=(continued_ns - stopped_ns) / 1e9,
        truth_ms=_percentiles_ms(truth_s(opened, stopped_ns, continued_ns)),
        open_ms=_percentiles_ms(summary.response_s),
        closed_ms=_percentiles_ms(summarise(closed).response_s),
        service_ms=_percentiles_ms(summary.service_s),
        lateness_p99_us=opened.detail["lateness_p99_us"],
        generator_delay=opened.detail["run_delay_share"] or 0.0,
        server_delay=server_delay,
        pacing=opened.detail["pacing"],
    )


def truth_s(sample: LoadSample, stopped_ns: int, continued_ns: int) -> NDArray[np.float64]:
    """Returns the least that each operation waited, in s: until the end of the stall if due in it, else 0."""
    due_in_it = (sample.intended_ns >= stopped_ns) & (sample.intended_ns < continued_ns)
    return np.where(due_in_it, (continued_ns - sample.intended_ns) / 1e9, 0.0)


def _percentiles_ms(values_s: NDArray[np.float64]) -> tuple[float, ...]:
    """Returns the order statistics at QUANTILES, in ms: each is a value that was measured."""
    return tuple(float(value) * 1e3 for value in np.percentile(values_s, QUANTILES, method="higher"))


async def _stop(bench: Bench, duration_s: float, stall_s: float) -> tuple[int, int]:
    """Stops the server for `stall_s` in the middle; returns when it stood and when it went on, in ns."""
    begin_ns = time.monotonic_ns() + round((duration_s - stall_s) / 2 * 1e9)
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
