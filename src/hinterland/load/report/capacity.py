"""The capacity curve: response time against load, and the rate at which the objective just holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from hinterland.drawing import axes, labels, numbers, scale
from hinterland.drawing.figure import Figure, in_both_widths
from hinterland.drawing.svg import DASHES, Drawing, text_width, wrap
from hinterland.load.report.percentiles import NO_ANSWER
from hinterland.load.report.words import count_text, rate_text
from hinterland.load.result.capacity import CapacityPoint, CapacityResult
from hinterland.statistics.boundary import BETWEEN

NEAR = 1.03
"""Probes whose rates differ by less than this factor are joined into one point of the line."""
SERIES: tuple[tuple[str, Callable[[CapacityPoint], float | None]], ...] = (
    ("p50", lambda point: point.p50_s),
    ("p99", lambda point: point.p99_s),
)
TIMED = ("p", "max", "mean")
LABEL_PX = 13.0


def figure(found: CapacityResult, *, key: str = "capacity") -> Figure | None:
    """Returns response time against load; None where no probe counted."""
    points = sorted((point for point in found.points if point.counted), key=lambda point: point.asked_per_s)
    if not points or all(series(point) is None for _, series in SERIES for point in points):
        return None
    caption = "Response time against the rate at which operations were due."
    wide, narrow = in_both_widths(key, "Capacity", caption, lambda drawing: _draw(drawing, found, points))
    notes = [
        "Each faint mark is one probe; the lines join their medians. A triangle on top: no time, "
        "for want of good answers."
    ]
    if found.capacity_per_s is not None:
        stretch = (
            "lies between probes that held and probes that did not; that is all that is known of"
            if found.assumed == BETWEEN
            else "is the 95 % interval of"
        )
        notes.append(f"The shaded stretch {stretch} the rate at which the objective just holds.")
    if found.knee_per_s is not None:
        notes.append(
            "The knee is where a line from the origin touches the curve of p50: beyond it, more load costs "
            "more than it brings."
        )
    left_out = len(found.points) - len(points)
    if left_out:
        notes.append(f"Left out: {count_text(left_out, 'probe')} in which the generator was the limit.")
    return Figure(caption, wide, narrow, *_table(found), tuple(notes))


def _table(found: CapacityResult) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    columns = (
        "Asked",
        "Reached",
        "p50",
        "p99",
        "Beyond the objective",
        "Operations",
        found.objective.text or "Held",
    )
    rows = tuple(
        (
            rate_text(point.asked_per_s),
            rate_text(point.reached_per_s),
            *(
                NO_ANSWER if time is None else numbers.quantity(time, "s")
                for time in (point.p50_s, point.p99_s)
            ),
            numbers.quantity(point.beyond, "share"),
            f"{point.operations:,}",
            ("held" if point.held else "broken") if point.counted else f"not counted: {point.why}",
        )
        for point in found.points
    )
    return columns, rows


def joined(
    points: Sequence[CapacityPoint], series: Callable[[CapacityPoint], float | None]
) -> list[tuple[float, float]]:
    """Returns (rate, median time) of probes at nearly the same rate; infinite without good answers."""
    groups: list[list[CapacityPoint]] = []
    for point in points:
        if groups and point.asked_per_s <= groups[-1][0].asked_per_s * NEAR:
            groups[-1].append(point)
        else:
            groups.append([point])
    return [
        (median(one.asked_per_s for one in group), median(_time(series(one)) for one in group))
        for group in groups
    ]


def _time(value: float | None) -> float:
    return math.inf if value is None else value


def limit_s(found: CapacityResult) -> float | None:
    """Returns the time that the objective sets, None for one that sets another thing."""
    return found.objective.value if found.objective.metric.startswith(TIMED) else None


def _draw(drawing: Drawing, found: CapacityResult, points: Sequence[CapacityPoint]) -> None:
    narrow = drawing.width < 500
    limit = limit_s(found)
    times = [time for _, series in SERIES for point in points if (time := series(point)) is not None]
    top = 48.0
    bottom = top + (230.0 if narrow else 310.0)
    up = scale.log([*times, *([limit] if limit else [])], bottom, top, "s", about=6)
    left = axes.room_for_ticks(up) + 2
    right = drawing.width - 52
    rates = [point.asked_per_s for point in points]
    along = scale.linear([0, *rates], left + 2, right - 4, "/s", tight=True, about=4 if narrow else 7)
    _interval(drawing, found, along, top, bottom)
    axes.upward(drawing, up, left, right)
    axes.across(drawing, along, bottom, bottom)
    if limit:
        drawing.line(left, up.at(limit), right, up.at(limit), "threshold", "5 3")
        drawing.text(
            left + 6,
            up.at(limit) - 5,
            found.objective.text or numbers.quantity(limit, "s"),
            size=12,
            css="title halo",
        )
    ends = []
    for index, (_, series) in enumerate(SERIES):
        for point in points:
            time = series(point)
            x = along.at(point.asked_per_s)
            if time is None:
                drawing.path(
                    [(x - 5, top + 4), (x, top - 4), (x + 5, top + 4)], f"mark s{index}", closed=True
                )
            else:
                drawing.mark(index, x, up.at(time), f"trial s{index}", radius=3.6)
        way = joined(points, series)
        finite = [(along.at(rate), up.at(time)) for rate, time in way if math.isfinite(time)]
        drawing.path(finite, f"line s{index}", dash=DASHES[index])
        ends.append(finite[-1] if finite else (right, top))
    centres = labels.spread([y for _, y in ends], [17.0] * len(ends), top - 6, bottom + 8)
    for index, ((name, _), (x, _), centre) in enumerate(zip(SERIES, ends, centres, strict=True)):
        drawing.text(min(x, right) + 9, centre + 4, name, size=LABEL_PX, css=f"label s{index} halo")
    axes.title(drawing, 0, 14, ["Response time", "logarithmic"], drawing.width)
    axes.title(drawing, left, bottom + 40, ["Operations due a second"], drawing.width - left)
    drawing.height = bottom + 48


def _interval(drawing: Drawing, found: CapacityResult, along: scale.Scale, top: float, bottom: float) -> None:
    """Draws the interval of the capacity, and the knee, with what they are above them."""
    if found.capacity_per_s is not None:
        low = along.at(found.low_per_s if found.low_per_s is not None else along.low)
        high = along.at(min(found.high_per_s if found.high_per_s is not None else along.high, along.high))
        drawing.rect(low, top, max(high - low, 1.5), bottom - top, "stretch")
        at = along.at(found.capacity_per_s)
        drawing.line(at, top - 3, at, bottom, "threshold")
        _above(drawing, at, top - 20, f"capacity {rate_text(found.capacity_per_s)}")
    if found.knee_per_s is not None and found.knee_per_s <= along.high:
        at = along.at(found.knee_per_s)
        drawing.line(at, top - 3, at, bottom, "threshold", "2 3")
        _above(drawing, at, top - 7, f"knee {rate_text(found.knee_per_s)}")


def _above(drawing: Drawing, at: float, y: float, text: str) -> None:
    width = text_width(text, 12)
    left = min(max(at - width / 2, 0.0), max(drawing.width - width, 0.0))
    for row in wrap(text, drawing.width, 12, lines=1):
        drawing.text(left, y, row, size=12, css="title")
