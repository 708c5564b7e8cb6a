"""How busy a server on this machine was during a load: what tells its limit from the generator's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from hinterland.rig.processes.ports import listeners
from hinterland.rig.processes.process_table import descendants, entry, scan


class ServerCpu:
    """The CPU time of whoever listens on a port of this machine, from now until `busiest_share`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._before_ns = threads_ns(serving(port))
        self._began_ns = time.monotonic_ns()

    def busiest_share(self) -> float | None:
        """Returns the share of the time for which the busiest thread of the server had a core.

        A server is at its limit when one of its threads is; one whose threads share a lock may be so
        earlier, which can't be seen from here. Threads that have ended by now do not count. None when
        nobody is seen to listen: another machine, another user's process, or none.
        """
        elapsed_ns = max(1, time.monotonic_ns() - self._began_ns)
        now_ns = threads_ns(serving(self._port))
        if not self._before_ns or not now_ns:
            return None
        return max(spent - self._before_ns.get(thread, 0) for thread, spent in now_ns.items()) / elapsed_ns


def serving(port: int) -> set[int]:
    """Returns the processes that hold a socket listening on `port`, and all below them that we can see."""
    sockets = {f"socket:[{each.inode}]" for each in listeners(port)}
    if not sockets:
        return set()
    holding = {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _holds(pid, sockets)}
    # Where this process serves, too, what is below it may be the generator.
    return holding | {each.pid for each in descendants(scan(), holding - {os.getpid()})}


def _holds(pid: int, sockets: set[str]) -> bool:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{name}") in sockets:
                    return True
    return False


def threads_ns(pids: Iterable[int]) -> dict[tuple[int, int], int]:
    """Returns the time in ns that each thread had a core, by its number and the start of its process."""
    found = {}
    for pid in pids:
        process = entry(pid)
        if process is None:
            continue
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    spent = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]
                    found[int(thread), process.start_ticks] = int(spent)
    return found
