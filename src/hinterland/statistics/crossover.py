"""The level of a factor at which two systems draw."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from hinterland.statistics.interval import Interval
from hinterland.statistics.scatter import Scatter
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, assumed_by, running_sequence

ONE_CROSSING = "the winner changes once along the levels"


def crossover_sequence(
    levels: Sequence[float],
    x: NDArray[np.float64],
    alpha: float = 0.05,
    drift_allowance: float = DRIFT_ALLOWANCE,
    scatters: Sequence[Sequence[Scatter | None]] = (),
) -> Interval:
    """The level at which the log ratio of first to second passes 0, with an interval that always holds.

    `x` has one row a block (in time order) and one column a level; x > 0 says that the first system won. NaN
    marks a missing trial. scatters: for each level one entry for each block that has it, as `mean_sequence`
    takes them. `low` and `high` are the innermost levels that are decided for the winner of their end, as are
    all levels further out; infinite where the end itself is undecided. The estimate is interpolated between
    the centres of neighbouring levels. It is NaN, and the bounds infinite, when the centres at the ends have
    the same sign. ValueError: shapes do not agree.

    Each level has a confidence sequence at `alpha`, a half on each side. They need no correction for their
    number: as decisions go from the ends inwards, `low` is wrong only if the one level just beyond the true
    crossing is decided falsely, and `high` likewise (testing in a fixed order).
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != len(levels):
        raise ValueError(
            f"x has shape {x.shape}; it must be (blocks, {len(levels)}), a column for each level."
        )
    order = np.argsort(levels)
    places = np.asarray(levels, dtype=np.float64)[order]
    each = [
        _at_level(x[:, column], alpha, drift_allowance, scatters[column] if scatters else ())
        for column in order
    ]
    estimate, direction = _crossing(places, np.array([interval.estimate for interval in each]))
    if direction == 0:
        return Interval(nan, -inf, inf, len(x))
    winners = [direction * _winner(interval) for interval in each]
    below = _run(winners, -1)
    above = _run(winners[::-1], 1)
    low = float(places[below - 1]) if below else -inf
    high = float(places[len(places) - above]) if above else inf
    used = each[:below] + each[len(each) - above :]
    assumed = "; ".join([assumed_by(used), ONE_CROSSING]) if used else ""
    return Interval(min(max(estimate, low), high), low, high, len(x), assumed)


def _at_level(
    x: NDArray[np.float64], alpha: float, drift_allowance: float, scatters: Sequence[Scatter | None]
) -> Interval:
    return running_sequence(x[~np.isnan(x)], alpha, drift_allowance, scatters)


def _winner(interval: Interval) -> int:
    """1 when the first system won, -1 when the second did, 0 while neither is decided."""
    return int(interval.low > 0) - int(interval.high < 0)


def _run(winners: Sequence[int], wanted: int) -> int:
    """How many levels from the start on are decided for the wanted winner without a gap."""
    return next((i for i, winner in enumerate(winners) if winner != wanted), len(winners))


def _crossing(places: NDArray[np.float64], centres: NDArray[np.float64]) -> tuple[float, int]:
    """Where the centres first pass 0 on the way from one end's sign to the other's, and 1 if they rise there.

    The direction is -1 if they fall, and 0 (with NaN) if the ends have the same sign or one is unknown.
    """
    if len(centres) < 2 or np.isnan(centres).any() or not centres[0] * centres[-1] < 0:
        return nan, 0
    direction = 1 if centres[-1] > 0 else -1
    upward = direction * centres
    after = int(np.argmax(upward >= 0))
    step = -upward[after - 1] / (upward[after] - upward[after - 1])
    return float(places[after - 1] + step * (places[after] - places[after - 1])), direction
