"""Half a million timed operations, condensed: each is counted, none is kept."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import compress, pairwise
from math import log
from operator import not_, sub
from typing import Any

COUNTED_NS = 4_000_000
"""Operations are counted in windows of 4 ms."""
WINDOWS = 5
"""Windows in a slice: latencies are kept by slices of 20 ms, so that those of the warm-up can be left out."""
LONG_NS = 5_000_000
STEP = log(1.01)
"""Latencies are kept in buckets of 1 %: bucket n begins at exp(n x STEP) nanoseconds."""


def slices(started: array[int], done: array[int], read: array[int]) -> list[dict[str, Any]]:
    """Returns the whole slices of a run, in order of time.

    `started`, `done`: ns; `read`: 1 for a read. A slice has `counts`, the operations that ended in a window,
    `engine_ns`, what they took in all without the driver's own time, and for `read` and `write` a pair of
    lists: buckets of latency, and how many operations fell into each.
    """
    found = []
    for first in range(0, (done[-1] - started[0]) // COUNTED_NS - WINDOWS + 1, WINDOWS):
        borders_ns = (started[0] + window * COUNTED_NS for window in range(first, first + WINDOWS + 1))
        places = [bisect_left(done, border_ns) for border_ns in borders_ns]
        inside = slice(places[0], places[-1])
        latencies = list(map(sub, done[inside], started[inside]))
        found.append(
            {
                "counts": [end - begin for begin, end in pairwise(places)],
                "engine_ns": sum(latencies),
                "read": _tally(compress(latencies, read[inside])),
                "write": _tally(compress(latencies, map(not_, read[inside]))),
            }
        )
    return found


def long_ones(started: array[int], done: array[int]) -> list[tuple[int, int]]:
    """Returns start and end (ns) of each operation of 5 ms or more: a pause of the machine is in one."""
    return [(begin, end) for begin, end in zip(started, done, strict=True) if end - begin >= LONG_NS]


def _tally(latencies: Iterable[int]) -> list[list[int]]:
    buckets: Counter[int] = Counter()
    for latency, count in Counter(latencies).items():
        buckets[int(log(max(latency, 1)) / STEP)] += count
    return [sorted(buckets), [buckets[bucket] for bucket in sorted(buckets)]]
