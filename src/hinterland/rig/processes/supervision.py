"""No process outlives the one that started it.

Three means, each closing a gap of the others:

- PR_SET_PDEATHSIG: the kernel kills a child when the *thread* that forked it ends. It is lost when the child
  changes credentials, and is not inherited by grandchildren.
- PR_SET_CHILD_SUBREAPER: a process whose parent died becomes a child of the nearest subreaper, so that a
  daemon that left its session can still be found.
- `end_descendants`: kills what is below a process, until nothing is.

Imports only `ctypes` and `os`, and loads libc here: after a fork little is safe to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable

from hinterland.errors import InternalError
from hinterland.rig.processes.process_table import (
    Entry,
    children_of,
    descendants,
    descendants_of,
    entry,
    scan,
)

__all__ = [
    "become_subreaper",
    "children_of",
    "descendants_of",
    "die_with_parent",
    "end_descendants",
    "is_running",
    "reap",
]

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
_prctl.restype = ctypes.c_int


def die_with_parent(parent: int | None = None, number: int = signal.SIGKILL) -> None:
    """Asks the kernel to send this process `number` when its parent ends.

    Call it in the child after the fork and after any change of user. `parent` is the parent's pid, read
    before the fork: without it a parent that died before this call goes unnoticed. The parent must fork from
    a thread that stays, because the kernel watches the thread and not the process.
    """
    expected = os.getppid() if parent is None else parent
    if _prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != expected:
        os.kill(os.getpid(), number)


def become_subreaper() -> None:
    """Makes this process the new parent of every descendant whose parent dies."""
    if _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def reap(pid: int) -> bool:
    """Collects the exit status of the child `pid`. Returns True when it had ended; never waits."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False


def end_descendants(pid: int, keep: Iterable[int] = (), timeout_s: float = 10.0) -> None:
    """Kills every process below `pid` with SIGKILL and returns when none is left.

    Leaves out `keep` and what is below those. Our own children among them are reaped; zombies of a live
    foreign parent count as gone, for they are its to collect. A process that forks while it is being killed
    is met in the next round. Raises InternalError when something still lives after `timeout_s`.
    """
    keep = set(keep)
    end_s = time.monotonic() + timeout_s
    pause_s = 0.0005
    while left := _living_below(pid, keep):
        for each in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        if time.monotonic() > end_s:
            pids = ", ".join(str(each.pid) for each in left)
            raise InternalError(f"processes {pids} did not end within {timeout_s:g} s of SIGKILL.")
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.02)


def _living_below(pid: int, keep: set[int]) -> list[Entry]:
    """Returns what still runs below `pid`, after reaping our own zombies among it."""
    me = os.getpid()
    living: list[Entry] = []
    reaped = True
    while reaped:
        # Reaping a parent hands its children on to us: look again until nothing moves.
        reaped = False
        living = []
        for each in descendants(scan(), [pid], keep):
            if not each.ended:
                living.append(each)
            elif each.parent == me and reap(each.pid):
                reaped = True
    return living


def is_running(pid: int) -> bool:
    """Decides whether `pid` runs: False for a zombie and for a number that no process has."""
    found = entry(pid)
    return found is not None and not found.ended
