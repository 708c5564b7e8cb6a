"""What a process tree uses: CPU, memory, run-queue delay, open files.

CPU time comes from each process's CPU clock (nanoseconds, threads that ended included). The bytes a process
causes to be written to a device are *not* here: the kernel's per-process count charges whole large folios;
see `device`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from hinterland.errors import InternalError
from hinterland.package import FOLDER
from hinterland.rig.probes import sampler
from hinterland.rig.processes.process_table import Entry

# Makes the package without its __init__, so that the sampler starts in about 15 ms.
BOOT = (
    "import sys, types; p = types.ModuleType('hinterland'); p.__path__ = [sys.argv[1]];"
    " sys.modules['hinterland'] = p; from hinterland.rig.probes.sampler import main; main()"
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree uses at one moment, and the CPU time and run-queue delay of its living processes so far.

    `pss_bytes` counts a page that n processes share 1/n in each: sum it over a pool of processes.
    """

    processes: int
    threads: int
    open_files: int
    rss_bytes: int
    pss_bytes: int
    cpu_s: float
    run_delay_s: float


def usage(members: Iterable[Entry]) -> Usage:
    """Returns what the processes `members` use now."""
    living = [each for each in members if not each.ended]
    threads = {each.pid: sampler.thread_count(each.pid) for each in living}
    return Usage(
        processes=len(living),
        threads=sum(threads.values()),
        open_files=sum(sampler.open_files(each.pid) for each in living),
        rss_bytes=sum(each.rss_bytes for each in living),
        pss_bytes=sum(sampler.pss_bytes(each.pid) for each in living),
        cpu_s=sum(sampler.cpu_ns(each.pid) for each in living) / 1e9,
        run_delay_s=sum(sampler.run_delay_ns(pid, n) for pid, n in threads.items()) / 1e9,
    )


class Watched(Protocol):
    """A process that may be started again: `watchers` are told the new pid."""

    name: str
    pid: int
    watchers: list[Callable[[int], None]]


class Probe:
    """Measures a process tree between `__aenter__` and `__aexit__`; its values are there afterwards.

    A second process samples, every `interval_s`. Processes that are born and die between two samples are
    missed. A restart of the process is followed.
    """

    def __init__(self, process: Watched, interval_s: float = 0.05) -> None:
        self.process = process
        self.interval_s = interval_s
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self.run_delay_s = 0.0
        self.write_call_bytes = 0
        self.pss_bytes = 0
        self.t_ns: list[int] = []
        self.rss_bytes: list[int] = []
        self.open_files: list[int] = []
        self.threads: list[int] = []
        self._sampler: subprocess.Popen[bytes] | None = None

    @property
    def rss_peak_bytes(self) -> int:
        """The highest sampled resident memory."""
        return max(self.rss_bytes, default=0)

    @property
    def open_files_peak(self) -> int:
        """The highest sampled number of open file descriptors."""
        return max(self.open_files, default=0)

    @property
    def cpu_share(self) -> float:
        """CPU time by wall time: 1.0 is one core kept busy."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0

    @property
    def run_delay_share(self) -> float:
        """Time that its threads were ready but had no core, summed, by wall time."""
        return self.run_delay_s / self.wall_s if self.wall_s else 0.0

    async def __aenter__(self) -> Probe:
        self._sampler = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", BOOT, str(FOLDER), str(self.interval_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._add(self.process.pid)
        self.process.watchers.append(self._add)
        assert self._sampler.stdout is not None
        line = await asyncio.get_running_loop().run_in_executor(None, self._sampler.stdout.readline)
        if line != b"ready\n":
            raise InternalError(f"{self.process.name}: the sampler did not start ({line!r}).")
        return self

    def _add(self, pid: int) -> None:
        assert self._sampler is not None
        assert self._sampler.stdin is not None
        with contextlib.suppress(OSError):
            self._sampler.stdin.write(f"root {pid}\n".encode())
            self._sampler.stdin.flush()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._sampler is not None
        self.process.watchers.remove(self._add)
        out, _ = await asyncio.get_running_loop().run_in_executor(None, self._sampler.communicate)
        if error is None:
            self._take(out)

    def _take(self, out: bytes) -> None:
        try:
            found: dict[str, Any] = json.loads(out)
        except ValueError:
            raise InternalError(f"{self.process.name}: the sampler ended early.") from None
        columns = list(zip(*found["samples"], strict=True))
        self.t_ns, self.rss_bytes, self.open_files, self.threads = (list(column) for column in columns)
        self.wall_s = (self.t_ns[-1] - self.t_ns[0]) / 1e9
        self.cpu_s = found["cpu_ns"] / 1e9
        self.run_delay_s = found["run_delay_ns"] / 1e9
        self.write_call_bytes = found["write_call_bytes"]
        self.pss_bytes = found["pss_bytes"]
