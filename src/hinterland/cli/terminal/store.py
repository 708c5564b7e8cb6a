"""Where runs are kept, as this command was told, and what a command to copy must say to find them again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

VARIABLE = "HINTERLAND_STORE"
_given: list[Path] = []


def take_store(store: Path | None) -> None:
    """Keeps runs there: what `--store` says, None where it says nothing."""
    _given[:] = [] if store is None else [store.expanduser().absolute()]
    if _given:
        os.environ[VARIABLE] = str(_given[0])


def store_option() -> str:
    """Returns ` --store DIR` where this command was given one, for commands that look at its runs."""
    return f" --store {shlex.quote(str(_given[0]))}" if _given else ""
