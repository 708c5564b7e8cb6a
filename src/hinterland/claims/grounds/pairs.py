"""Which trials are compared with which: those of one block that differ only in what the claim compares."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.claims.grounds.measured import Key, Measured, context
from hinterland.model.experiment import Where
from hinterland.model.verdict import TrialResult

MOST_LOG = math.log(1e6)
"""Ratios beyond a million to one are counted as a million: a zero has no logarithm."""


@dataclass(frozen=True)
class Pair:
    """Two trials of one block: the metric of each, and how much harder noise may have struck one of them.

    raised, lowered: by how much, as a logarithm, noise may have raised or lowered the ratio above / below
    because it struck one side harder. disturbed: noise struck the machine during at least one of them.
    steady: it left what was measured alone in both.
    """

    above: float
    below: float
    disturbed: bool
    steady: bool = True
    raised: float = 0.0
    lowered: float = 0.0

    @property
    def log_ratio(self) -> float:
        return log_ratio(self.above, self.below)


def pairs_by_block(measured: Measured, above: Where, below: Where) -> dict[int, list[Pair]]:
    """Returns, for each block with a complete pair, its pairs: one for each level of what isn't compared.

    What either side names is compared, also where the other has it in one way only.
    """
    named = {**above, **below}
    one, other = _by_block(measured, above, named), _by_block(measured, below, named)
    found = {}
    for block in sorted(one.keys() & other.keys()):
        contexts = sorted(one[block].keys() & other[block].keys(), key=str)
        if contexts:
            found[block] = [_pair(measured, one[block][key], other[block][key]) for key in contexts]
    return found


def mean_log_ratio(pairs: Sequence[Pair]) -> float:
    """Returns the mean of the pairs' log ratios."""
    return sum(pair.log_ratio for pair in pairs) / len(pairs)


def log_ratio(above: float, below: float) -> float:
    """Returns log(above / below), clipped at a million to one; two zeros are equal, and two infinities."""
    if (above <= 0 and below <= 0) or above == below:
        return 0.0
    if below <= 0:
        return MOST_LOG
    if above <= 0:
        return -MOST_LOG
    # Not the logarithm of the quotient, which may be 0 or beyond what a float holds.
    return max(-MOST_LOG, min(MOST_LOG, math.log(above) - math.log(below)))


def _pair(measured: Measured, one: TrialResult, other: TrialResult) -> Pair:
    disturbed = measured.disturbs(one) or measured.disturbs(other)
    above, below = measured.value(one), measured.value(other)
    assert above is not None
    assert below is not None
    if not disturbed:
        return Pair(above, below, disturbed=False)
    steady = measured.is_steady(one) and measured.is_steady(other)
    up, down = _extra(measured, one, other, steady), _extra(measured, other, one, steady)
    if measured.better == "higher":
        # Added time lowers a rate: the ratio rises by what struck the side below.
        up, down = down, up
    elif measured.better == "neither":
        up = down = max(up, down)
    return Pair(above, below, disturbed=True, steady=steady, raised=up, lowered=down)


def _extra(measured: Measured, side: TrialResult, other: TrialResult, steady: bool) -> float:
    """Returns by how much noise may have struck a side harder than the other, as a logarithm.

    The order is random, so that noise strikes both alike, but for what a side draws on itself: who uses more
    of the processors is robbed of more, and delays the link and the generator that run beside it. One that
    waits loses nothing to a thief: the most that may have struck a side is held against what the other bore.
    Lateness comes and goes, so that what proves steady had none.
    """
    theft = (side.weather.most_log_theft if side.weather else 0.0) - (
        other.weather.log_theft if other.weather else 0.0
    )
    late = 0.0 if steady else measured.late_log(side, side.late_ms - other.late_ms)
    return max(0.0, theft) + late


def _by_block(measured: Measured, where: Where, named: Where) -> dict[int, dict[Key, TrialResult]]:
    found: dict[int, dict[Key, TrialResult]] = defaultdict(dict)
    for trial in measured.where(where):
        # Where several are alike in all that is not compared, it is the last one, and the order is random.
        found[trial.block][context(trial, named)] = trial
    return found
