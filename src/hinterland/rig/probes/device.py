"""Bytes written on a block device, from /sys: what reached the disk, and not what a process is charged for.

`/proc/PID/io` counts a whole large folio (64 KB to 1 MB) for a 4 KB write on ext4, so it can't measure write
amplification. A device's own count is exact, but counts everybody: look at how quiet the machine was.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from pathlib import Path
from types import TracebackType

SECTOR_BYTES = 512
READ_SECTORS, WRITTEN_SECTORS = 2, 6
TEST_BYTES = 4096

_libc = ctypes.CDLL(None, use_errno=True)
_tested: dict[Path, bool] = {}


class DeviceBytes:
    """Counts the bytes read from and written to the device under `path` while it is entered.

    `written_bytes` and `read_bytes` are None where there is no such device (tmpfs, most network and overlay
    filesystems) or its count did not move in a test of one 4 KB write. On entry and exit the
    filesystem is synced, so that all that was written in between is counted, and nothing from before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stat_path = counter_of(path)
        self.written_bytes: int | None = None
        self.read_bytes: int | None = None

    @property
    def device(self) -> str:
        """The device's name, such as `vda1`; empty where there is none."""
        return self.stat_path.resolve().parent.name if self.stat_path else ""

    def __enter__(self) -> DeviceBytes:
        if self.stat_path is not None and not works(self.path, self.stat_path):
            self.stat_path = None
        if self.stat_path is not None:
            sync(self.path)
            self._before = _counts(self.stat_path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.stat_path is None:
            return
        with contextlib.suppress(OSError):
            sync(self.path)
            now = _counts(self.stat_path)
            self.read_bytes = now[0] - self._before[0]
            self.written_bytes = now[1] - self._before[1]


def counter_of(path: Path) -> Path | None:
    """Returns the `stat` file of the block device on which `path` lies, None where there is none."""
    number = os.stat(path).st_dev
    direct = _stat_file(number)
    if direct is not None:
        return direct
    # Btrfs and others give out numbers of their own: the mount table names the device.
    source = _mounted_from(path, number)
    if source is None:
        return None
    try:
        return _stat_file(os.stat(source).st_rdev)
    except OSError:
        return None


def works(path: Path, stat_path: Path) -> bool:
    """Decides by writing 4 KB and syncing it whether the device counts what is written under `path`."""
    if stat_path not in _tested:
        before = _counts(stat_path)[1]
        with tempfile.NamedTemporaryFile(dir=path if path.is_dir() else path.parent) as file:
            file.write(os.urandom(TEST_BYTES))
            file.flush()
            os.fsync(file.fileno())
            _tested[stat_path] = _counts(stat_path)[1] - before >= TEST_BYTES
    return _tested[stat_path]


def sync(path: Path) -> None:
    """Writes back everything of the filesystem on which `path` lies. Raises OSError when that fails."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
    finally:
        os.close(fd)


def _stat_file(number: int) -> Path | None:
    found = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return found if os.major(number) and found.exists() else None


def _mounted_from(path: Path, number: int) -> str | None:
    """Returns the source of the mount whose device number is `number`, None if it is not a device file."""
    wanted = f"{os.major(number)}:{os.minor(number)}"
    resolved = str(path.resolve())
    best, source = "", None
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        words = left.split()
        inside = resolved == words[4] or resolved.startswith(words[4].rstrip("/") + "/")
        # Btrfs shows another number in stat() than in the mount table, so the path counts too.
        if (words[2] == wanted or inside) and len(words[4]) >= len(best):
            best, source = words[4], right.split()[1]
    return source if source is not None and source.startswith("/dev/") else None


def _counts(stat_path: Path) -> tuple[int, int]:
    """Returns the bytes read and written since boot."""
    words = stat_path.read_text().split()
    return int(words[READ_SECTORS]) * SECTOR_BYTES, int(words[WRITTEN_SECTORS]) * SECTOR_BYTES
