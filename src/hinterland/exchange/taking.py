"""A record is taken in: looked through beside the store, then moved into it whole, or not at all.

What unpacks and reads it is a process of its own with bounded memory, time and file size
(`python -m hinterland.exchange.taking ARCHIVE FOLDER STORE`): whatever a record makes of itself ends there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from hinterland.errors import HinterlandError, Packed, SetupError, UsageError, packed, unpacked
from hinterland.exchange.archive import LARGEST_ARCHIVE, MOST_BYTES, unpack
from hinterland.exchange.inspection import inspect
from hinterland.exchange.text import cleaned
from hinterland.runner.record.imported import Imported
from hinterland.store import IMPORTED, explained

WORK = ".import-"
STALE_S = 3600.0
MOST_MEMORY = 1 << 30
CPU_S, PATIENT_S = 30, 60
LONGEST_FILE_NAME = 100
UNREADABLE = "The record can't be read within the memory and time that one may take"


class Taken(Struct, frozen=True):
    """A record that was let in: its id, its experiment's title, and the files that were left out of it."""

    id: str = ""
    title: str = ""
    left_out: tuple[str, ...] = ()


class _Said(Struct, frozen=True):
    taken: Taken = Taken()
    error: Packed | None = None


def take(store: Path, archive: Path, name: str) -> Taken:
    """Takes in the record of an archive, called `name` where it comes from.

    Raises UsageError for what is no record, or is here already, SetupError where the store can't be written.
    Nothing of a record that is refused stays.
    """
    try:
        size = archive.stat().st_size
    except OSError as error:
        raise UsageError(
            f"{archive} can't be read: {error.strerror}.", "Give a .zip or a .tar.gz."
        ) from error
    if size > LARGEST_ARCHIVE:
        raise UsageError(f"{name} has more than {LARGEST_ARCHIVE >> 20} MiB: no record of a run does.")
    with _beside(store) as work:
        taken = _looked_through(archive, work / "record", store)
        with explained(store):
            origin = Imported(time.time(), cleaned(name)[-LONGEST_FILE_NAME:], _digest(archive))
            (work / "record" / IMPORTED).write_bytes(msgspec.json.encode(origin))
            for part in ("histories", "operations"):
                (work / "record" / part).mkdir(exist_ok=True)
            _move(work / "record", store / taken.id)
    return taken


@contextmanager
def _beside(store: Path) -> Iterator[Path]:
    """A folder in the store that lists pass over, gone afterwards; also those that a kill left behind."""
    work = store / f"{WORK}{secrets.token_hex(8)}"
    with explained(store):
        store.mkdir(parents=True, exist_ok=True)
        for old in store.glob(f"{WORK}*"):
            with contextlib.suppress(OSError):
                if time.time() - old.stat().st_mtime > STALE_S:
                    shutil.rmtree(old, ignore_errors=True)
        work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _looked_through(archive: Path, folder: Path, store: Path) -> Taken:
    words = [sys.executable, "-m", __name__, str(archive.resolve()), str(folder), str(store.resolve())]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENT_S, check=False
        )
        said = msgspec.json.decode(done.stdout, type=_Said)
    except (subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
        raise UsageError(f"{UNREADABLE}.", "It was made to be large, or the disk is full.") from error
    except OSError as error:
        raise SetupError(f"The record can't be looked through: {error}.") from error
    if said.error is not None:
        raise unpacked(said.error, "the import")
    return said.taken


def _move(folder: Path, target: Path) -> None:
    try:
        if not target.exists():
            folder.rename(target)
            return
    except FileExistsError:
        pass
    except OSError as error:
        if not target.exists():
            raise
        raise _twice(target) from error
    raise _twice(target)


def _twice(target: Path) -> UsageError:
    return UsageError(
        f"The run {target.name} is in this store already.", f"To replace it, remove {target} first."
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(words: list[str]) -> int:
    """Unpacks and looks through, and says as JSON what it came to."""
    archive, folder, store = map(Path, words)
    for limit, most in (
        (resource.RLIMIT_DATA, MOST_MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, MOST_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        with explained(folder.parent):
            left_out = unpack(archive, folder)
            info = inspect(folder, store)
        said = _Said(Taken(info.id, info.experiment.title, tuple(left_out)))
    except HinterlandError as error:
        said = _Said(error=packed(error))
    except MemoryError:
        said = _Said(error=packed(UsageError(f"{UNREADABLE}.")))
    os.write(1, msgspec.json.encode(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
