"""Small multiples: one curve of many treatments, a panel each, all on one scale so that they compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.drawing import scale
from hinterland.drawing.svg import Drawing, text_width, wrap

PANEL_PX = 64.0
LABEL_PX = 12.0
LINE_PX = 14.0
GAP_PX = 22.0
MOST_LINES = 2


@dataclass(frozen=True)
class Panel:
    """One curve and the treatment it belongs to; points in order of x, none NaN."""

    label: str
    points: tuple[tuple[float, float], ...]


def draw(drawing: Drawing, panels: Sequence[Panel], *, unit: str = "") -> None:
    """Fills the drawing and sets its height: four panels a row, two where it is narrow."""
    across = min(len(panels), 2 if drawing.width < 500 else 4)
    ys = [y for panel in panels for _, y in panel.points]
    xs = [x for panel in panels for x, _ in panel.points]
    probe = scale.linear(ys, PANEL_PX, 0, unit, about=2)
    left = max(text_width(text, 11.5) for text in probe.texts) + 10
    width = (drawing.width - left - GAP_PX * (across - 1) - 16) / across
    labels = [wrap(panel.label, width, LABEL_PX, lines=MOST_LINES) for panel in panels]
    y = 2.0
    for first in range(0, len(panels), across):
        row = range(first, min(first + across, len(panels)))
        heading = LINE_PX * max(len(labels[index]) for index in row) + 6
        top, bottom = y + heading, y + heading + PANEL_PX
        up = scale.linear(ys, bottom, top, unit, about=2)
        for column, index in enumerate(row):
            x = left + (width + GAP_PX) * column
            for number, line in enumerate(labels[index]):
                drawing.text(x, y + 11 + LINE_PX * number, line, size=LABEL_PX)
            along = scale.linear(xs, x, x + width, zero=False, tight=True)
            _panel(drawing, panels[index], along, up, x, x + width)
        for tick, text in zip(up.ticks, up.texts, strict=True):
            drawing.text(left - 6, up.at(tick) + 4, text, size=11.5, anchor="end", css="quiet")
        y = bottom + 18
    _ends(drawing, xs, left, width, y)
    drawing.height = y + 8


def _panel(
    drawing: Drawing, panel: Panel, along: scale.Scale, up: scale.Scale, left: float, right: float
) -> None:
    for tick in up.ticks:
        drawing.line(left, up.at(tick), right, up.at(tick), "axis" if tick == up.low else "grid")
    way = [(along.at(x), up.at(y)) for x, y in panel.points]
    if len(way) == 1:
        drawing.dot(*way[0], 3, "mark s0")
    drawing.path(way, "line thin s0")
    for x, y in panel.points:
        if math.isinf(y):
            drawing.dot(along.at(x), up.at(y), 2.5, "mark s1")


def _ends(drawing: Drawing, xs: Sequence[float], left: float, width: float, y: float) -> None:
    """Says under the first column from where to where x runs."""
    axis = scale.linear(xs, left, left + width, zero=False, tight=True)
    low, high = (f"{value:.3g}" for value in (axis.low, axis.high))
    if text_width(low + high, 11.5) + 16 > width:
        drawing.text(left, y - 2, f"{low} to {high}", size=11.5, css="quiet")
        return
    drawing.text(left, y - 2, low, size=11.5, css="quiet")
    drawing.text(left + width, y - 2, high, size=11.5, anchor="end", css="quiet")
