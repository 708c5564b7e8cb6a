"""`crossover`: one system wins at the low end of a factor, the other at the high end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hinterland.claims.grounds.form import MetricForm, Problem, among, matches, overlay, rest
from hinterland.claims.grounds.measured import Measured
from hinterland.claims.grounds.pairs import Pair, mean_log_ratio, pairs_by_block
from hinterland.claims.grounds.pool import scatters
from hinterland.drawing import numbers
from hinterland.model.experiment import Experiment, Where, label
from hinterland.model.verdict import Evidence, TrialResult, VerdictWord
from hinterland.statistics.crossover import crossover_sequence
from hinterland.statistics.interval import Interval
from hinterland.statistics.scatter import Scatter
from hinterland.statistics.sequence import assumed_by, running_sequence


class Crossover(MetricForm, frozen=True, kw_only=True):
    """`first` wins on `metric` at the lowest level of `along`, `second` at the highest.

    The estimate is the level at which they draw, with the interval of levels at which neither is decided.
    """

    NAME: ClassVar[str] = "crossover"
    SAYS: ClassVar[str] = (
        "Who wins at each level, paired by block; one system must win at the low end, the other at the high."
    )

    along: str
    first: Where
    second: Where

    def sides(self) -> tuple[Where, ...]:
        return {**self.where, **self.first}, {**self.where, **self.second}

    def controlled(self) -> Self:
        first = overlay(self.first, self.control)
        return replace(self, where={**self.where, **rest(self.control, first)}, first=first)

    def awaits(self, evidence: Evidence, treatments: Sequence[Where]) -> tuple[Where, ...]:
        if evidence.sharpens:
            return self.sides()
        # The ends decide; what lies between says where it turns, once they have.
        about = [t for t in treatments if any(matches(side, t) for side in self.sides())]
        levels = sorted({t[self.along] for t in about}, key=float)
        ends = dict.fromkeys((*levels[:1], *levels[-1:]))
        return tuple({**side, self.along: level} for side in self.sides() for level in ends)

    def asks(self) -> str:
        ends = f"{label(self.first)} wins at the lowest {self.along}, {label(self.second)} at the highest"
        return f"{self.metric}: {ends}{among(self.where)}"

    def judge(
        self, experiment: Experiment, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
    ) -> Evidence:
        measured = Measured.of(experiment, self.metric, trials)
        unit = experiment.factor[self.along].unit
        return evidence_of(self, measured, alpha, unit=unit, control=control)

    def axes(self) -> dict[str, str]:
        return {**super().axes(), "along": self.along}

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        yield from super().problems(experiment)
        if self.along not in experiment.factor:
            yield "along", f"is no factor of this experiment, which are {', '.join(experiment.factor)}."


def evidence_of(form: Crossover, measured: Measured, alpha: float, *, unit: str, control: bool) -> Evidence:
    """Holds when `first` wins at the lowest level and `second` at the highest; refuted when either
    end is decided the other way.

    Who wins at a level is a matter of direction, which noise hardly turns: disturbed trials count for it,
    less what a side drew on itself. Only undisturbed ones refute.
    """
    columns = _columns(form, measured)
    levels, wins = _wins(columns, measured.better == "higher")
    blocks = wins.shape[0]
    if len(levels) < 2 or blocks < 2:
        cause = f"complete blocks: {blocks}; levels of {form.along}: {len(levels)}; both must be 2 or more"
        return Evidence(verdict="inconclusive", says="too few blocks", cause=cause, blocks=blocks, unit=unit)
    known = [
        scatters(measured, sorted(column), [{**side, form.along: level} for side in form.sides()])
        for level, column in columns.items()
    ]
    # Each end can be wrong on one side only, with at most alpha / 2: together at most alpha.
    lowest, highest = _end(wins[:, 0], alpha, known[0]), _end(wins[:, -1], alpha, known[-1])
    word: VerdictWord = "inconclusive"
    if lowest.low > 0 and highest.high < 0:
        word = "holds"
    elif (lowest.high < 0 or highest.low > 0) and (control or not _at_ends(columns, levels)):
        word = "refuted"
    found = crossover_sequence(levels, wins, alpha, scatters=known)
    one, other = _name(form.first, form.second), _name(form.second, form.first)
    at_first, at_last = (numbers.quantity(math.exp(end.estimate), "x") for end in (lowest, highest))
    ends = f"{one} is {at_first} {other} at {form.along} {levels[0]:g} and {at_last} at {levels[-1]:g}"
    crossing = ""
    if word == "holds" and math.isfinite(found.estimate):
        at, low, high = (numbers.significant(each) for each in (found.estimate, found.low, found.high))
        crossing = f"; they cross at {at} (between {low} and {high})"
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
        trials=sum(len(pairs) for column in columns.values() for pairs in column.values()),
        disturbed=_disturbed(columns),
    )


Columns = dict[float, dict[int, list[Pair]]]
"""For each level that both sides ran, in order: block -> its pairs."""


def _columns(form: Crossover, measured: Measured) -> Columns:
    first, second = form.sides()
    columns: Columns = {}
    for level in sorted({trial.treatment[form.along] for trial in measured.where(form.where)}, key=float):
        here = {form.along: level}
        pairs = pairs_by_block(measured, {**first, **here}, {**second, **here})
        usable = {
            block: kept
            for block, found in pairs.items()
            if (kept := [p for p in found if math.isfinite(_drawn(p))])
        }
        if usable:
            columns[float(level)] = usable
    return columns


def _disturbed(columns: Columns) -> int:
    return sum(pair.disturbed for column in columns.values() for pairs in column.values() for pair in pairs)


def _at_ends(columns: Columns, levels: Sequence[float]) -> bool:
    """Decides whether noise disturbed a pair at the lowest or the highest level."""
    return any(
        pair.disturbed
        for level in (levels[0], levels[-1])
        for found in columns[level].values()
        for pair in found
    )


def _drawn(pair: Pair) -> float:
    return max(pair.raised, pair.lowered)


def _wins(columns: Columns, higher_wins: bool) -> tuple[list[float], NDArray[np.float64]]:
    """Returns the levels and the log ratios by which `first` wins, less what a side drew on itself.

    One row a block in time order, one column a level; NaN where a block lacks the pair.
    """
    sign = 1.0 if higher_wins else -1.0
    blocks = sorted({block for column in columns.values() for block in column})
    rows = [
        [sign * _towards_draw(column[block]) if block in column else math.nan for column in columns.values()]
        for block in blocks
    ]
    return list(columns), np.array(rows).reshape(len(blocks), len(columns))


def _towards_draw(pairs: Sequence[Pair]) -> float:
    found = mean_log_ratio(pairs)
    drawn = sum(pair.raised if found > 0 else pair.lowered for pair in pairs) / len(pairs)
    return math.copysign(max(0.0, abs(found) - drawn), found)


def _end(column: NDArray[np.float64], alpha: float, known: Sequence[Scatter | None]) -> Interval:
    return running_sequence(column[~np.isnan(column)], alpha, scatters=known)


def _name(side: Where, other: Where) -> str:
    """Returns the levels in which a side differs, as words."""
    return " ".join(str(level) for name, level in side.items() if other.get(name) != level) or "it"
