"""What a process of the generator used of the machine since a moment: core, waiting for a core, memory."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from msgspec import Struct, structs

from hinterland.load.engine.watch import run_delay_ns


class Used(Struct, frozen=True):
    """Shares of `elapsed_ns`: on a core, and ready to run but with none. Memory at its most."""

    cpu_share: float
    run_delay_share: float
    max_rss_bytes: int
    elapsed_ns: int


class Vitals:
    """Reads them for the calling thread, which is the one that drives the load."""

    def __init__(self) -> None:
        self.mark()

    def mark(self) -> None:
        """Counts from now on."""
        self._since_ns, self._cpu_ns = time.monotonic_ns(), time.thread_time_ns()
        self._delay_ns = run_delay_ns() or 0
        self._held: Used | None = None

    def hold(self) -> None:
        """What is used from now on does not count."""
        self._held = self.used()

    def used(self) -> Used:
        """Returns what was used since the mark, or between the mark and the moment of `hold`."""
        if self._held is not None:
            return structs.replace(self._held, max_rss_bytes=_max_rss_bytes())
        elapsed_ns = max(1, time.monotonic_ns() - self._since_ns)
        return Used(
            min(1.0, (time.thread_time_ns() - self._cpu_ns) / elapsed_ns),
            # The kernel may only now account for a wait that began before the mark.
            min(1.0, ((run_delay_ns() or 0) - self._delay_ns) / elapsed_ns),
            _max_rss_bytes(),
            elapsed_ns,
        )


def _max_rss_bytes() -> int:
    """Returns the most memory this program has had; `getrusage` would count its parent's, too."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
