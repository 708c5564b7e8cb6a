"""Private folders that are swept when their owner is gone.

Whoever makes a `Scratch` holds a lock on it (flock), which the kernel drops when the last process that
inherited it ends, however it ends. `sweep_stale` removes the folders whose lock nobody holds. Mode 0711
lets the unprivileged user of a service pass through without letting it list what is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType

from hinterland.errors import SetupError
from hinterland.rig.processes.shared_memory import release

PREFIX = "hinterland-"
NAME = re.compile(PREFIX + r"\d+-[0-9a-f]{6}")
"""The whole name of a scratch folder: a person's own `hinterland-notes` beside it is not ours to remove."""
LOCK = ".lock"
NEW_S = 10.0
OPEN_PLACES = (Path("/tmp"), Path("/var/tmp"))
"""Where every user may enter, whatever TMPDIR says."""


def default_place() -> Path:
    """Returns where scratch folders are made: $TMPDIR, else /var/tmp, else the temporary directory.

    Many systems keep /tmp in memory, where no device would be seen to write; /var/tmp is on a disk.
    """
    if not os.environ.get("TMPDIR") and os.access("/var/tmp", os.W_OK | os.X_OK):
        return Path("/var/tmp")
    return Path(tempfile.gettempdir())


class Scratch:
    """A folder `hinterland-<pid>-<random>`, held until `remove`.

    It is made in `under`, by default `default_place()`. Its path is kept short: the path of a Unix
    socket in it may have 107 bytes. Raises SetupError when the folder can't be made.
    """

    def __init__(self, under: Path | None = None) -> None:
        place = default_place() if under is None else under
        self.path = place.resolve() / f"{PREFIX}{os.getpid()}-{os.urandom(3).hex()}"
        self._owner = os.getpid()
        try:
            self.path.mkdir(mode=0o700)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.path.chmod(0o711)
        except OSError as error:
            raise SetupError(
                f"{place}: a scratch folder can't be made there ({error.strerror}).",
                "Set TMPDIR to a folder that you may write and that has room.",
            ) from error

    def folder(self, name: str) -> Path:
        """Makes and returns the folder `name` in it, mode 0711."""
        made = self.path / name
        made.mkdir(mode=0o711)
        made.chmod(0o711)
        return made

    def remove(self) -> None:
        """Removes the folder and drops the lock.

        Does nothing the second time, or in a process that forked from the owner.
        """
        if self._lock < 0 or os.getpid() != self._owner:
            return
        clear(self.path)
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def clear(folder: Path) -> None:
    """Removes `folder` with all in it, unreadable folders too, and the shared memory that servers left.

    Call it when the processes that used the folder have ended.
    """
    release(folder)

    def retry(function: object, path: str, error: object) -> None:
        with contextlib.suppress(OSError):
            if os.fspath(path) != os.fspath(folder):
                # Not the folder's own parent: that is everyone's, and what can't be removed may be just gone.
                os.chmod(os.path.dirname(path), 0o700)
            if os.path.isdir(path) and not os.path.islink(path):
                os.chmod(path, 0o700)
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    shutil.rmtree(folder, onerror=retry)


def sweep_stale(under: Path | None = None) -> list[Path]:
    """Removes the scratch folders of this user whose lock nobody holds. Returns what it removed.

    Looks in `under`, by default in the temporary directory and the open ones.
    """
    removed: list[Path] = []
    places = {default_place(), *OPEN_PLACES} if under is None else {under}
    for folder in sorted(each for place in places for each in _named_like_ours(place)):
        # A link, or a folder of another user, is never ours to remove.
        if folder.is_symlink() or not _is_ours(folder):
            continue
        if _is_stale(folder):
            clear(folder)
            if not folder.exists():
                removed.append(folder)
    return removed


def _named_like_ours(place: Path) -> list[Path]:
    try:
        return [each for each in place.iterdir() if NAME.fullmatch(each.name)]
    except OSError:
        return []


def _is_ours(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.geteuid() and folder.is_dir()
    except OSError:
        return False


def _is_stale(folder: Path) -> bool:
    """Decides whether nobody holds the lock.

    A folder whose maker lives may be so new that it is not locked yet: that is not stale.
    """
    pid = folder.name[len(PREFIX) :].partition("-")[0]
    with contextlib.suppress(OSError):
        if (
            pid.isdecimal()
            and os.path.exists(f"/proc/{pid}")
            and time.time() - folder.stat().st_mtime < NEW_S
        ):
            return False
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
