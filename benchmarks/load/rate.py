"""How many requests a second one core can send in a closed loop: this engine and wrk, in turns."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from dataclasses import dataclass

from benchmarks.load.bench import (
    CONNECTIONS,
    DIFFERENT,
    HOST,
    SAME,
    VOID_ABOVE_RUN_DELAY,
    Bench,
    run_delay_ns,
)
from hinterland.load.http1 import Request, closed_loop
from hinterland.load.summary import summarise


@dataclass(frozen=True, slots=True)
class Turn:
    """One generator's turn. The run-queue delays are shares of its time; above 5 % it says nothing."""

    generator: str
    repeat: int
    rate_per_s: float
    generator_delay: float
    server_delay: float

    @property
    def void(self) -> bool:
        return max(self.generator_delay, self.server_delay) > VOID_ABOVE_RUN_DELAY


def generators() -> tuple[str, ...]:
    """Returns who takes part: wrk only where it is installed."""
    return ("engine", "wrk", "engine_different") if shutil.which("wrk") else ("engine", "engine_different")


async def turn(bench: Bench, generator: str, repeat: int, duration_s: float) -> Turn:
    """Lets one generator run against the server."""
    before_ns, began_ns = run_delay_ns(bench.pids), time.monotonic_ns()
    if generator == "wrk":
        rate_per_s, delay = await _wrk(bench, duration_s)
    else:
        path = SAME if generator == "engine" else DIFFERENT
        rate_per_s, delay = await _engine(bench, path, duration_s)
    server_delay = (run_delay_ns(bench.pids) - before_ns) / (time.monotonic_ns() - began_ns)
    return Turn(generator, repeat, rate_per_s, delay, server_delay)


async def _engine(bench: Bench, path: str, duration_s: float) -> tuple[float, float]:
    sample = await closed_loop(
        HOST, bench.nginx.port, Request(path=path), connections=CONNECTIONS, duration_s=duration_s
    )
    summary = summarise(sample)
    if summary.by_error or set(summary.by_status) != {200}:
        raise RuntimeError(f"nginx did not answer each request: {summary.by_error} {summary.by_status}")
    return summary.reached_per_s, sample.detail["run_delay_share"] or 0.0


async def _wrk(bench: Bench, duration_s: float) -> tuple[float, float]:
    """Runs wrk with one thread on this process's core; it takes whole seconds."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{round(duration_s)}s"]
    began_ns = time.monotonic_ns()
    process = await asyncio.create_subprocess_exec(
        *command, f"http://{HOST}:{bench.nginx.port}{SAME}", stdout=asyncio.subprocess.PIPE
    )
    finished = asyncio.ensure_future(process.communicate())
    delay_ns, read_ns = 0, began_ns + 1
    while not finished.done():
        # Its counters vanish with it: keep the last ones.
        if now_delay_ns := run_delay_ns([process.pid]):
            delay_ns, read_ns = now_delay_ns, time.monotonic_ns()
        await asyncio.wait({finished}, timeout=0.1)
    page = (await finished)[0].decode()
    found = re.search(r"Requests/sec:\s+([\d.]+)", page)
    if found is None or "Non-2xx" in page or "Socket errors" in page:
        raise RuntimeError(f"wrk did not get its answers: {page}")
    return float(found[1]), delay_ns / (read_ns - began_ns)
