"""Makes the sample modules beside the tests importable, and keeps answers cut short from later tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hinterland.load.drivers.transport.answer_room import ROOM

sys.path.insert(0, str(Path(__file__).parent / "samples"))


@pytest.fixture(autouse=True)
def room_is_given_back() -> Iterator[None]:
    """A parser that is fed half an answer keeps its room; a load in the same process would find it taken."""
    yield
    ROOM.taken = 0
