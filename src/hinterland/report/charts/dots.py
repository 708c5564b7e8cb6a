"""The dot plot: a row for each level of a categorical factor, its trials faint, median and range on top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from hinterland.drawing import axes, numbers, scale
from hinterland.drawing.svg import COLOURS, Drawing, clip, text_width, wrap
from hinterland.report.charts.samples import Sample

ROW_PX = 23.0
TEXT_PX = 13.0
EXPECTED_PX = 10.0
"""Half the tick at an expected value: it must be seen above and below the mark that stands on it."""


@dataclass(frozen=True)
class Row:
    """One mark: the texts of its level and series (empty: none) and the sample it shows.

    `index` picks the colour and shape, the same for one series in every chart of a report.
    """

    level: str
    series: str
    index: int
    sample: Sample


def draw(
    drawing: Drawing,
    rows: Sequence[Row],
    *,
    unit: str,
    kind: Literal["linear", "log"],
    title: Sequence[str],
    thresholds: Sequence[tuple[float, str]] = (),
    also: Sequence[float] = (),
) -> None:
    """Fills the drawing and sets its height.

    `thresholds` are (value, what it is) in the metric's unit. `also` are values that the axis has room for
    although they are not drawn.
    """
    narrow = drawing.width < 500
    groups = [(level, list(group)) for level, group in groupby(rows, key=lambda row: row.level)]
    columns = _columns(drawing, rows, unit, narrow)
    values = [value for row in rows for value in (*row.sample.values, *_expected(row.sample))]
    values += [*(value for value, _ in thresholds), *also]
    make = scale.log if kind == "log" else scale.linear
    across = make(values, columns.plot, columns.plot_end, unit, about=4 if narrow else 6)
    top = 24.0 + (18.0 if thresholds else 0.0)
    placed, bottom = _place(groups, top, columns, narrow)
    axes.across(drawing, across, top, bottom)
    for value, words in thresholds:
        _threshold(drawing, across, value, words, top, bottom)
    for index, (_, lines, start, _) in enumerate(placed):
        if index:
            drawing.line(0, start - 6, drawing.width, start - 6, "faint-rule")
        for number, line in enumerate(lines):
            drawing.text(0, start + 15 + 15 * number, line, size=TEXT_PX, css="halo")
    drawing.text(drawing.width, 13, "median", size=12, anchor="end", css="quiet")
    if columns.expected_room:
        box = drawing.text(columns.expected, 13, "expected", size=12, anchor="end", css="quiet")
        drawing.line(box.left - 3, 2, box.left - 3, 16, "expected")
    for group, _, _, first in placed:
        for number, row in enumerate(group):
            _row(drawing, across, row, first + ROW_PX * number, columns, unit)
    axes.title(drawing, columns.plot, bottom + 38, list(title), drawing.width - columns.plot)
    drawing.height = bottom + 46


@dataclass(frozen=True)
class _Columns:
    level_room: float
    series: float
    series_room: float
    plot: float
    plot_end: float
    expected: float
    expected_room: float
    figures: float


def _columns(drawing: Drawing, rows: Sequence[Row], unit: str, narrow: bool) -> _Columns:
    """Divides the width: level, series, plot, what is expected and the median in figures."""
    figures = max(text_width(_figure(row.sample, unit), TEXT_PX, bold=True) for row in rows)
    expected_room = _room_for_expected(rows, unit, 0.2 * drawing.width)
    if expected_room:
        figures = max(figures, text_width("median", 12))
    figures = min(figures, (0.2 if expected_room else 0.34) * drawing.width)
    expected = drawing.width - figures - 14
    series_wanted = max(text_width(row.series, 12) for row in rows)
    level_wanted = max(text_width(row.level, TEXT_PX) for row in rows)
    level = 0.0 if narrow else min(level_wanted, 190.0) + 14
    series_room = min(series_wanted, 96.0 if narrow else 150.0)
    plot = level + (series_room + 12 if series_room else 0) + 10
    level_room = drawing.width if narrow else level - 14
    plot_end = expected - expected_room - 24 if expected_room else drawing.width - figures - 18
    return _Columns(level_room, level, series_room, plot, plot_end, expected, expected_room, figures)


def _room_for_expected(rows: Sequence[Row], unit: str, most: float) -> float:
    """Returns the width of the column of expected values, 0 where no row has one."""
    texts = [numbers.bare(value, unit) for row in rows for value in _expected(row.sample)]
    if not texts:
        return 0.0
    return max(text_width("expected", 12), min(most, max(text_width(text, TEXT_PX) for text in texts)))


def _expected(sample: Sample) -> tuple[float, ...]:
    """The expected value, if there is one and something beside which it can be drawn."""
    return (sample.expected,) if sample.values and math.isfinite(sample.expected) else ()


def _place(
    groups: Sequence[tuple[str, list[Row]]], top: float, columns: _Columns, narrow: bool
) -> tuple[list[tuple[list[Row], list[str], float, float]], float]:
    """Returns for each group its rows, lines of label, top and first row's top; and where the last ends."""
    placed = []
    y = top + 4
    for level, group in groups:
        lines = wrap(level, columns.level_room, TEXT_PX, lines=2 if narrow else 3) if level else []
        heading = 15.0 * len(lines) + 4 if narrow else 0.0
        placed.append((group, lines, y, y + heading))
        y += max(heading + ROW_PX * len(group), 15.0 * len(lines) + 6) + 12
    return placed, y - 6


