"""One thing to try next: a level that this run did not have, which its experiment allows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from hinterland.model.experiment import Experiment, Factor, Level, show
from hinterland.model.levels import is_range, rule_broken, treatments
from hinterland.model.run import RunInfo
from hinterland.report.charts.samples import is_number, level_text, name_of


@dataclass(frozen=True)
class Try:
    """A factor and a level to run it with, in words, and the address of the form with it filled in."""

    factor: str
    level: str
    ran: tuple[str, ...]
    address: str

    @property
    def says(self) -> str:
        """`round trip 100 ms`, and `200k keys` where the unit says what it is."""
        return self.level if self.factor in self.level else f"{self.factor} {self.level}"


def next_try(
    experiment: Experiment, info: RunInfo, missing: Collection[tuple[str, Level]] = ()
) -> Try | None:
    """Returns what to try after a run, None where its experiment allows nothing else.

    missing: levels that can't run here. A number that may vary comes before a choice, for it tells most; a
    factor that the first chart is along comes before the others. What does not fit the budget is passed over.
    """
    first = [chart.by for chart in experiment.chart[:1]]
    numbers = [name for name, factor in experiment.factor.items() if is_range(factor)]
    for name in dict.fromkeys([*(each for each in first if each in numbers), *numbers, *experiment.factor]):
        factor = experiment.factor[name]
        ran = _ran(info, name)
        if not ran:
            # A record of another version, or of nobody: it says nothing of this factor.
            continue
        for level in _untried(factor, ran):
            if (name, level) in missing:
                continue
            alone = () if _is_pinned(experiment, name) else ([level],)
            asked = next((each for each in ([*ran, level], *alone) if _fits(experiment, name, each)), None)
            if asked is None:
                continue
            words = [level_text(experiment, name, each) for each in (level, *ran)]
            query = urlencode([(f"set-{name}", show(each)) for each in asked])
            return Try(name_of(experiment, name), words[0], tuple(words[1:]), f"/{experiment.id}?{query}#go")
    return None


def _ran(info: RunInfo, factor: str) -> list[Level]:
    """Returns the levels that a run had, numbers by size."""
    found = list(dict.fromkeys(each[factor] for each in info.treatments if factor in each))
    return sorted(found, key=float) if all(is_number(level) for level in found) else found


def _untried(factor: Factor, ran: Sequence[Level]) -> list[Level]:
    """Returns the levels that are allowed and did not run, the likeliest first."""
    known = [level for level in (*factor.choices, *factor.levels) if level not in ran]
    numbers = [float(level) for level in ran if is_number(level)]
    if not is_range(factor) or not numbers:
        return known
    beyond: list[float] = [2 * max(numbers), max(numbers) / 2 + min(numbers) / 2, min(numbers) / 2]
    if factor.maximum is not None:
        beyond.insert(1, factor.maximum)
    if factor.minimum is not None:
        beyond.append(factor.minimum)
    whole = all(isinstance(level, int) for level in factor.levels)
    finite = [value for value in beyond if math.isfinite(value)]
    levels: list[Level] = [*known, *(int(value) if whole else float(f"{value:.3g}") for value in finite)]
    return [level for level in levels if level not in ran and not rule_broken(factor, level)]


def _is_pinned(experiment: Experiment, name: str) -> bool:
    """Decides whether a claim speaks of certain levels of a factor: without them it could not be judged."""
    return any(name in claim.where or name in claim.instead for claim in experiment.claim)


def _fits(experiment: Experiment, name: str, levels: Sequence[Level]) -> bool:
    """Decides whether a block of it, twice, fits into the budget: one block decides little."""
    count = len(treatments(experiment, {name: levels}))
    return 0 < 2 * count * experiment.trial_s <= experiment.budget_s
