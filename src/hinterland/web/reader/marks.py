"""The marks of a prediction: a value for each row of an experiment's own first chart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hinterland.drawing import numbers
from hinterland.drawing.figure import Figure, in_both_widths
from hinterland.model.experiment import Chart, Experiment, Level, show
from hinterland.model.levels import treatments
from hinterland.model.run import RunInfo, RunRecord
from hinterland.report.charts import dots
from hinterland.report.charts.samples import Sample, collect, level_text, matches, name_of
from hinterland.web.reader.design import design

MOST_ROWS = 40


@dataclass(frozen=True)
class Row:
    """A row to be marked. `key` names it in a form and in the notebook, by its levels."""

    key: str
    level: str
    series: str


def key_of(level: Level, series: Level | None) -> str:
    return show(level) if series is None else f"{show(level)} | {show(series)}"


def rows(experiment: Experiment) -> list[Row]:
    """Returns the rows of the first chart as the default design runs them; none where there is no axis."""
    if not experiment.chart or experiment.prediction.axis is None:
        return []
    chart = experiment.chart[0]
    found: dict[str, Row] = {}
    for treatment in treatments(experiment):
        if not matches(treatment, chart.where):
            continue
        level, series = treatment[chart.by], treatment[chart.series] if chart.series else None
        found.setdefault(
            key_of(level, series),
            Row(
                key_of(level, series),
                level_text(experiment, chart.by, level),
                level_text(experiment, chart.series, series) if chart.series else "",
            ),
        )
    return list(found.values())[:MOST_ROWS]


def sheet(experiment: Experiment) -> dict[str, Any] | None:
    """Returns what the form shows: the rows, the metric in words, the axis. Nothing of it tells a result."""
    found = rows(experiment)
    if not found or experiment.prediction.axis is None:
        return None
    chart = experiment.chart[0]
    metric, (low, high) = experiment.metric[chart.metric], experiment.prediction.axis
    return {
        "rows": found,
        "what": name_of(experiment, chart.metric),
        "says": metric.says,
        "unit": metric.unit,
        "low": low,
        "high": high,
        "kept": _kept(experiment, chart),
    }


def _kept(experiment: Experiment, chart: Chart) -> str:
    """Returns what all rows have in common, in words."""
    return ", ".join(
        f"{name_of(experiment, factor)} {level_text(experiment, factor, level)}"
        for factor, level in chart.where.items()
    )


def given(experiment: Experiment, form: Mapping[str, str]) -> dict[str, float]:
    """Returns the marks of a form, by key; rows that were left empty are left out.

    Raises ValueError for what is no number, or lies beyond the axis.
    """
    axis = experiment.prediction.axis
    found: dict[str, float] = {}
    for place, row in enumerate(rows(experiment)):
        text = form.get(f"mark-{place}", "").replace(",", ".").strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"“{text}” is none") from None
        assert axis is not None
        if not axis[0] <= value <= axis[1]:
            raise ValueError(f"{text} is not between {axis[0]:g} and {axis[1]:g}")
        found[row.key] = value
    return found


@dataclass(frozen=True)
class Gap:
    """How far marks lie from what was measured, in the order in which it is told.

    pairs: (in the right order, of so many whose measured values differ). factors: on a logarithmic axis, how
    far off the shape and the level are; else `off` is the mean distance.
    """

    rows: int
    pairs: tuple[int, int]
    shape: float = 1.0
    level: float = 1.0
    off: float | None = None


def gap(marks: Mapping[str, float], measured: Mapping[str, float], *, log: bool) -> Gap | None:
    """Returns the gap over the rows that have both; None where there is none.

    On a logarithmic axis with e = ln(measured / marked): level exp(mean e), above 1 where more was measured;
    shape exp(mean |e - mean e|).
    """
    both = [
        (marks[key], measured[key])
        for key in marks
        if key in measured
        and math.isfinite(measured[key])
        and (not log or min(marks[key], measured[key]) > 0)
    ]
    if not both:
        return None
    pairs = _pairs(both)
    if not log:
        return Gap(len(both), pairs, off=sum(abs(found - mark) for mark, found in both) / len(both))
    errors = [math.log(found / mark) for mark, found in both]
    middle = sum(errors) / len(errors)
    shape = math.exp(sum(abs(error - middle) for error in errors) / len(errors))
    return Gap(len(both), pairs, shape, math.exp(middle))


def _pairs(both: list[tuple[float, float]]) -> tuple[int, int]:
    """Returns how many pairs of rows were marked in the order in which they came out, of those that differ.

    Values within a twentieth of each other are as good as equal.
    """
    right = differ = 0
    for place, (mark, found) in enumerate(both):
        for other_mark, other in both[place + 1 :]:
            if abs(found - other) <= 0.05 * max(abs(found), abs(other)):
                continue
            differ += 1
            right += (mark - other_mark) * (found - other) > 0
    return right, differ


def told(found: Gap, unit: str) -> str:
    """Returns the gap as sentences: order, shape, level."""
    says = []
    right, differ = found.pairs
    if differ:
        says.append(
            "You knew the order."
            if right == differ
            else f"You had {right} of {differ} pairs in the right order."
        )
    if found.off is not None:
        says.append(f"On average your marks lie {numbers.quantity(found.off, unit)} off.")
        return " ".join(says)
    if found.rows > 1:
        says.append(f"The shape is right within a factor of {found.shape:.2g}.")
    if found.level > 1.1:
        says.append(f"All of it is higher than you thought, by a factor of {found.level:.2g}.")
    elif found.level < 1 / 1.1:
        says.append(f"All of it is lower than you thought, by a factor of {1 / found.level:.2g}.")
    else:
        says.append("The level is right, too." if says else "The level is right.")
    return " ".join(says)


def measured(record: RunRecord) -> dict[str, float]:
    """Returns the medians of the first chart's rows, by key."""
    chart = design(record.info.experiment, record.info.set).chart[0]
    return {
        key_of(sample.level, sample.series): sample.median
        for sample in collect(record, chart)
        if sample.values
    }


