"""The loads in a store, quickly: what a list shows of each, read without their histograms."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from hinterland.store import LOAD


class LoadHead(msgspec.Struct, frozen=True):
    """What a list of loads shows of each: the part of `load.json` that is read quickly."""

    id: str
    started_at: float
    ended_at: float
    status: str
    url: str
    says: str


def list_loads(store: Path) -> list[LoadHead]:
    """Returns the loads in a store, newest first; folders that hold no readable one are passed over."""
    heads = []
    for path in store.glob(f"*/{LOAD}"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            heads.append(msgspec.json.decode(path.read_bytes(), type=LoadHead))
    return sorted(heads, key=lambda head: head.started_at, reverse=True)
