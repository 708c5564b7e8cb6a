"""What pairs of trials testify to, the disturbed ones among them.

Treatments run in random order, so that noise strikes all alike. Time that it adds pulls a ratio towards 1,
and what slows everything down leaves it where it is: **noise can hide a difference, it can't make one**. So a
ratio that lies above 1 through noise is at least that large, one that lies below 1 at most that, and that a
ratio is near 1, or no further from it than so much, only trials can say that noise left alone: undisturbed
ones, and those that showed by themselves that it added nothing to what they measured (`Measured.is_steady`).
What a side may have drawn on itself is subtracted first (`Pair.raised`, `Pair.lowered`).

Noise may still strike one side harder than is measured: a protocol that a program speaks waits for the
processor where the kernel's does not. So what comes through noise may help a claim to hold, with its control
in the same noise to show that it need not have, and **refutes nothing**: that only undisturbed trials do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from hinterland.claims.grounds.measured import Measured
from hinterland.claims.grounds.pairs import Pair, log_ratio, pairs_by_block
from hinterland.claims.grounds.pool import scatters
from hinterland.model.experiment import Where
from hinterland.model.verdict import TrialResult
from hinterland.statistics.interval import Interval
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, assumed_by, running_sequence

UNTIMED_ALLOWANCE = 1.05
"""By what factor a trial's place in its block may shift what does not rest on time."""

ByBlock = dict[int, list[Pair]]


@dataclass(frozen=True)
class Testimony:
    """The interval of a ratio, the pairs behind it, and how many of them noise had disturbed.

    convicts: what may refute a claim, which is the interval of the undisturbed pairs.
    """

    interval: Interval
    convicts: Interval
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
    pairs = tuple(pair for found in by_block.values() for pair in found)
    disturbed = sum(pair.disturbed for pair in pairs)
    undisturbed = _kept(by_block, lambda pair: not pair.disturbed)
    sides = (above, below)
    calm = _interval(measured, undisturbed, sides, alpha, lambda trial: not measured.disturbs(trial))
    if not disturbed:
        return Testimony(calm, calm, pairs, 0)
    everything = _interval(measured, by_block, sides, alpha, None)
    if control:
        return Testimony(everything, everything, pairs, disturbed)
    steady = _kept(by_block, lambda pair: pair.steady)
    found = through_noise(everything, _interval(measured, steady, sides, alpha, measured.is_steady))
    if measured.best is not None:
        found = both(found, _beside_the_best(measured, measured.best, by_block, sides, alpha))
    return Testimony(found, calm, pairs, disturbed)


def through_noise(everything: Interval, steady: Interval) -> Interval:
    """Returns what is known of a ratio, as a logarithm, from all trials and from the steady ones.

    All of them bound it away from 0, on the far side; towards 0 only the steady do.
    """
    low = everything.low if everything.low > 0 else -math.inf
    high = everything.high if everything.high < 0 else math.inf
    return both(replace(everything, low=low, high=high), steady)


def both(one: Interval, other: Interval) -> Interval:
    """Returns what two intervals for the same ratio say together, around the estimate of the first."""
    low, high = max(one.low, other.low), min(one.high, other.high)
    if low > high:
        # One of the two is wrong, and nothing tells which: only what both say is known.
        low, high = min(one.low, other.low), max(one.high, other.high)
    estimate = min(max(one.estimate, low), high)
    return Interval(estimate, low, high, one.n, assumed_by([one, other]))


def _interval(
    measured: Measured,
    by_block: ByBlock,
    sides: Sequence[Where],
    alpha: float,
    counts: Callable[[TrialResult], bool] | None,
) -> Interval:
    """Returns the interval of the mean log ratio, each bound less what noise may have made of it.

    A pair that noise may have raised without a limit says nothing below, and no less above.
    """
    known = dict(zip(by_block, scatters(measured, list(by_block), sides, counts=counts), strict=True))
    allowance = DRIFT_ALLOWANCE if measured.timed else UNTIMED_ALLOWANCE

    def sequence(kept: ByBlock, added: Callable[[Pair], float]) -> Interval:
        x = np.array([_mean([pair.log_ratio + added(pair) for pair in pairs]) for pairs in kept.values()])
        parts = 2.0 / min((len(pairs) for pairs in kept.values()), default=1)
        return running_sequence(x, alpha, allowance, [known[block] for block in kept], parts)

    plain = sequence(by_block, lambda pair: 0.0)
    if not any(pair.raised or pair.lowered for pairs in by_block.values() for pair in pairs):
        return plain
    below = _kept(by_block, lambda pair: math.isfinite(pair.raised))
    above = _kept(by_block, lambda pair: math.isfinite(pair.lowered))
    lows = [sequence(below, lambda pair: 0.0), sequence(below, lambda pair: -pair.raised)]
    highs = [sequence(above, lambda pair: 0.0), sequence(above, lambda pair: pair.lowered)]
    lowest, highest = min(lows, key=lambda each: each.low), max(highs, key=lambda each: each.high)
    return bounded(plain, lowest, highest)


def _beside_the_best(
    measured: Measured, best: float, by_block: ByBlock, sides: Sequence[Where], alpha: float
) -> Interval:
    """Returns the interval of the log ratio if each side was truly somewhere from what it showed to the best.

    Noise makes a share that answers in time smaller, and nothing makes it larger than 1: two of 0.9 seen
    through noise differ by a tenth at most.
    """
    known = scatters(measured, list(by_block), sides, paired=False)
    parts = 1.0 / min((len(pairs) for pairs in by_block.values()), default=1)

    def sequence(log_of: Callable[[Pair], float]) -> Interval:
        x = np.array([_mean([log_of(pair) for pair in pairs]) for pairs in by_block.values()])
        return running_sequence(x, alpha, DRIFT_ALLOWANCE, known, parts)

    lowest = sequence(lambda pair: log_ratio(min(pair.above, best), best))
    highest = sequence(lambda pair: log_ratio(best, min(pair.below, best)))
    return Interval(0.0, lowest.low, highest.high, lowest.n, assumed_by([lowest, highest]))


def bounded(plain: Interval, lowest: Interval, highest: Interval) -> Interval:
    """Returns the interval from the lower bound of one to the upper bound of another, around a plain one."""
    estimate = min(max(plain.estimate, lowest.low), highest.high)
    return Interval(estimate, lowest.low, highest.high, plain.n, assumed_by([lowest, highest]))


def _kept(by_block: ByBlock, counts: Callable[[Pair], bool]) -> ByBlock:
    """Returns the blocks with the pairs that count; a block without any is left out."""
    kept = {block: [pair for pair in pairs if counts(pair)] for block, pairs in by_block.items()}
    return {block: pairs for block, pairs in kept.items() if pairs}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