def unrun(experiment: Experiment) -> RunRecord:
    """Returns a record without a trial, for the marks of a place that was not run yet."""
    info = RunInfo(
        id="", experiment=experiment, seed=0, budget_s=experiment.budget_s, started_at=0.0, machine={},
        treatments=treatments(experiment),
    )  # fmt: skip
    return RunRecord(info, (), (), (), "")


def figure(record: RunRecord, marks: Mapping[str, float]) -> Figure:
    """Returns the first chart as rows, each with the reader's mark beside what was measured so far.

    Before the first trial it tells nothing of what will come.
    """
    experiment = design(record.info.experiment, record.info.set)
    chart = experiment.chart[0]
    samples = [
        _with_mark(sample, marks.get(key_of(sample.level, sample.series), math.nan))
        for sample in collect(record, chart)
    ]
    shown = [
        dots.Row(
            level_text(experiment, chart.by, sample.level),
            level_text(experiment, chart.series, sample.series) if chart.series else "",
            _place(experiment, chart, sample),
            sample,
        )
        for sample in samples
    ]
    metric = experiment.metric[chart.metric]
    what = name_of(experiment, chart.metric)
    title = [each for each in (what, metric.unit and numbers.title_unit(metric.unit)) if each]
    says = f"What you expected, and what was measured: {chart.caption}"
    if not record.trials:
        says = "What you expect."
    elif record.info.set:
        # The caption speaks of the usual levels.
        says = f"What you expected, and what was measured, at {_chosen(record)}."
    wide, narrow = in_both_widths(
        "marks",
        what,
        says,
        lambda drawing: dots.draw(drawing, shown, unit=metric.unit, kind=chart.scale, title=title),
    )
    return Figure(
        says,
        wide,
        narrow,
        (name_of(experiment, chart.by), "you expected", "measured"),
        tuple(
            (
                " ".join(part for part in (row.level, row.series) if part),
                numbers.quantity(row.sample.expected, metric.unit)
                if math.isfinite(row.sample.expected)
                else "–",
                numbers.quantity(row.sample.median, metric.unit) if row.sample.values else "–",
            )
            for row in shown
        ),
        ("The short line in a row is what you expected.",),
    )


def _chosen(record: RunRecord) -> str:
    """Returns the levels that a run was asked for, in words."""
    experiment = record.info.experiment
    return "; ".join(
        f"{name_of(experiment, factor)} {', '.join(level_text(experiment, factor, each) for each in levels)}"
        for factor, levels in record.info.set.items()
    )


def _with_mark(sample: Sample, mark: float) -> Sample:
    return Sample(sample.level, sample.series, sample.values, sample.missing, sample.planned, mark)


def _place(experiment: Experiment, chart: Chart, sample: Sample) -> int:
    if not chart.series or sample.series is None:
        return 0
    levels = experiment.factor[chart.series].levels
    return levels.index(sample.series) if sample.series in levels else 0
