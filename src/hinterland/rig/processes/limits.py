"""What the kernel allows the programs of this machine: open files, threads and their stacks."""

from __future__ import annotations

import resource
from pathlib import Path

OPEN_FILES = 65_536
KERNEL = Path("/proc/sys/kernel")
MOST_MAPPINGS = Path("/proc/sys/vm/max_map_count")
GROUP_LIMITS = (Path("/sys/fs/cgroup/pids.max"), Path("/sys/fs/cgroup/pids/pids.max"))
OTHER_THREADS = 2_000
"""Left for everything else that runs."""
OTHER_MAPPINGS = 2_000
MAPPINGS_A_STACK = 2
"""The stack, and the page in front of it that no thread may touch."""


def open_files() -> tuple[int, int]:
    """Returns how many files a started program may open: soft limit, raised as far as it may be, and hard."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return soft, hard
    return max(soft, OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)), hard


def files() -> int:
    """Returns how many files one program that the rig starts may open."""
    return open_files()[0]


def threads() -> int:
    """Returns how many threads fit on the machine beside what runs there, in all processes together."""
    found = [KERNEL / "pid_max", KERNEL / "threads-max", *GROUP_LIMITS]
    return max(0, min(_numbers(found), default=1 << 22) - OTHER_THREADS)


def stacks() -> int:
    """Returns how many threads fit in one process: each has mappings of its own, and those are counted."""
    return max(1, (min(_numbers([MOST_MAPPINGS]), default=65_530) - OTHER_MAPPINGS) // MAPPINGS_A_STACK)


def _numbers(files: list[Path]) -> list[int]:
    """Returns what stands in those of the files that there are and that name a number (`max` is none)."""
    words = []
    for file in files:
        try:
            words.append(file.read_text().strip())
        except OSError:
            continue
    return [int(word) for word in words if word.isdecimal()]
