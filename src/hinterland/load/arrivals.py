"""When requests are due: offsets from the start of a load, decided before it begins.

A schedule that is decided beforehand can't wait for the server, which is what makes a loop open.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hinterland.errors import UsageError

Schedule = NDArray[np.int64]
"""Offsets in ns from the start, ascending, the first at 0 or later."""


def constant(rate_per_s: float, duration_s: float) -> Schedule:
    """Returns evenly spaced offsets in ns: one every 1 / rate, the first at 0, all before the duration's end.

    Each is rounded to the nanosecond on its own, so that the error does not add up.
    """
    count = _count(rate_per_s, duration_s)
    return np.rint(np.arange(count, dtype=np.float64) * (1e9 / rate_per_s)).astype(np.int64)


def poisson(rate_per_s: float, duration_s: float, seed: int) -> Schedule:
    """Returns offsets in ns of a Poisson process: independent exponential gaps with mean 1 / rate.

    Many clients who know nothing of each other arrive like that. The number of arrivals is random too,
    with mean rate x duration; the same seed gives the same schedule.
    """
    _count(rate_per_s, duration_s)
    random = np.random.default_rng(seed)
    # Given their number, the arrivals of a Poisson process are uniform over the window.
    offsets = random.uniform(0.0, duration_s * 1e9, random.poisson(rate_per_s * duration_s))
    offsets.sort()
    return np.floor(offsets).astype(np.int64)


def check(schedule: Schedule) -> Schedule:
    """Returns `schedule` as a contiguous int64 array.

    Raises UsageError where it is empty, descending or negative.
    """
    offsets = np.ascontiguousarray(schedule, dtype=np.int64)
    if offsets.ndim != 1 or len(offsets) == 0:
        raise UsageError(
            f"schedule of shape {offsets.shape} has no arrival.",
            "Give a longer duration or a higher rate.",
        )
    if offsets[0] < 0 or bool(np.any(np.diff(offsets) < 0)):
        raise UsageError("schedule must be ascending offsets from 0 in ns.", "Sort it first.")
    return offsets


def _count(rate_per_s: float, duration_s: float) -> int:
    if not (rate_per_s > 0 and math.isfinite(rate_per_s)):
        raise UsageError(f"rate_per_s={rate_per_s} must be above 0.", "Give arrivals a second, such as 1000.")
    if not (duration_s > 0 and math.isfinite(duration_s)):
        raise UsageError(f"duration_s={duration_s} must be above 0.", "Give seconds, such as 2.5.")
    # A millionth of an arrival is rounding, not an arrival.
    return max(1, math.ceil(rate_per_s * duration_s - 1e-6))
