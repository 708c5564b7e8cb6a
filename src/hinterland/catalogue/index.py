"""What the manifests said when they were last read, kept in the user's cache folder.

Reading 27 of them takes longer than all else that `list` does.

An entry counts only for the file that it was made from: the same place, inode, size and times of change. It
is made only where the file had been left alone for a while, because two changes within the clock's step look
alike. Only sound manifests are kept; a broken one is read each time, and what is wrong with it is said.

The file is written in place under a lock, after its checksum: half a file, a file of another version, or one
that was tampered with by accident is no index, and the manifests are read. No temporary file can be left.
"""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path

import msgspec
from msgspec import Struct

from hinterland.model.experiment import Experiment
from hinterland.package import FOLDER

FILE = "hinterland/manifests"
MOST_ENTRIES = 500
SETTLED_NS = 2_000_000_000
"""So long must a file have been left alone: filesystems' clocks step by 10 ms, some by 2 s."""
CHECKSUM_BYTES = 4
CODE = ("catalogue/*.py", "claims/**/*.py", "model/*.py", "rig/machine/needs.py", "rig/processes/binaries.py")
"""The code that decides what a manifest means and whether it is sound."""

Stamp = tuple[int, int, int, int]


class IndexEntry(Struct, frozen=True, array_like=True):
    """A manifest that was sound: what its file was like, and what stood in it."""

    stamp: Stamp
    experiment: Experiment


class Index(Struct, frozen=True, array_like=True):
    """Entries by manifest. `code` is what the code was like that read them."""

    code: tuple[Stamp, ...]
    entries: dict[str, IndexEntry]


def place() -> Path:
    """Returns the index's file: in XDG_CACHE_HOME, or in ~/.cache."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given.startswith("/") else Path.home() / ".cache") / FILE


def load() -> dict[str, IndexEntry]:
    """Returns the entries that this code made; none where there is no sound index."""
    try:
        data = place().read_bytes()
        if zlib.crc32(data[CHECKSUM_BYTES:]) != int.from_bytes(data[:CHECKSUM_BYTES]):
            return {}
        index = msgspec.msgpack.decode(data[CHECKSUM_BYTES:], type=Index)
    except (OSError, RuntimeError, msgspec.MsgspecError):
        return {}
    return index.entries if index.code == code_stamps() else {}


def save(entries: dict[str, IndexEntry]) -> None:
    """Keeps the entries, the newest where they are too many; a cache that can't be written is none."""
    import contextlib
    import fcntl

    kept = dict(list(entries.items())[-MOST_ENTRIES:])
    data = msgspec.msgpack.encode(Index(code_stamps(), kept))
    with contextlib.suppress(OSError, RuntimeError):
        path = place()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # Who writes at the same time has read the same files: one of the two is enough.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, zlib.crc32(data).to_bytes(CHECKSUM_BYTES) + data, 0)
        finally:
            os.close(file)


def stamp_of(path: Path) -> Stamp | None:
    """Returns what tells this state of a file from others, None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def settled(stamp: Stamp) -> bool:
    """Decides whether a file was left alone for long enough that its next change will show."""
    return time.time_ns() - max(stamp[2:]) > SETTLED_NS


def code_stamps() -> tuple[Stamp, ...]:
    """Returns the state of the code that reads manifests."""
    found = (stamp_of(path) for pattern in CODE for path in sorted(FOLDER.glob(pattern)))
    return tuple(stamp for stamp in found if stamp is not None)
