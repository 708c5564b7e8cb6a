"""The System V shared memory segment that PostgreSQL always makes, to notice a second server on its data
folder.

It outlives a server that was killed, so it is removed with the folder. `postmaster.pid` holds its number.
"""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

IPC_RMID = 0
SHARED_MEMORY_LINE = 6
DEPTH = 4

_libc = ctypes.CDLL(None, use_errno=True)


def release(folder: Path) -> list[int]:
    """Removes the segments of the PostgreSQL data folders in `folder`. Returns their numbers.

    Call it when their servers have ended.
    """
    removed = []
    for depth in range(1, DEPTH + 1):
        for pid_file in folder.glob("*/" * depth + "postmaster.pid"):
            number = _segment(pid_file)
            if number is not None and _is_unused(*number) and _libc.shmctl(number[1], IPC_RMID, None) == 0:
                removed.append(number[1])
    return removed


def _segment(pid_file: Path) -> tuple[int, int] | None:
    """Returns the segment's key and number that the file holds."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        key, number = pid_file.read_text().splitlines()[SHARED_MEMORY_LINE].split()
        return int(key), int(number)
    return None


def _is_unused(key: int, number: int) -> bool:
    """Decides whether the segment is still the one of that key, with no process attached."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
            words = line.split()
            if int(words[1]) == number:
                return int(words[0]) & 0xFFFFFFFF == key & 0xFFFFFFFF and int(words[6]) == 0
    return False
