"""Which charts a run gets: those its manifest asks for, else a sensible one for each metric.

A numeric factor with three levels or more becomes a line chart, any other a dot plot. Every figure
carries its data as a table, so that nothing is said by the drawing alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from hinterland.drawing import numbers
from hinterland.drawing.figure import Figure, in_both_widths
from hinterland.drawing.svg import Drawing
from hinterland.model.experiment import Chart, Experiment, Level, Metric, show
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Verdict
from hinterland.report.charts import dots, lines, panels
from hinterland.report.charts.samples import (
    Sample,
    collect,
    is_number,
    level_text,
    levels_of,
    name_of,
    pooled,
    varied,
)

BETTER = {"lower": "lower is better", "higher": "higher is better", "neither": ""}
MOST_CURVES = 24
MOST_POINTS = 240


def figures(record: RunRecord) -> list[Figure]:
    """Returns the charts of a run, in the manifest's order, then the curves its trials recorded."""
    if not record.info.treatments and not record.trials:
        return []
    charts = record.info.experiment.chart or tuple(sensible(record))
    crossovers = _crossovers(record, charts)
    drawn = [
        _chart(record, chart, f"chart-{number}", crossovers.get(number - 1))
        for number, chart in enumerate(charts, 1)
    ]
    return [figure for figure in drawn if figure is not None] + curves(record)


def side_by_side(records: Sequence[RunRecord]) -> list[list[Figure | None]]:
    """Returns the first run's charts in rows, one figure a run on the axes of all of them; None where a run
    has nothing of a chart."""
    charts = records[0].info.experiment.chart or tuple(sensible(records[0]))
    rows = []
    for number, chart in enumerate(charts, 1):
        rows.append(
            [
                _chart(
                    record, chart, f"chart-{number}-{place}", None, [o for o in records if o is not record]
                )
                for place, record in enumerate(records, 1)
            ]
        )
    return [row for row in rows if any(row)]


def sensible(record: RunRecord) -> list[Chart]:
    """Returns one chart a metric: along the numeric factor with most levels, else by the factor with most."""
    experiment = record.info.experiment
    counts = {factor: len(levels_of(record, factor)) for factor in experiment.factor}
    varied = sorted((name for name in counts if counts[name] > 1), key=lambda name: -counts[name])
    numeric = [name for name in varied if is_line(levels_of(record, name))]
    ordered = [*numeric[:1], *(name for name in varied if name not in numeric[:1])] or list(counts)[:1]
    if not ordered:
        return []
    series = next((name for name in ordered[1:] if counts[name] <= 8), "")
    words = name_of(experiment, ordered[0]) + (f" and {name_of(experiment, series)}" if series else "")
    return [
        Chart(
            metric=metric,
            by=ordered[0],
            series=series,
            caption=f"{capital(name_of(experiment, metric))} by {words}.",
            scale=_sensible_scale(record, metric),
        )
        for metric in experiment.metric
    ]


def _sensible_scale(record: RunRecord, metric: str) -> Literal["linear", "log"]:
    """Logarithmic where the values of a ratio metric span more than a factor of fifty."""
    values = [
        trial.outcome.metrics.get(metric, math.nan) for trial in record.trials if trial.status == "done"
    ]
    positive = [value for value in values if 0 < value < math.inf]
    wide = bool(positive) and max(positive) > 50 * min(positive)
    return "log" if wide and record.info.experiment.metric[metric].scale == "ratio" else "linear"


