"""Percentiles from all values, with intervals that assume nothing about their distribution."""

from __future__ import annotations

from math import inf, nextafter

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from hinterland.statistics.interval import VALUES_ARE_ALIKE, Interval

# A percentile with fewer values than this beyond it rests on a handful of accidents and is not given.
LEAST_BEYOND = 10


def percentile(values: ArrayLike, q: float, confidence: float = 0.95) -> Interval | None:
    """The smallest value with at least `q` % of all values at or below it; None when too few lie beyond.

    "Beyond" is above it for q >= 50 and below it otherwise; `LEAST_BEYOND` values are needed there. NaN and
    infinite values are operations that did not finish: they count as larger than all others, so the estimate
    or `high` may be infinite. The interval lies between two order statistics whose ranks come from the
    binomial distribution of the number of values below the percentile, so it assumes no shape; with ties it
    covers at least as often. It holds for one look at a fixed number of values, not for a sequence of looks.
    ValueError: q is not between 0 and 100 (exclusive).
    """
    if not 0 < q < 100:
        raise ValueError(f"q={q} must be between 0 and 100, both excluded. Give 99 for the 99th percentile.")
    array = np.array(values, dtype=np.float64).ravel()
    n = array.size
    # q/100 rounded up must not push an exact rank such as 0.07 * 100 to the next one.
    rank = max(int(np.ceil(nextafter(q * n / 100, -inf))), 1)
    beyond = n - rank if q >= 50 else rank - 1
    if beyond < LEAST_BEYOND:
        return None
    array[np.isnan(array)] = inf
    low_rank, high_rank = _interval_ranks(n, q / 100, confidence)
    wanted = [r for r in (low_rank, rank, high_rank) if 1 <= r <= n]
    ordered = np.partition(array, [r - 1 for r in wanted])
    low = float(ordered[low_rank - 1]) if low_rank >= 1 else -inf
    high = float(ordered[high_rank - 1]) if high_rank <= n else inf
    return Interval(float(ordered[rank - 1]), low, high, n, VALUES_ARE_ALIKE)


def _interval_ranks(n: int, share: float, confidence: float) -> tuple[int, int]:
    """Ranks (from 1) of the values that bound the quantile; 0 or n + 1 when no value is far enough out.

    The number of values below the quantile is binomial: the quantile lies below the value of rank r with
    probability at most P(count < r), which each side keeps to half of what `confidence` leaves.
    """
    miss = (1 - confidence) / 2
    low_rank = int(binom.ppf(miss, n, share))
    # ppf gives the first count whose probability reaches `miss`; the rank must stay at or below it.
    while low_rank > 0 and binom.cdf(low_rank - 1, n, share) > miss:
        low_rank -= 1
    high_rank = int(binom.ppf(1 - miss, n, share)) + 1
    return low_rank, high_rank
