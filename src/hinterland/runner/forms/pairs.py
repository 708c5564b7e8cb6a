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
    one, other = _by_block(trials, metric, above), _by_block(trials, metric, below)
    means: list[float] = []
    pairs: list[tuple[float, float]] = []
    for block in sorted(one):
        contexts = one[block].keys() & other.get(block, {}).keys()
        if not contexts:
            continue
        found = [(one[block][key], other[block][key]) for key in sorted(contexts, key=str)]
        pairs += found
        means.append(sum(log_ratio(a, b) for a, b in found) / len(found))
    return np.array(means), pairs


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
