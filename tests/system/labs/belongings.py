"""What the processes of one marked command have in hand, and what of it is still there when they are gone.

The machine belongs to others as well: a PostgreSQL that ends beside a test leaves a segment or a socket, too.
So nothing is compared before and after; only what one of ours was seen to hold counts.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from hinterland.rig.probes.memory import PREFIX, parent_group

SHARED = re.compile(r"/dev/shm/\S+")
SEGMENTS = Path("/proc/sysvipc/shm")
LISTEN = "0A"
LOOK_EVERY_S = 0.05


class Belongings:
    """What was seen of the processes whose environment holds `mark`, or that stand in the folder `scratch`.

    PostgreSQL's processes write their titles over their environment; their folder is in the scratch.
    """

    def __init__(self, mark: str, scratch: Path) -> None:
        self._mark, self._scratch = mark.encode(), scratch
        self.pids: set[int] = set()
        self._sockets: set[str] = set()
        self._namespaces: set[str] = set()
        self._shared: set[str] = set()

    def look(self) -> list[int]:
        """Returns the processes that are there now, and remembers what they hold."""
        alive = list(self._alive())
        self.pids.update(alive)
        for pid in alive:
            # Any of them may end while it is looked at.
            with contextlib.suppress(OSError):
                self._remember(Path(f"/proc/{pid}"))
        return alive

    def left(self, timeout_s: float) -> dict[str, list[object]]:
        """Returns what is left, by kind: at once when that is nothing, else when the time is over."""
        end_s = time.monotonic() + timeout_s
        while (found := self._left()) and time.monotonic() < end_s:
            # A process that is ending loses its environment a moment before its sockets.
            time.sleep(LOOK_EVERY_S)
        return found

    def _alive(self) -> Iterator[int]:
        for name in filter(str.isdecimal, os.listdir("/proc")):
            process = Path("/proc") / name
            with contextlib.suppress(OSError):
                standing = (process / "cwd").readlink().is_relative_to(self._scratch)
                if standing or self._mark in (process / "environ").read_bytes().split(b"\0"):
                    yield int(name)

    def _remember(self, process: Path) -> None:
        self._namespaces.update(str((process / "ns" / kind).readlink()) for kind in ("net", "mnt", "user"))
        self._shared.update(SHARED.findall((process / "maps").read_text()))
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                self._sockets.add(str(descriptor.readlink()))

    def _left(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {
            "processes": [*self.look()],
            "files": [*self._scratch.iterdir()],
            "listening sockets": [inode for inode in listening() if f"socket:[{inode}]" in self._sockets],
            "shared memory": [path for path in sorted(self._shared) if os.path.exists(path)],
            "SysV shared memory": [number for number, maker in segments() if maker in self.pids],
            "mounts": [line for line in mounts() if self._is_ours(line)],
            "control groups": [path for path, maker in groups() if maker in self.pids],
        }
        return {kind: left for kind, left in found.items() if left}

    def _is_ours(self, mount: str) -> bool:
        """Decides whether a mount is below our folder, or keeps one of our namespaces alive."""
        root, point = mount.split()[3:5]
        kept = root in self._namespaces and root != os.readlink(f"/proc/self/ns/{root.partition(':')[0]}")
        return kept or Path(point).is_relative_to(self._scratch)


def listening() -> Iterator[str]:
    """Yields the inode of each listening TCP socket of the machine."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        yield from (row.split()[9] for row in rows if row.split()[3] == LISTEN)


def segments() -> Iterator[tuple[int, int]]:
    """Yields number and maker of each System V shared memory segment of the machine."""
    for row in SEGMENTS.read_text().splitlines()[1:] if SEGMENTS.exists() else []:
        yield int(row.split()[1]), int(row.split()[4])


def mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def groups() -> Iterator[tuple[str, int]]:
    """Yields each control group that a run of Hinterland made, with the process that made it."""
    parent = parent_group()
    for folder in parent.glob(f"{PREFIX}*") if parent else ():
        maker = folder.name.removeprefix(PREFIX).partition("-")[0]
        if maker.isdecimal():
            yield str(folder), int(maker)
