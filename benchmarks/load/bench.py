"""The bench: one nginx on the servers' core, generators on another, and who waited for a core."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hinterland.load.conductor import idle_cores
from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import LoadPlan, Target
from hinterland.load.plan.protocols import Protocol
from hinterland.load.result.result import LoadResult
from hinterland.rig.processes.process_table import descendants_of
from hinterland.rig.processes.supervision import children_of
from hinterland.rig.rig import Rig
from hinterland.rig.services.nginx import Nginx
from hinterland.rig.services.nginx import nginx as nginx_service

HOST = "127.0.0.1"
CONNECTIONS = 64
# Two answers of the same kind: one always of the same bytes, one that is never the same twice.
SAME, DIFFERENT = "/", "/number"
LOCATIONS = f"""
location = {SAME} {{ return 200; }}
location = {DIFFERENT} {{ return 200 "$connection $connection_requests"; }}
"""
HTTP2 = "server {{ listen {host}:{port} http2; {locations} }}"
VOID_ABOVE_RUN_DELAY = 0.05


@dataclass(frozen=True, slots=True)
class Delays:
    """The shares of the time for which generator and server were ready to run and had no core.

    `cpu_s`: the CPU time of the generator, start included for one that is a program of its own.
    """

    generator: float
    server: float
    cpu_s: float

    @property
    def void(self) -> bool:
        return max(self.generator, self.server) > VOID_ABOVE_RUN_DELAY

    def __str__(self) -> str:
        return f"run-queue delay {self.generator:.1%} of the generator, {self.server:.1%} of the server"


@dataclass(frozen=True, slots=True)
class Bench:
    """`pids` are nginx's processes, `server_cores` and `generator_cores` where each side runs."""

    rig: Rig
    nginx: Nginx
    http2_port: int
    pids: tuple[int, ...]
    server_cores: frozenset[int]
    generator_cores: frozenset[int]
    scratch: Path

    def plan(self, *, port: int | None = None, protocol: Protocol = "http1", **asked: Any) -> LoadPlan:
        """Returns a load on nginx by one process of the engine."""
        target = Target(url="", protocol=protocol, host=HOST, port=port or self.nginx.port)
        return LoadPlan(**{"target": target, "connections": CONNECTIONS, "processes": 1, **asked})

    async def load(
        self,
        plan: LoadPlan,
        *,
        pids: Iterable[int] | None = None,
        watch: Callable[[LoadResult], None] | None = None,
    ) -> tuple[LoadResult, Delays]:
        """Runs a load whose processes have the generator's cores; this process leaves those when it has
        begun.

        `pids`: the server's processes, nginx's by default.
        """
        serving = self.pids if pids is None else tuple(pids)

        def leave(partial: LoadResult) -> None:
            os.sched_setaffinity(0, self.server_cores)
            if watch is not None:
                watch(partial)

        os.sched_setaffinity(0, self.generator_cores)
        before_ns, began_ns = run_delay_ns(serving), time.monotonic_ns()
        try:
            result = await run_load(plan, watch=leave)
        finally:
            os.sched_setaffinity(0, self.generator_cores)
        waited_ns, took_ns = run_delay_ns(serving) - before_ns, time.monotonic_ns() - began_ns
        generator = max((each.run_delay_share for each in result.generator.processes), default=0.0)
        cpu_s = sum(each.cpu_share for each in result.generator.processes) * result.window_s
        return result, Delays(generator, waited_ns / took_ns, cpu_s)

    async def peer(self, command: Sequence[str | Path], timeout_s: float = 60.0) -> tuple[str, Delays]:
        """Runs another generator on the generator's cores; returns what it printed, and who waited."""
        os.sched_setaffinity(0, self.generator_cores)
        server_ns, began_ns = run_delay_ns(self.pids), time.monotonic_ns()
        cpu_before_s, busy_before_s = _children_s(), busy_s(self.generator_cores)
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self.scratch,
        )
        finished = asyncio.ensure_future(process.communicate())
        delay_ns, read_ns = 0, began_ns + 1
        try:
            async with asyncio.timeout(timeout_s):
                while not finished.done():
                    # Its counters vanish with it: keep the last ones.
                    if now_ns := run_delay_ns([process.pid, *descendants_of(process.pid)]):
                        delay_ns, read_ns = now_ns, time.monotonic_ns()
                    await asyncio.wait({finished}, timeout=0.1)
        finally:
            if not finished.done():
                process.kill()
                await finished
        took_ns = time.monotonic_ns() - began_ns
        server = (run_delay_ns(self.pids) - server_ns) / took_ns
        cpu_s = _children_s() - cpu_before_s
        # Threads of one program that wait for each other are its own affair: it was disturbed for as long at
        # most as its cores were busy with something else.
        others_s = max(0.0, busy_s(self.generator_cores) - busy_before_s - cpu_s)
        generator = min(delay_ns / (read_ns - began_ns), others_s * 1e9 / took_ns)
        return finished.result()[0].decode(errors="replace"), Delays(generator, server, cpu_s)


@contextlib.asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """Starts nginx with one worker and pins both sides; puts everything back afterwards."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="hinterland-bench-") as folder:
        scratch, cache = Path(folder, "scratch"), Path(folder, "cache")
        scratch.mkdir()
        cache.mkdir()
        async with Rig(scratch, cache, lambda event: None) as rig:
            http2_port = rig.free_port()
            http2 = HTTP2.format(host=HOST, port=http2_port, locations=LOCATIONS)
            nginx = await rig.start(nginx_service(LOCATIONS, http=http2))
            pids = await _with_workers(nginx.process.pid)
            for pid in pids:
                os.sched_setaffinity(pid, rig.server_cores)
            os.sched_setaffinity(0, rig.generator_core)
            try:
                yield Bench(rig, nginx, http2_port, pids, rig.server_cores, rig.generator_core, scratch)
            finally:
                os.sched_setaffinity(0, cores)


async def _with_workers(master: int) -> tuple[int, ...]:
    """Returns the pids of the master and its workers, once there is a worker."""
    for _ in range(1000):
        if workers := children_of(master):
            return (master, *workers)
        await asyncio.sleep(0.005)
    raise RuntimeError("nginx has started no worker")


def _children_s() -> float:
    """Returns the CPU time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy_s(cores: Iterable[int]) -> float:
    """Returns for how long these cores have been busy since the machine began, what a hypervisor took
    included.

    The kernel counts it in hundredths of a second.
    """
    ticks = idle_cores.read()
    return sum(whole - idle for idle, whole in (ticks[core] for core in cores)) / os.sysconf("SC_CLK_TCK")


def run_delay_ns(pids: Iterable[int]) -> int:
    """Returns how long the threads of these processes have waited for a core, in ns."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[1])
    return total
