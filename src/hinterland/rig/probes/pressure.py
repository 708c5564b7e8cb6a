"""Whether something else ate the machine: steal, pressure stalls and the CPU time of others."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from types import TracebackType

from hinterland.rig.probes.sampler import cpu_ns
from hinterland.rig.processes.process_table import TICKS_PER_S, descendants_of

IDLE, IOWAIT, STEAL, USED = 3, 4, 7, 8
"""Places in the list of ticks; the first `USED` add up to all of the time, guests' time stands in user's."""


class MachineProbe:
    """Watches the machine while it is entered; its values are there afterwards.

    `steal_share`: CPU time that the hypervisor gave to others, by all CPU time. `cpu_some_share`,
    `io_some_share`, `memory_some_share`: share of the time in which some task was stalled on it (PSI), None
    on a kernel without. `others_share`: busy CPU time that neither this process nor its descendants used,
    by all CPU time.
    """

    def __init__(self) -> None:
        self.wall_s = 0.0
        self.steal_share = 0.0
        self.others_share = 0.0
        self.cpu_some_share: float | None = None
        self.io_some_share: float | None = None
        self.memory_some_share: float | None = None

    def __enter__(self) -> MachineProbe:
        self._started_ns = time.monotonic_ns()
        self._cpu = cpu_ticks()
        self._own_s = own_cpu_s()
        self._stalls = {name: stalled_us(name) for name in ("cpu", "io", "memory")}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s = (time.monotonic_ns() - self._started_ns) / 1e9
        used = [now - then for now, then in zip(cpu_ticks(), self._cpu, strict=True)]
        total = sum(used[:USED]) or 1
        busy = sum(used[:USED]) - used[IDLE] - used[IOWAIT] - used[STEAL]
        own = (own_cpu_s() - self._own_s) * TICKS_PER_S
        self.steal_share = used[STEAL] / total
        self.others_share = min(1.0, max(0.0, (busy - own) / total))
        self.cpu_some_share = self._share("cpu")
        self.io_some_share = self._share("io")
        self.memory_some_share = self._share("memory")

    def _share(self, name: str) -> float | None:
        before, now = self._stalls[name], stalled_us(name)
        if before is None or now is None or not self.wall_s:
            return None
        return min(1.0, (now - before) / 1e6 / self.wall_s)


def stalled_us(name: str) -> int | None:
    """Returns for how long some task was stalled on `cpu`, `io` or `memory` since boot, None without PSI."""
    try:
        first = Path(f"/proc/pressure/{name}").read_text().splitlines()[0]
    except (OSError, IndexError):
        return None
    return int(first.rpartition("total=")[2])


def cpu_ticks() -> list[int]:
    """Returns user, nice, system, idle, iowait, irq, softirq and steal time of all cores together."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return [int(word) for word in words]


def own_cpu_s() -> float:
    """Returns the CPU time of this process, its living descendants and its children that ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    living = sum(cpu_ns(pid) for pid in [os.getpid(), *descendants_of(os.getpid())])
    return living / 1e9 + ended.ru_utime + ended.ru_stime
