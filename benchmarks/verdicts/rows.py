"""Rows of a table, each counted by itself: in turn, or on all cores at once.

A row draws from a seed of its own, so that it comes to the same wherever and in whatever order.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

from benchmarks.verdicts.score import Score

Row = Callable[[], Score]
"""Counts one row. Another process gets it by name: a module's function, perhaps in a `functools.partial`."""
Count = Callable[[Sequence[Row]], list[Score]]
"""Counts rows and returns their scores in the same order."""


def in_turn(rows: Sequence[Row]) -> list[Score]:
    """Counts rows one after the other, in this process."""
    return [row() for row in rows]


def by(processes: Executor) -> Count:
    """Returns what counts rows in these processes, and tells a terminal how far it is."""
    return partial(_counted, processes)


def _counted(processes: Executor, rows: Sequence[Row]) -> list[Score]:
    scores = []
    for score in processes.map(_count, rows):
        scores.append(score)
        if sys.stderr.isatty():
            print(f"\r{len(scores)} of {len(rows)} rows   \r", end="", file=sys.stderr, flush=True)
    return scores


def _count(row: Row) -> Score:
    return row()


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0))
