"""Who lives in the hosts of a link, wherever it was started and whatever it left behind to get away.

A daemon leaves its session, its parent and its folder, but not its network namespace: so the programs of a
link are found by that, and none outlives the link.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection

PAUSE_S = 0.002


def inhabitants(networks: Collection[int], besides: Collection[int] = ()) -> list[int]:
    """Returns the processes whose network namespace is one of `networks` (descriptors), except `besides`.

    This process is never among them. A process of another user whose namespaces we may not read is no
    inhabitant: only we can put a process there.
    """
    wanted = {(found.st_dev, found.st_ino) for found in map(os.fstat, networks)}
    left_out = {os.getpid(), *besides}
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in left_out:
            continue
        with contextlib.suppress(OSError):
            where = os.stat(f"/proc/{entry}/ns/net")
            if (where.st_dev, where.st_ino) in wanted:
                found.append(int(entry))
    return found


def end_inhabitants(networks: Collection[int], besides: Collection[int] = (), timeout_s: float = 5.0) -> int:
    """Kills the inhabitants until there is none, and returns how many there were.

    Gives up after `timeout_s`: a process that the kernel can't end holds its namespace open anyway.
    """
    ended: set[int] = set()
    end_s = time.monotonic() + timeout_s
    while found := inhabitants(networks, besides):
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended.update(found)
        if time.monotonic() > end_s:
            break
        time.sleep(PAUSE_S)
    return len(ended)