def is_line(levels: list[Level]) -> bool:
    return len(levels) >= 3 and all(is_number(level) for level in levels)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _chart(
    record: RunRecord, chart: Chart, key: str, band: lines.Band | None, others: Sequence[RunRecord] = ()
) -> Figure | None:
    """Returns the figure, or None where its metric or factor is not of this run.

    others: runs whose values the axes have room for, too.
    """
    experiment = record.info.experiment
    metric = experiment.metric.get(chart.metric)
    samples = collect(record, chart)
    if metric is None or not samples:
        return None
    beside = [sample for other in others for sample in collect(other, chart)]
    levels = list(dict.fromkeys([*levels_of(record, chart.by), *(sample.level for sample in beside)]))
    if is_line(levels):
        draw = _fill_lines(record, chart, metric, samples, band, beside)
    else:
        draw = _fill_dots(record, chart, metric, samples, beside)
    title = f"{capital(name_of(experiment, chart.metric))} by {name_of(experiment, chart.by)}"
    says = f"{chart.caption} {_says(experiment, chart, metric, samples)}"
    wide, narrow = in_both_widths(key, title, says, draw)
    columns, rows = _table(experiment, chart, metric, samples)
    notes = _notes(record, chart, samples, is_line(levels))
    return Figure(chart.caption, wide, narrow, columns, rows, notes)


def _fill_dots(
    record: RunRecord, chart: Chart, metric: Metric, samples: Sequence[Sample], beside: Sequence[Sample]
) -> Callable[[Drawing], None]:
    experiment = record.info.experiment
    order = levels_of(record, chart.series) if chart.series else []
    rows = [
        dots.Row(
            level_text(experiment, chart.by, sample.level),
            level_text(experiment, chart.series, sample.series) if chart.series else "",
            order.index(sample.series) if sample.series in order else 0,
            sample,
        )
        for sample in samples
    ]
    title = axis_words(name_of(experiment, chart.metric), metric.unit, BETTER[metric.better])
    limits = _limits(record, chart, metric)
    also = _room(beside)
    return lambda drawing: dots.draw(
        drawing, rows, unit=metric.unit, kind=chart.scale, title=title, thresholds=limits, also=also
    )


def _fill_lines(
    record: RunRecord,
    chart: Chart,
    metric: Metric,
    samples: Sequence[Sample],
    band: lines.Band | None,
    beside: Sequence[Sample],
) -> Callable[[Drawing], None]:
    experiment = record.info.experiment
    factor = experiment.factor.get(chart.by)
    order = levels_of(record, chart.series) if chart.series else [None]
    series = [
        lines.Line(
            level_text(experiment, chart.series, name) if chart.series else "",
            index,
            tuple(
                lines.Point(float(s.level), s.median, s.low, s.high, s.values, s.expected)
                for s in samples
                if s.series == name
            ),
        )
        for index, name in enumerate(order)
    ]
    ran = sorted({float(sample.level) for sample in (*samples, *beside)})
    also = _room(beside)
    levels = [(level, level_text(experiment, chart.by, level)) for level in ran]
    y_title = axis_words(name_of(experiment, chart.metric), metric.unit, BETTER[metric.better])
    x_title = axis_words(name_of(experiment, chart.by), factor.unit if factor else "", "")
    return lambda drawing: lines.draw(
        drawing,
        series,
        unit=metric.unit,
        kind=chart.scale,
        y_title=y_title,
        x_title=x_title,
        levels=levels,
        band=band,
        also=also,
    )


def _room(samples: Sequence[Sample]) -> list[float]:
    """Returns the values for which an axis needs room beside its own."""
    return [
        value for sample in samples for value in (*sample.values, sample.expected) if math.isfinite(value)
    ]


def axis_words(name: str, unit: str, better: str) -> list[str]:
    """Returns the parts of an axis title: what it shows, the unit its ticks leave out, what is better."""
    words = numbers.title_unit(unit)
    if words.lower().startswith(name.lower()):
        name = words
    elif words and not name.lower().endswith(words.lower()):
        name = f"{name} ({words})"
    return [capital(name), better] if better else [capital(name)]


