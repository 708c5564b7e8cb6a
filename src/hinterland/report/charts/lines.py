"""The line chart: a metric along a numeric factor, a line a series, labelled at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from hinterland.drawing import axes, labels, scale
from hinterland.drawing.svg import COLOURS, DASHES, Drawing, text_width, wrap

LABEL_PX = 13.0
LINE_PX = 15.0
EXPECTED_PX = 8.5
"""The radius of the ring at an expected value: it must be seen around the mark that stands in it."""


@dataclass(frozen=True)
class Point:
    """A place on a line: the median of some trials, their range, the trials, and what is expected there."""

    x: float
    middle: float
    low: float
    high: float
    values: tuple[float, ...] = ()
    expected: float = math.nan


@dataclass(frozen=True)
class Line:
    """A series: its label (empty: none), its points in order of x, and what picks colour, mark and dashes."""

    label: str
    index: int
    points: tuple[Point, ...]
    marks: bool = True


@dataclass(frozen=True)
class Band:
    """A named stretch of the horizontal axis, such as a crossover's interval. Bounds may be infinite."""

    low: float
    high: float
    middle: float
    says: str


def draw(
    drawing: Drawing,
    series: Sequence[Line],
    *,
    unit: str,
    kind: Literal["linear", "log"],
    y_title: Sequence[str],
    x_title: Sequence[str],
    x_unit: str = "",
    levels: Sequence[tuple[float, str]] = (),
    band: Band | None = None,
    also: Sequence[float] = (),
) -> None:
    """Fills the drawing and sets its height.

    `levels` are the (value, text) of the factor that ran: the ticks of the horizontal axis. Without them it
    gets round numbers. `also` are values that the upright axis has room for although they are not drawn.
    """
    narrow = drawing.width < 500
    shown = [
        line for line in series if any(math.isfinite(p.middle) or p.middle == math.inf for p in line.points)
    ]
    texts = _label_lines(shown, 0.27 * drawing.width)
    room = max((text_width(row, LABEL_PX) for rows in texts for row in rows), default=0.0)
    values = [
        v for line in series for p in line.points for v in (p.middle, p.low, p.high, p.expected, *p.values)
    ]
    values += also
    stacked = sum(LINE_PX * len(rows) + 4 for rows in texts)
    top = 30.0 + (18.0 if band else 0.0)
    bottom = top + max(230.0 if narrow else 300.0, stacked)
    make = scale.log if kind == "log" else scale.linear
    up = make([v for v in values if not math.isnan(v)], bottom, top, unit, about=5)
    left = axes.room_for_ticks(up) + 2
    right = drawing.width - (room + 26 if room else 14)
    along = _along([p.x for line in series for p in line.points], levels, left + 12, right - 6, x_unit)
    axes.upward(drawing, up, left, right)
    axes.across(drawing, along, bottom, bottom)
    if band:
        _band(drawing, along, band, top, bottom)
    _expected(drawing, along, up, shown)
    for line in shown:
        _line(drawing, along, up, line, top)
    _end_labels(drawing, along, up, shown, texts, right, top, bottom)
    axes.title(drawing, 0, 14, list(y_title), drawing.width)
    axes.title(drawing, left, bottom + 40, list(x_title), drawing.width - left)
    drawing.height = bottom + 48


def _along(
    values: Sequence[float], levels: Sequence[tuple[float, str]], start: float, end: float, unit: str
) -> scale.Scale:
    """Returns the horizontal axis: logarithmic where the levels are spaced so."""
    xs = [value for value, _ in levels] or list(values)
    if levels and scale.fits_log(xs):
        axis = scale.log(xs, start, end, unit)
        positive = [x for x in xs if x > 0]
        axis = scale.Scale("log", min(positive), max(positive), start, end, (), (), axis.zero_slot)
    else:
        axis = scale.linear(xs, start, end, unit, zero=False, tight=True)
    if not levels:
        return axis
    return axis.with_ticks([value for value, _ in levels], [text for _, text in levels])


def _label_lines(series: Sequence[Line], room: float) -> list[list[str]]:
    return [wrap(line.label, room, LABEL_PX, lines=3) if line.label else [] for line in series]


