"""What pairs of trials testify to, the disturbed ones among them.

Treatments run in random order, so that noise strikes all alike. Time that it adds pulls a ratio towards 1,
and what slows everything down leaves it where it is: **noise can hide a difference, it can't make one**. So a
ratio that lies above 1 through noise is at least that large, one that lies below 1 at most that, and that a
ratio is near 1, or no further from it than so much, only undisturbed trials can say. What a side may have
drawn on itself is subtracted first (`Pair.raised`, `Pair.lowered`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hinterland.model.experiment import Where
from hinterland.runner.forms.measured import Measured
from hinterland.runner.forms.pairs import Pair, mean_log_ratio, pairs_by_block
from hinterland.runner.forms.pool import scatters
from hinterland.statistics.interval import Interval
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, assumed_by, running_sequence

UNTIMED_ALLOWANCE = 1.05
"""By what factor a trial's place in its block may shift what does not rest on time."""


@dataclass(frozen=True)
class Testimony:
    """The interval of a ratio, the pairs behind it, and how many of them noise had disturbed."""

    interval: Interval
    pairs: tuple[Pair, ...]
    disturbed: int


def ratio(
    measured: Measured, above: Where, below: Where, alpha: float, *, control: bool = False
) -> Testimony:
    """Returns what the pairs say about the ratio above / below.

    control: of a control it is asked whether the measurement can come out the other way. Its disturbed trials
    count like the others, which can't make the claim itself hold: that has to hold through the same noise.
    """
    by_block = pairs_by_block(measured, above, below)
    usable = {
        block: [pair for pair in pairs if math.isfinite(pair.raised) and math.isfinite(pair.lowered)]
        for block, pairs in by_block.items()
    }
    usable = {block: pairs for block, pairs in usable.items() if pairs}
    pairs = tuple(pair for found in usable.values() for pair in found)
    disturbed = sum(pair.disturbed for pair in pairs)
    quiet = {
        block: kept
        for block, found in usable.items()
        if (kept := [pair for pair in found if not pair.disturbed])
    }
    calm = _interval(measured, quiet, (above, below), alpha, quiet=True)
    if not disturbed:
        return Testimony(calm, pairs, 0)
    everything = _interval(measured, usable, (above, below), alpha, quiet=False)
    return Testimony(everything if control else through_noise(everything, calm), pairs, disturbed)


def through_noise(everything: Interval, calm: Interval) -> Interval:
    """Returns what is known of a ratio, as a logarithm, from all trials and from the undisturbed ones.

    All of them bound it away from 0, on the far side; towards 0 only the undisturbed do.
    """
    far = (
        everything.low if everything.low > 0 else -math.inf,
        everything.high if everything.high < 0 else math.inf,
    )
    low, high = max(calm.low, far[0]), min(calm.high, far[1])
    if low > high:
        # One of the two is wrong, and nothing tells which: only what both say is known.
        low, high = min(calm.low, far[0]), max(calm.high, far[1])
    return Interval(
        estimate=min(max(everything.estimate, low), high),
        low=low,
        high=high,
        n=everything.n,
        assumed=assumed_by([everything, calm]),
    )


def _interval(
    measured: Measured, by_block: dict[int, list[Pair]], sides: Sequence[Where], alpha: float, *, quiet: bool
) -> Interval:
    """Returns the interval of the mean log ratio, each bound less what noise may have made of it."""
    known = scatters(measured, list(by_block), sides, quiet=quiet)
    parts = 2.0 / min((len(pairs) for pairs in by_block.values()), default=1)
    allowance = DRIFT_ALLOWANCE if measured.timed else UNTIMED_ALLOWANCE

    def sequence(x: NDArray[np.float64]) -> Interval:
        return running_sequence(x, alpha, allowance, known, parts)

    plain = np.array([mean_log_ratio(pairs) for pairs in by_block.values()])
    raised = np.array([_mean([pair.raised for pair in pairs]) for pairs in by_block.values()])
    lowered = np.array([_mean([pair.lowered for pair in pairs]) for pairs in by_block.values()])
    found = sequence(plain)
    if not raised.any() and not lowered.any():
        return found
    return bounded(found, sequence(plain - raised), sequence(plain + lowered))


def bounded(plain: Interval, lowest: Interval, highest: Interval) -> Interval:
    """Returns the interval from the lower bound of one to the upper bound of another, around a plain one."""
    low, high = min(lowest.low, plain.low), max(highest.high, plain.high)
    assumed = assumed_by([lowest, highest])
    return Interval(min(max(plain.estimate, low), high), low, high, plain.n, assumed)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