def _row(drawing: Drawing, across: scale.Scale, row: Row, top: float, columns: _Columns, unit: str) -> None:
    y, colour = top + ROW_PX / 2, f"s{row.index % COLOURS}"
    sample = row.sample
    if row.series:
        text = clip(row.series, columns.series_room, 12)
        drawing.text(columns.series, y + 4.5, text, size=12, css="quiet")
    drawing.line(across.start, y, across.end, y, "row-line")
    if not sample.values:
        drawing.text(
            across.start + 8,
            y + 4.5,
            clip(_none(sample), across.end - across.start, 12),
            size=12,
            css="quiet",
        )
        return
    for number, value in enumerate(sample.values):
        if math.isfinite(value):
            # Trials with the same value are set off a little, so that they can be counted.
            drawing.dot(across.at(value), y + ((number * 5) % 7 - 3) * 1.1, 2.6, f"trial {colour}")
    if len(sample.values) > 1:
        drawing.line(across.at(sample.low), y, across.at(sample.high), y, f"range {colour}")
    for value in _expected(sample):
        x = across.at(value)
        drawing.line(x, y - EXPECTED_PX, x, y + EXPECTED_PX, "expected")
        text = clip(numbers.bare(value, unit), columns.expected_room, TEXT_PX)
        drawing.text(columns.expected, y + 4.5, text, size=TEXT_PX, anchor="end", css="quiet")
    if math.isinf(sample.high):
        drawing.arrow(across.end - 2, y, f"mark {colour}")
    if math.isfinite(sample.median):
        drawing.mark(row.index, across.at(sample.median), y, f"mark {colour}")
    figure = clip(_figure(sample, unit), columns.figures + 2, TEXT_PX, bold=True)
    drawing.text(drawing.width, y + 4.5, figure, size=TEXT_PX, anchor="end", bold=True)


def _none(sample: Sample) -> str:
    return "no valid trial" if sample.missing else "not run yet"


def _figure(sample: Sample, unit: str) -> str:
    return numbers.bare(sample.median, unit) if sample.values else "–"


def _threshold(
    drawing: Drawing, across: scale.Scale, value: float, words: str, top: float, bottom: float
) -> None:
    x = across.at(value)
    drawing.line(x, top - 4, x, bottom, "threshold", "5 3")
    width = text_width(words, 12)
    left = min(max(x - width / 2, 0.0), drawing.width - width)
    drawing.text(left, top - 9, clip(words, drawing.width, 12), size=12, css="title")
