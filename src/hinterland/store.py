"""Where runs and loads are kept, and which of them a person means."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import msgspec

from hinterland.errors import SetupError, UsageError

RUN, LOAD = "run.json", "load.json"
"""The files that mark the folder of an experiment's run, and of a load."""


IMPORTED = "imported.json"
"""Beside it in the folder of a run that was taken in from elsewhere: when, and from which file."""


def default_store() -> Path:
    """Returns where runs are kept: $HINTERLAND_STORE, else the XDG state folder."""
    chosen = os.environ.get("HINTERLAND_STORE")
    if chosen:
        return Path(chosen).expanduser()
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(state).expanduser() / "hinterland" / "runs"
    except RuntimeError as error:
        raise SetupError(
            "There is no home folder to keep runs in: HOME is not set and this user has none.",
            "Give a folder: --store DIR (or set HINTERLAND_STORE)",
        ) from error


def find_folder(store: Path, name: str, files: tuple[str, ...] = (RUN, LOAD)) -> Path:
    """Returns the folder that a person means: itself, an id, the unique end or start of one, or `last`.

    `files`: what marks the folders that fit, a run of an experiment or a load. Raises UsageError when
    nothing or more than one thing fits.
    """
    path = Path(name).expanduser()
    if name and any((path / file).exists() for file in files):
        return path.resolve()
    if not name:
        raise UsageError("The name of a run must not be empty.", "See: hinterland runs")
    kind = "load" if files == (LOAD,) else "run"
    start = "hinterland load http://localhost:8080/" if kind == "load" else "hinterland run apis/idempotency"
    names = sorted(entry.parent.name for file in files for entry in store.glob(f"*/{file}"))
    if name == "last":
        # The last that ran here: what was taken in may have begun later.
        own = [each for each in names if not (store / each / IMPORTED).exists()]
        if not own:
            raise UsageError(f"There is no {kind} in {store}.", f"Start one: {start}")
        return store / max(own, key=lambda each: _begun(store / each))
    wanted = name.replace("/", "-")
    fits = [n for n in names if n == wanted] or [n for n in names if wanted in n]
    if len(fits) == 1:
        return store / fits[0]
    if not fits:
        raise UsageError(f"{name} is not a {kind} in {store}.", "See: hinterland runs")
    raise UsageError(
        f"{name} fits {len(fits)} runs: {', '.join(fits[:3])}{' ...' if len(fits) > 3 else ''}.",
        "Give more of the name, or: last",
    )


def _begun(folder: Path) -> tuple[float, str]:
    """Returns when a run or load began, with its name; one that can't be read comes before all others."""
    for file in (RUN, LOAD):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((folder / file).read_bytes(), type=_Begun).started_at, folder.name
    return 0.0, folder.name


class _Begun(msgspec.Struct, frozen=True):
    started_at: float


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file whole under a temporary name, then renames it into place."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class explained:  # noqa: N801 - reads as a word: `with explained(path):`
    """Turns an OSError on the store into a SetupError that says what to do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(
                f"The disk under {self._path} is full.",
                "What was written stays readable. Free some space, or keep runs elsewhere: --store DIR",
            ) from error
        raise SetupError(
            f"The store {self._path} can't be written: {error.strerror or error}.",
            "Give a folder that you may write: --store DIR (or set HINTERLAND_STORE)",
        ) from error
