"""What tells a run that was taken in from elsewhere from one that ran here."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from hinterland.store import IMPORTED


class Imported(Struct, frozen=True):
    """When a record was taken in (Unix seconds), what its file was called, and the SHA-256 of that file."""

    at_s: float
    file: str
    sha256: str


def imported(folder: Path) -> Imported | None:
    """Returns where a run comes from, None for one that ran here; a note that can't be read is still one."""
    path = folder / IMPORTED
    try:
        return msgspec.json.decode(path.read_bytes(), type=Imported)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        return Imported(0.0, "", "")
