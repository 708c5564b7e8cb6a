"""Where a curve of response time against load begins to climb."""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import ArrayLike, NDArray


def knee(rates: ArrayLike, times: ArrayLike) -> float | None:
    """The rate at which time divided by rate is least: where a line from the origin touches the curve.

    To its left more load costs less than its share in time, to its right more. Unlike the point of largest
    curvature (Kneedle) it does not move with the range that happened to be probed, nor with the scale of
    the axes. It is also where rate divided by time, Kleinrock's power, is largest. For M/M/1 it lies at
    half of the service rate, for 8 servers at 0.76 of it (B. Schwartz, The queueing knee, xaprb.com, after
    C. Millsap).

    Times are made monotone first (isotonic regression), rates nearer than 2 % are taken together, and the
    least of the points is refined by a parabola through it and its neighbours. Times that are not finite
    stand for a rate at which there is no answer. None where the least lies at an end: the knee is outside
    of what was probed, or there are fewer than 4 rates.
    """
    x, y = _merged(np.asarray(rates, float), np.asarray(times, float))
    if len(x) < 4:
        return None
    climbing = np.log(_isotonic(y)) - np.log(x)
    least = int(np.argmin(climbing))
    if least in (0, len(x) - 1):
        return None
    near = slice(least - 1, least + 2)
    a, b, _ = np.polyfit(np.log(x[near]), climbing[near], 2)
    place = exp(-b / (2 * a)) if a > 0 else float(x[least])
    return float(min(max(place, x[least - 1]), x[least + 1]))


def _merged(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns ascending rates with the median time of those within 2 % of each other."""
    usable = np.isfinite(x) & (x > 0) & np.isfinite(y) & (y > 0)
    order = np.argsort(x[usable], kind="stable")
    x, y = x[usable][order], y[usable][order]
    if not len(x):
        return x, y
    group = np.concatenate([[0], np.cumsum(np.diff(np.log(x)) > 0.02)])
    places = range(int(group[-1]) + 1)
    return (
        np.array([np.exp(np.log(x[group == place]).mean()) for place in places]),
        np.array([np.median(y[group == place]) for place in places]),
    )


def _isotonic(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the nearest sequence that never falls (pool adjacent violators)."""
    levels: list[tuple[float, int]] = []
    for value in y:
        level, size = float(value), 1
        while levels and levels[-1][0] > level:
            before, count = levels.pop()
            level, size = (before * count + level * size) / (count + size), count + size
        levels.append((level, size))
    return np.concatenate([np.full(size, level) for level, size in levels])
