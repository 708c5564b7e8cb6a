"""Which trials are compared with which: those of one block that differ only in what the claim compares."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hinterland.model.experiment import Level, Where
from hinterland.model.verdict import TrialResult

MOST_LOG = math.log(1e6)
"""Ratios beyond a million to one are counted as a million: a zero has no logarithm."""

Key = tuple[tuple[str, Level], ...]


def log_ratios(
    trials: Sequence[TrialResult], metric: str, above: Where, below: Where
) -> tuple[NDArray[np.float64], list[tuple[float, float]]]:
    """Returns one paired log ratio a block, in time order, and the pairs behind them.

    A block counts where at least one pair is complete; several pairs (levels of factors the claim does not
    name) are averaged.
    """
    by_block = pairs_by_block(trials, metric, above, below)
    means = [mean_log_ratio(pairs) for _, pairs in sorted(by_block.items())]
    return np.array(means), [pair for _, pairs in sorted(by_block.items()) for pair in pairs]


def pairs_by_block(
    trials: Sequence[TrialResult], metric: str, above: Where, below: Where
) -> dict[int, list[tuple[float, float]]]:
    """Returns, for each block with a complete pair, the metric's values above and below."""
    one, other = _by_block(trials, metric, above), _by_block(trials, metric, below)
    found = {}
    for block in one.keys() & other.keys():
        contexts = sorted(one[block].keys() & other[block].keys(), key=str)
        if contexts:
            found[block] = [(one[block][key], other[block][key]) for key in contexts]
    return found


def mean_log_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Returns the mean of the pairs' log ratios."""
    return sum(log_ratio(above, below) for above, below in pairs) / len(pairs)


def log_ratio(above: float, below: float) -> float:
    """Returns log(above / below), clipped at a million to one; two zeros are equal."""
    if above <= 0 and below <= 0:
        return 0.0
    if below <= 0:
        return MOST_LOG
    if above <= 0:
        return -MOST_LOG
    return max(-MOST_LOG, min(MOST_LOG, math.log(above / below)))


def _by_block(trials: Sequence[TrialResult], metric: str, where: Where) -> dict[int, dict[Key, float]]:
    found: dict[int, dict[Key, float]] = defaultdict(dict)
    for trial in trials:
        value = trial.outcome.metrics.get(metric)
        if value is None or math.isnan(value):
            continue
        if any(trial.treatment.get(name) != level for name, level in where.items()):
            continue
        context = tuple((name, level) for name, level in trial.treatment.items() if name not in where)
        found[trial.block][context] = value
    return found
