"""The scatter that all treatments of a run show together, after each of its blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from hinterland.claims.grounds.form import matches
from hinterland.claims.grounds.measured import Measured
from hinterland.model.experiment import Where, label
from hinterland.model.verdict import TrialResult
from hinterland.statistics.scatter import Scatter, scatter_of

LIKE = math.log(4.0)
"""Results within this factor are alike: added time scatters a short time far more than a long one."""

ValueOf = Callable[[TrialResult], float | None]


def scatters(
    measured: Measured,
    blocks: Sequence[int],
    sides: Sequence[Where],
    *,
    counts: Callable[[TrialResult], bool] | None = None,
    value: ValueOf | None = None,
    paired: bool = True,
) -> list[Scatter | None]:
    """Returns, for each of these blocks, the scatter of the log metric as known after it, None if it isn't.

    Of the run's treatments those count whose results are like those of one of the `sides`, by the first two
    trials of each, so that later blocks don't choose anew who counted in earlier ones. counts: which trials
    do, all without it. value: what is compared, the metric itself without it.
    """
    seen: dict[str, list[tuple[int, float]]] = {}
    sizes: dict[str, list[float]] = {}
    own: set[str] = set()
    for trial in measured.trials:
        size = measured.value(trial)
        if size is None or (counts is not None and not counts(trial)):
            continue
        compared = size if value is None else value(trial)
        if compared is None or min(size, compared) <= 0 or not math.isfinite(max(size, compared)):
            continue
        name = label(trial.treatment)
        seen.setdefault(name, []).append((trial.block, math.log(compared)))
        sizes.setdefault(name, []).append(math.log(size))
        if any(matches(side, trial.treatment) for side in sides):
            own.add(name)
    middles = {name: sum(logs[:2]) / len(logs[:2]) for name, logs in sizes.items()}
    alike = [
        name
        for name, middle in middles.items()
        if name in own or any(abs(middle - middles[each]) <= LIKE for each in own)
    ]
    return [
        _scatter(tuple(tuple(one for one in seen[name] if one[0] <= block) for name in alike), paired)
        for block in blocks
    ]


@lru_cache(maxsize=4096)
def _scatter(columns: tuple[tuple[tuple[int, float], ...], ...], paired: bool) -> Scatter | None:
    blocks = sorted({block for column in columns for block, _ in column})
    if len(blocks) < 2:
        return None
    rows = {block: row for row, block in enumerate(blocks)}
    values = np.full((len(blocks), len(columns)), np.nan)
    for number, column in enumerate(columns):
        for block, log_value in column:
            values[rows[block], number] = log_value
    return scatter_of(values, paired=paired)
