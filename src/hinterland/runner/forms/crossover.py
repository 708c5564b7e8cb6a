"""`crossover`: one system wins at the low end of a factor, the other at the high end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hinterland.model.claims import Crossover
from hinterland.model.experiment import Where
from hinterland.model.verdict import Evidence, TrialResult, VerdictWord
from hinterland.runner.forms.pairs import mean_log_ratio, pairs_by_block
from hinterland.statistics.crossover import crossover_sequence
from hinterland.statistics.interval import Interval
from hinterland.statistics.sequence import assumed_by, running_sequence


def judge(
    form: Crossover, trials: Sequence[TrialResult], alpha: float, *, higher_wins: bool, unit: str
) -> Evidence:
    """Holds when `first` wins at the lowest level and `second` at the highest; refuted when either
    end is decided the other way."""
    levels, wins = _wins(form, trials, higher_wins)
    blocks = wins.shape[0]
    if len(levels) < 2 or blocks < 2:
        cause = f"complete blocks: {blocks}; levels of {form.along}: {len(levels)}; both must be 2 or more"
        return Evidence(verdict="inconclusive", says="too few blocks", cause=cause, blocks=blocks, unit=unit)
    # Each end can be wrong on one side only, with at most alpha / 2: together at most alpha.
    lowest, highest = _end(wins[:, 0], alpha), _end(wins[:, -1], alpha)
    word: VerdictWord = "inconclusive"
    if lowest.low > 0 and highest.high < 0:
        word = "holds"
    elif lowest.high < 0 or highest.low > 0:
        word = "refuted"
    found = crossover_sequence(levels, wins, alpha)
    one, other = _name(form.first, form.second), _name(form.second, form.first)
    ends = (
        f"{one} is {math.exp(lowest.estimate):.3g}x {other} at {form.along} {levels[0]:g} "
        f"and {math.exp(highest.estimate):.3g}x at {levels[-1]:g}"
    )
    crossing = ""
    if word == "holds" and math.isfinite(found.estimate):
        crossing = f"; they cross at {found.estimate:.3g} (between {found.low:.3g} and {found.high:.3g})"
    return Evidence(
        verdict=word,
        says=ends + crossing,
        estimate=found.estimate if math.isfinite(found.estimate) else None,
        low=found.low if math.isfinite(found.low) else None,
        high=found.high if math.isfinite(found.high) else None,
        unit=unit or form.along,
        blocks=blocks,
        cause="" if word != "inconclusive" else f"after {blocks} blocks an end is undecided: {ends}",
        assumed=assumed_by([lowest, highest]),
        sharpens=word == "holds" and (found.low <= levels[0] or found.high >= levels[-1]),
    )


def _wins(
    form: Crossover, trials: Sequence[TrialResult], higher_wins: bool
) -> tuple[list[float], NDArray[np.float64]]:
    """Returns the levels that both sides ran, in order, and the log ratios by which `first` wins.

    One row a block in time order, one column a level; NaN where a block lacks the pair.
    """
    sign = 1.0 if higher_wins else -1.0
    columns: dict[float, dict[int, float]] = {}
    for level in sorted({float(trial.treatment[form.along]) for trial in trials}):
        at_level = [trial for trial in trials if float(trial.treatment[form.along]) == level]
        first, second = {**form.where, **form.first}, {**form.where, **form.second}
        pairs = pairs_by_block(at_level, form.metric, first, second)
        if pairs:
            columns[level] = {block: sign * mean_log_ratio(found) for block, found in pairs.items()}
    blocks = sorted({block for column in columns.values() for block in column})
    rows = [[column.get(block, math.nan) for column in columns.values()] for block in blocks]
    return list(columns), np.array(rows).reshape(len(blocks), len(columns))


def _end(column: NDArray[np.float64], alpha: float) -> Interval:
    return running_sequence(column[~np.isnan(column)], alpha)


def _name(side: Where, other: Where) -> str:
    """Returns the levels in which a side differs, as words."""
    return " ".join(str(level) for name, level in side.items() if other.get(name) != level) or "it"
