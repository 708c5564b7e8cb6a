"""A load as its folder keeps it: what was asked, what it came to, and what was concluded from it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.comparison import Comparison
from hinterland.load.result.result import LoadResult
from hinterland.statistics.counts import Counts

AssertedWord = Literal["passed", "failed", "undecided"]


class Asserted(Struct, frozen=True):
    """An objective of the load and whether it held.

    measured: what it was held against, as text. why: of an `undecided` one, in words.
    """

    text: str
    verdict: AssertedWord
    measured: str
    why: str = ""


class LoadRecord(Struct, frozen=True, kw_only=True):
    """The content of `load.json`. Times are Unix seconds.

    comparison: with an earlier load, whose response times are `beside`. result: of a load; capacity: of a
    search for the highest rate; one of them is there. says: what it came to, in a few words. command: the
    command line that would repeat it, empty where it was started from Python. status: `interrupted` when a
    person ended it before its time; its result is then of what was measured until then.
    """

    id: str
    version: str
    started_at: float
    ended_at: float
    status: Literal["finished", "interrupted"]
    url: str
    says: str = ""
    result: LoadResult | None = None
    capacity: CapacityResult | None = None
    asserted: tuple[Asserted, ...] = ()
    comparison: Comparison | None = None
    beside: Counts | None = None
    command: str = ""
    folder: str = ""
    format: int = 1