def _limits(record: RunRecord, chart: Chart, metric: Metric) -> list[tuple[float, str]]:
    """Returns the claims' thresholds that are values of this metric."""
    found = []
    for verdict in record.verdicts:
        limit = verdict.evidence.threshold
        if limit is not None and verdict.detail.get("metric") == chart.metric and metric.unit:
            same_unit = verdict.evidence.unit == metric.unit and metric.unit not in {"x", "share"}
            if same_unit and math.isfinite(limit):
                found.append((limit, f"threshold {numbers.quantity(limit, metric.unit)}"))
    return list(dict.fromkeys(found))[:1]


def _crossovers(record: RunRecord, charts: Sequence[Chart]) -> dict[int, lines.Band]:
    """Returns the interval of each estimated crossover by the index of the one chart that shows it."""
    found: dict[int, lines.Band] = {}
    for verdict in record.verdicts:
        seen = verdict.evidence
        if verdict.form != "crossover" or seen.estimate is None or not math.isfinite(seen.estimate):
            continue
        along = [n for n, chart in enumerate(charts) if _is_along(record.info.experiment, verdict, chart)]
        if along:
            low = -math.inf if seen.low is None else seen.low
            high = math.inf if seen.high is None else seen.high
            at = level_text(record.info.experiment, charts[along[0]].by, seen.estimate)
            says = f"crossover at {_rounded(at, seen.estimate)}"
            found.setdefault(along[0], lines.Band(low, high, seen.estimate, says))
    return found


def _is_along(experiment: Experiment, verdict: Verdict, chart: Chart) -> bool:
    """A verdict says what its crossover runs along in `detail`, or by its unit: the factor's, or its name."""
    if verdict.detail.get("metric", chart.metric) != chart.metric:
        return False
    if "along" in verdict.detail:
        return bool(verdict.detail["along"] == chart.by)
    factor = experiment.factor.get(chart.by)
    return verdict.evidence.unit in {chart.by, factor.unit if factor else chart.by}


def _rounded(text: str, value: float) -> str:
    return numbers.significant(value) if text == show(value) else text


def _says(experiment: Experiment, chart: Chart, metric: Metric, samples: Sequence[Sample]) -> str:
    """The drawing in words: the median of every group, at most twelve of them."""
    parts = []
    for sample in samples[:12]:
        group = level_text(experiment, chart.by, sample.level)
        if chart.series:
            group += f", {level_text(experiment, chart.series, sample.series)}"
        expected = "" if math.isnan(sample.expected) else numbers.quantity(sample.expected, metric.unit)
        beside = f" (expected {expected})" if expected else ""
        parts.append(f"{group}: {numbers.quantity(sample.median, metric.unit)}{beside}")
    more = f"; and {len(samples) - 12} more in the table" if len(samples) > 12 else ""
    return "Medians: " + "; ".join(parts) + more + "."


