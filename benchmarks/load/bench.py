"""The bench: one nginx on the servers' core, this process on the generator's, and who waited for a core."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from hinterland.rig.nginx import Nginx
from hinterland.rig.rig import Rig
from hinterland.rig.supervision import children_of

HOST = "127.0.0.1"
CONNECTIONS = 64
# Two answers of the same kind: one always of the same bytes, one that is never the same twice.
SAME, DIFFERENT = "/", "/number"
CONFIGURATION = f"""
location = {SAME} {{ return 200; }}
location = {DIFFERENT} {{ return 200 "$connection $connection_requests"; }}
"""
VOID_ABOVE_RUN_DELAY = 0.05


@dataclass(frozen=True, slots=True)
class Bench:
    """`pids` are nginx's processes, `server_cores` and `generator_cores` where each side runs."""

    nginx: Nginx
    pids: tuple[int, ...]
    server_cores: frozenset[int]
    generator_cores: frozenset[int]


@contextlib.asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """Starts nginx with one worker and pins both sides; puts everything back afterwards."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="hinterland-bench-") as folder:
        scratch, cache = Path(folder, "scratch"), Path(folder, "cache")
        scratch.mkdir()
        cache.mkdir()
        async with Rig(scratch, cache, lambda event: None) as rig:
            nginx = await rig.nginx(CONFIGURATION)
            pids = await _with_workers(nginx.process.pid)
            for pid in pids:
                os.sched_setaffinity(pid, rig.server_cores)
            os.sched_setaffinity(0, rig.generator_core)
            try:
                yield Bench(nginx, pids, rig.server_cores, rig.generator_core)
            finally:
                os.sched_setaffinity(0, cores)


async def _with_workers(master: int) -> tuple[int, ...]:
    """Returns the pids of the master and its workers, once there is a worker."""
    for _ in range(1000):
        if workers := children_of(master):
            return (master, *workers)
        await asyncio.sleep(0.005)
    raise RuntimeError("nginx has started no worker")


def run_delay_ns(pids: Iterable[int]) -> int:
    """Returns how long the threads of these processes have waited for a core, in ns."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[1])
    return total
