"""The median of a few values, with an interval that assumes nothing about their distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hinterland.statistics.interval import VALUES_ARE_ALIKE, Interval

MISS = 0.025
"""How often the median may lie beyond the interval, on either side."""


def middle(values: Sequence[float]) -> Interval | None:
    """Returns the median between two order statistics, with 95 % confidence; None without a value.

    Of fewer than six values no two bound the median so surely: then the interval is from the least to the
    largest, which is no more than what was seen, and `assumed` is empty. Values are finite.
    """
    if not values:
        return None
    ordered = sorted(values)
    n, half = len(ordered), len(ordered) // 2
    estimate = ordered[half] if n % 2 else ordered[half - 1] / 2 + ordered[half] / 2
    beyond = _beyond(n)
    if beyond == 0:
        return Interval(estimate, ordered[0], ordered[-1], n)
    return Interval(estimate, ordered[beyond - 1], ordered[n - beyond], n, VALUES_ARE_ALIKE)


def _beyond(n: int) -> int:
    """Returns the rank, from either end, of the values that bound the median; 0 where none is far enough out.

    How many of the values lie below the median is a matter of as many throws of a coin.
    """
    rank, ways = 0, 1
    while ways <= MISS * 2**n and rank < n // 2:
        rank += 1
        ways += math.comb(n, rank)
    return rank