def _table(
    experiment: Experiment, chart: Chart, metric: Metric, samples: Sequence[Sample]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    heads: tuple[str, ...] = (capital(name_of(experiment, chart.by)),)
    if chart.series:
        heads += (capital(name_of(experiment, chart.series)),)
    expecting = is_expecting(samples)
    rows = []
    for sample in samples:
        row: tuple[str, ...] = (level_text(experiment, chart.by, sample.level),)
        if chart.series:
            row += (level_text(experiment, chart.series, sample.series),)
        values = (sample.median, *([sample.expected] if expecting else []), sample.low, sample.high)
        figures = [numbers.quantity(value, metric.unit) for value in values]
        rows.append((*row, *figures, str(len(sample.values))))
    middle = ("Median", "Expected") if expecting else ("Median",)
    return (*heads, *middle, "Lowest", "Highest", "Trials"), tuple(rows)


def is_expecting(samples: Sequence[Sample]) -> bool:
    """Decides whether something is expected of any of them."""
    return any(not math.isnan(sample.expected) for sample in samples)


def _notes(record: RunRecord, chart: Chart, samples: Sequence[Sample], line: bool) -> tuple[str, ...]:
    """What a reader must know to read the chart honestly."""
    experiment = record.info.experiment
    most = max(len(sample.values) for sample in samples)
    ranges = "the shaded band" if line else "the bar"
    notes = []
    if most > 1:
        notes.append(f"The mark is the median of the trials, {ranges} their range, each faint dot one trial.")
    elif most == 1:
        notes.append("One trial a mark, so no range is known.")
    if is_expecting(samples):
        drawn = "hollow ring" if line else "upright tick on a row"
        notes.append(f"The {drawn} is what should come out: {name_of(experiment, chart.expected)}.")
    if chart.where:
        kept = ", ".join(
            f"{name_of(experiment, k)} {level_text(experiment, k, v)}" for k, v in chart.where.items()
        )
        notes.append(f"Only trials with {kept}.")
    lumped = pooled(record, chart.by, chart.series, chart.where)
    if lumped:
        notes.append(
            f"Every level of {' and '.join(name_of(experiment, name) for name in lumped)} is counted in."
        )
    missing = sum(sample.missing for sample in samples)
    if missing:
        notes.append(f"{missing} {'trial' if missing == 1 else 'trials'} gave no value.")
    if any(math.isinf(value) for sample in samples for value in sample.values):
        notes.append("An arrow at the edge: some operations never finished (∞).")
    if chart.scale == "log":
        notes.append("Logarithmic axis: each step is a factor.")
    return tuple(notes)


def curves(record: RunRecord) -> list[Figure]:
    """Returns a chart for each curve that trials recorded: a panel a treatment, from its last valid trial."""
    names = dict.fromkeys(
        name
        for trial in record.trials
        if trial.status == "done"
        for name, points in trial.outcome.series.items()
        if any(math.isfinite(x) and not math.isnan(y) for x, y in points)
    )
    return [_curve(record, name, varied(record), number) for number, name in enumerate(names, 1)]


def _curve(record: RunRecord, name: str, varied: Sequence[str], number: int) -> Figure:
    experiment = record.info.experiment
    found = [trial for trial in record.trials if trial.status == "done" and trial.outcome.series.get(name)]
    order = {show(tuple(treatment.items())): place for place, treatment in enumerate(record.info.treatments)}
    found.sort(key=lambda trial: order.get(show(tuple(trial.treatment.items())), len(order)))
    last: dict[str, panels.Panel] = {}
    for trial in found:
        kept = [factor for factor in varied if factor in trial.treatment]
        label = ", ".join(level_text(experiment, factor, trial.treatment[factor]) for factor in kept)
        points = [(x, y) for x, y in trial.outcome.series[name] if math.isfinite(x) and not math.isnan(y)]
        if points:
            thinned = sorted(points)[:: max(1, math.ceil(len(points) / MOST_POINTS))]
            last[label] = panels.Panel(label, tuple(thinned))
    shown = list(last.values())[:MOST_CURVES]
    title = capital(name.replace("_", " "))
    caption = f"{title}, as the last valid trial of each treatment recorded it."
    wide, narrow = in_both_widths(
        f"curve-{number}", title, caption, lambda drawing: panels.draw(drawing, shown)
    )
    rows = tuple(_curve_row(panel) for panel in shown)
    columns = ("Treatment", "Points", "First", "Lowest", "Median", "Highest", "Last")
    rest = len(last) - len(shown)
    notes: tuple[str, ...] = ("All panels have the same axes.",) if len(shown) > 1 else ()
    if rest:
        notes += (f"{rest} more {'treatment is' if rest == 1 else 'treatments are'} not drawn.",)
    return Figure(caption, wide, narrow, columns, rows, notes)


def _curve_row(panel: panels.Panel) -> tuple[str, ...]:
    ys = [y for _, y in panel.points]
    middle = sorted(ys)[len(ys) // 2]
    figures = (ys[0], min(ys), middle, max(ys), ys[-1])
    return (panel.label or "all", str(len(ys)), *(numbers.quantity(value) for value in figures))