def _line(drawing: Drawing, along: scale.Scale, up: scale.Scale, line: Line, top: float) -> None:
    colour = f"s{line.index % COLOURS}"
    points = [p for p in line.points if not math.isnan(p.middle)]
    for stretch in _stretches(line.points):
        if len(stretch) > 1 and any(p.high > p.low for p in stretch):
            upper = [(along.at(p.x), up.at(p.high)) for p in stretch]
            lower = [(along.at(p.x), up.at(p.low)) for p in reversed(stretch)]
            drawing.path([*upper, *lower], f"band {colour}", closed=True)
    for p in points:
        for value in p.values if len(p.values) > 1 else ():
            if math.isfinite(value):
                drawing.dot(along.at(p.x), up.at(value), 2.2, f"trial {colour}")
    way = [(along.at(p.x), up.at(p.middle)) for p in points]
    for stretch in _stretches(line.points):
        if len(stretch) > 1:
            places = [(along.at(p.x), up.at(p.middle)) for p in stretch]
            drawing.path(places, f"line {colour}", dash=DASHES[line.index % len(DASHES)])
    for p, (x, y) in zip(points, way, strict=True):
        if math.isinf(p.middle) or up.outside(p.middle):
            drawing.path([(x - 5, top + 4), (x, top - 4), (x + 5, top + 4)], f"mark {colour}", closed=True)
        elif line.marks or len(points) == 1:
            drawing.mark(line.index, x, y, f"mark {colour}", radius=4.4)


def _expected(drawing: Drawing, along: scale.Scale, up: scale.Scale, series: Sequence[Line]) -> None:
    """Draws a ring at each expected value, in its line's colour unless several lines expect it."""
    owners: dict[tuple[float, float], list[Line]] = {}
    for line in series:
        for p in line.points:
            if math.isfinite(p.expected):
                owners.setdefault((p.x, p.expected), []).append(line)
    for (x, value), lines in owners.items():
        colour = f" s{lines[0].index % COLOURS}" if len(lines) == 1 else ""
        drawing.dot(along.at(x), up.at(value), EXPECTED_PX, f"expected{colour}")


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """Returns the points in unbroken stretches: no line is drawn across a level without a value."""
    known = groupby(points, key=lambda point: math.isnan(point.middle))
    return [list(stretch) for is_missing, stretch in known if not is_missing]


def _end_labels(
    drawing: Drawing,
    along: scale.Scale,
    up: scale.Scale,
    series: Sequence[Line],
    texts: Sequence[list[str]],
    right: float,
    top: float,
    bottom: float,
) -> None:
    """Writes each label beside the end of its line, moved only as far as it must be."""
    named = [(line, rows) for line, rows in zip(series, texts, strict=True) if rows]
    ends = [next(p for p in reversed(line.points) if not math.isnan(p.middle)) for line, _ in named]
    wanted = [up.at(end.middle) for end in ends]
    heights = [LINE_PX * len(rows) + 4 for _, rows in named]
    centres = labels.spread(wanted, heights, top - 6, bottom + 8)
    for (line, rows), end, y, centre in zip(named, ends, wanted, centres, strict=True):
        css = f"s{line.index % COLOURS}"
        drawing.path([(along.at(end.x) + 7, y), (right + 4, y), (right + 18, centre)], f"leader {css}")
        for number, row in enumerate(rows):
            baseline = centre - LINE_PX * len(rows) / 2 + LINE_PX * number + 11.5
            drawing.text(right + 22, baseline, row, size=LABEL_PX, css=f"label {css}")


def _band(drawing: Drawing, along: scale.Scale, band: Band, top: float, bottom: float) -> None:
    low = along.start if not math.isfinite(band.low) else along.at(band.low)
    high = along.end if not math.isfinite(band.high) else along.at(band.high)
    drawing.rect(low, top, high - low, bottom - top, "stretch")
    middle = along.at(band.middle) if math.isfinite(band.middle) else (low + high) / 2
    if math.isfinite(band.middle):
        drawing.line(middle, top - 3, middle, bottom, "threshold", "5 3")
    width = text_width(band.says, 12)
    left = min(max(middle - width / 2, 0.0), max(drawing.width - width, 0.0))
    for row in wrap(band.says, drawing.width, 12, lines=1):
        drawing.text(left, top - 10, row, size=12, css="title")
