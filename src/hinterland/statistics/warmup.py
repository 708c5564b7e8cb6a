"""Where the warm-up of a series ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Fewer batches than this say nothing about a trend.
LEAST_BATCHES = 10


def end_of_warmup(y: ArrayLike, batch: int = 5) -> int | None:
    """The index in `y`, in time order, where the steady state starts; None when it never does.

    MSER-5: drop the first d batches, where d makes the standard error of the mean of the rest least (White
    1997; Spratt 1998; found best of five by White, Cobb and Spratt 2000). If that leaves less than half of
    the series, it has not settled. A series too short to judge (below 10 batches) has not either. Means of
    batches are first pulled in to within 3 robust deviations of the median, so that a late stall does not
    pass for a long warm-up. ValueError: a NaN or infinity in `y`, or `batch` below 1.
    """
    series = np.asarray(y, dtype=np.float64).ravel()
    if batch < 1:
        raise ValueError(f"batch={batch} must be at least 1.")
    if not np.isfinite(series).all():
        raise ValueError("y must hold finite values only. Leave out what did not finish.")
    count = len(series) // batch
    if count < LEAST_BATCHES:
        return None
    means = _pull_in(series[: count * batch].reshape(count, batch).mean(axis=1))
    # Sums over the tail that starts at each d, from the end backwards. Centring first avoids cancellation.
    centred = means - means[-1]
    left = np.arange(count, 0, -1)
    sums = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum(centred[::-1] ** 2)[::-1]
    spread = np.maximum(squares - sums**2 / left, 0.0)
    # The last few tails are too short to have a spread of their own.
    judged = count - LEAST_BATCHES // 2
    dropped = int(np.argmin(spread[:judged] / left[:judged] ** 2))
    return dropped * batch if dropped <= count // 2 else None


def _pull_in(means: NDArray[np.float64]) -> NDArray[np.float64]:
    centre = np.median(means)
    deviation = 1.4826 * np.median(np.abs(means - centre))
    if deviation == 0:
        return means
    return np.clip(means, centre - 3 * deviation, centre + 3 * deviation)
