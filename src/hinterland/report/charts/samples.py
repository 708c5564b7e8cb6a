"""The values behind a chart: for each level and series the trials that counted, their median and range."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.drawing import numbers
from hinterland.model.experiment import Chart, Experiment, Level, Where, show
from hinterland.model.run import RunRecord
from hinterland.model.verdict import TrialResult

UNIT_AT_END = re.compile("(?<=.)_(per_s|bytes|share|ns|us|ms|s)$")
"""Ids end in their unit; in a sentence the unit stands with the number."""


@dataclass(frozen=True)
class Sample:
    """One metric in one group of trials. `values` may hold infinity (never finished) but no NaN.

    `planned` says whether the run has such a treatment at all; `missing` counts the trials with no value.
    `expected` is the median of the chart's expected metric in the same trials, NaN where nothing is expected.
    """

    level: Level
    series: Level | None
    values: tuple[float, ...]
    missing: int
    planned: bool
    expected: float = math.nan

    @property
    def median(self) -> float:
        """The middle value, NaN if there is none."""
        return middle_of(self.values)

    @property
    def low(self) -> float:
        return min(self.values, default=math.nan)

    @property
    def high(self) -> float:
        return max(self.values, default=math.nan)


def middle_of(values: Sequence[float]) -> float:
    """Returns the median, NaN if there is no value."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ordered[middle - 1] / 2 + ordered[middle] / 2


def levels_of(record: RunRecord, factor: str) -> list[Level]:
    """Returns the levels of the run's treatments: numbers by size, others as the manifest orders them."""
    seen = [treatment[factor] for treatment in record.info.treatments if factor in treatment]
    seen += [trial.treatment[factor] for trial in record.trials if factor in trial.treatment]
    declared = record.info.experiment.factor.get(factor)
    ordered = [level for level in (declared.levels if declared else ()) if level in seen]
    ordered += [level for level in dict.fromkeys(seen) if level not in ordered]
    if all(is_number(level) for level in ordered):
        return sorted(ordered, key=float)
    return ordered


def varied(record: RunRecord) -> list[str]:
    """Returns the factors of a run that had more than one level."""
    return [name for name in record.info.experiment.factor if len(levels_of(record, name)) > 1]


def is_number(level: Level | None) -> bool:
    return isinstance(level, int | float) and not isinstance(level, bool)


def matches(treatment: dict[str, Level], where: Where) -> bool:
    """Decides whether a treatment has all these levels."""
    return all(name in treatment and treatment[name] == level for name, level in where.items())


def level_text(experiment: Experiment, factor: str, level: Level | None) -> str:
    """Returns a level as the reader knows it: with its unit if it has one, else as it is typed."""
    declared = experiment.factor.get(factor)
    if declared is not None and declared.unit and is_number(level):
        return numbers.quantity(float(level or 0), declared.unit)
    return show(level)


def name_of(experiment: Experiment, factor_or_metric: str) -> str:
    """Returns the name of a factor or metric in words."""
    declared = experiment.factor.get(factor_or_metric) or experiment.metric.get(factor_or_metric)
    if declared is not None and declared.name.replace(" ", "_") not in {"", factor_or_metric}:
        return declared.name
    return UNIT_AT_END.sub("", factor_or_metric).replace("_", " ")


def collect(record: RunRecord, chart: Chart) -> list[Sample]:
    """Returns a sample for each level of `by` and of `series` that the run planned, void trials left out."""
    samples = []
    for level in levels_of(record, chart.by):
        for name in levels_of(record, chart.series) if chart.series else [None]:
            group = {**chart.where, chart.by: level} | ({} if name is None else {chart.series: name})
            planned = any(matches(treatment, group) for treatment in record.info.treatments)
            found = [trial for trial in record.trials if matches(trial.treatment, group)]
            if planned or found:
                values = _values(found, chart.metric)
                expecting = [trial for trial in found if matches(trial.treatment, chart.expected_where)]
                expected = middle_of(_values(expecting, chart.expected))
                samples.append(Sample(level, name, values, len(found) - len(values), planned, expected))
    return samples


def _values(trials: Sequence[TrialResult], metric: str) -> tuple[float, ...]:
    """Returns the metric in the trials that were valid and have it; none where `metric` is empty."""
    counted = [trial.outcome.metrics.get(metric) for trial in trials if trial.status == "done"]
    return tuple(float(value) for value in counted if value is not None and _usable(value))


def _usable(value: float) -> bool:
    return not math.isnan(value) and value != -math.inf


def pooled(record: RunRecord, by: str, series: str, where: Where) -> list[str]:
    """Returns the factors whose levels one mark lumps together, so that the chart can say so."""
    rest = [
        {name: level for name, level in treatment.items() if name not in {by, series}}
        for treatment in record.info.treatments
        if matches(treatment, where)
    ]
    names = dict.fromkeys(name for treatment in rest for name in treatment)
    return [name for name in names if len({show(treatment.get(name)) for treatment in rest}) > 1]
