"""A limit on memory, page cache included.

It is a control group: cgroup v1 as root, or v2 where it is delegated to us.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from hinterland.errors import SetupError

PREFIX = "hinterland-"
NEXT_STEP = "Run as root, or: systemd-run --user --scope -p Delegate=yes hinterland ..."


class MemoryLimit:
    """A control group that may hold `size_bytes`. Raises SetupError where this machine lets us make none."""

    def __init__(self, size_bytes: int) -> None:
        parent = parent_group()
        if parent is None:
            raise SetupError(
                "Memory can't be limited here: no memory control group is ours to write.", NEXT_STEP
            )
        self.size_bytes = size_bytes
        self.folder = parent / f"{PREFIX}{os.getpid()}-{os.urandom(3).hex()}"
        self._parent = parent
        try:
            self.folder.mkdir()
            self._set(size_bytes)
        except OSError as error:
            self.remove()
            raise SetupError(
                f"{self.folder}: memory can't be limited ({error.strerror}).", NEXT_STEP
            ) from error

    def _set(self, size_bytes: int) -> None:
        if _is_v1(self._parent):
            (self.folder / "memory.limit_in_bytes").write_text(str(size_bytes))
            # What swaps would not feel the limit.
            self._try("memory.memsw.limit_in_bytes", str(size_bytes))
        else:
            (self.folder / "memory.max").write_text(str(size_bytes))
            self._try("memory.swap.max", "0")

    def _try(self, name: str, value: str) -> None:
        with contextlib.suppress(OSError):
            (self.folder / name).write_text(value)

    @property
    def entrances(self) -> tuple[Path, ...]:
        """The files to which a process writes `0` to enter."""
        return (self.folder / "cgroup.procs",)

    def enter(self, pid: int | None = None) -> None:
        """Puts the process `pid` (default: this one) under the limit.

        What it has in memory already does not count.
        """
        (self.folder / "cgroup.procs").write_text(str(os.getpid() if pid is None else pid))

    def used_bytes(self) -> int:
        """Returns what the group holds now, page cache included."""
        name = "memory.usage_in_bytes" if _is_v1(self._parent) else "memory.current"
        return int((self.folder / name).read_text())

    def remove(self) -> None:
        """Moves out who is still inside and removes the group."""
        _remove(self.folder)


def parent_group() -> Path | None:
    """Returns the control group in which we may make one that limits memory, None where there is none."""
    v1 = _mount("cgroup", "memory")
    if v1 is not None:
        return v1 if os.access(v1, os.W_OK) else None
    v2 = _mount("cgroup2")
    if v2 is None:
        return None
    own = _own_group(v2)
    # A process may be moved below a group that is ours to write and holds the process already.
    for group in (own, *own.parents):
        if group == v2.parent:
            break
        if _delegates_memory(group):
            return group
    return None


def sweep_stale() -> None:
    """Removes the groups of runs whose process is gone."""
    parent = parent_group()
    if parent is None:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        pid = folder.name[len(PREFIX) :].partition("-")[0]
        if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
            _remove(folder)


def _remove(folder: Path, timeout_s: float = 1.0) -> None:
    end_s = time.monotonic() + timeout_s
    while folder.exists():
        with contextlib.suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                (folder.parent / "cgroup.procs").write_text(pid)
        try:
            folder.rmdir()
        except OSError:
            # A process that has just ended leaves its group a moment later.
            if time.monotonic() > end_s:
                return
            time.sleep(0.002)


def _is_v1(parent: Path) -> bool:
    return (parent / "memory.limit_in_bytes").exists() or (parent / "memory.usage_in_bytes").exists()


def _mount(kind: str, option: str = "") -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, found, options, *_ = line.split()
        if found == kind and (not option or option in options.split(",")):
            return Path(where)
    return None


def _own_group(v2: Path) -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return v2 / line[3:].lstrip("/")
    return v2


def _delegates_memory(group: Path) -> bool:
    try:
        handed_down = (group / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return (
        "memory" in handed_down and os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)
    )
