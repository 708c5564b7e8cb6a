"""Rates over a load: what was asked, what came back, what failed, second by second."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hinterland.drawing.figure import NARROW_PX, WIDE_PX, Figure, in_both_widths
from hinterland.drawing.svg import Drawing
from hinterland.load.report.heat import thinned
from hinterland.load.result.result import LoadResult, Second
from hinterland.report.charts import lines

MOST_POINTS = {WIDE_PX: 240, NARROW_PX: 80}


def figure(result: LoadResult, *, key: str = "timeline") -> Figure | None:
    """Returns the rates over time; None for a load of less than two seconds."""
    if len(_whole(result)) < 2:
        return None
    is_open = result.plan.model == "open" and not result.plan.subscribe
    failing = any(one.errors for one in result.seconds)
    what = ["operations due"] if is_open else []
    what += ["good answers"] + (["operations without a good answer"] if failing else [])
    caption = f"{', '.join(what[:-1])}{' and ' if what[:-1] else ''}{what[-1]} in each second."
    caption = caption[:1].upper() + caption[1:]
    wide, narrow = in_both_widths(
        key,
        "Rates over time",
        caption,
        lambda drawing: _draw(drawing, result, is_open=is_open, failing=failing),
    )
    columns = ("Second", "Due", "Good answers", "Without", "Why")
    rows = tuple(
        (
            str(one.second),
            f"{one.due:,}",
            f"{one.completed:,}",
            f"{sum(one.errors.values()):,}",
            ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(one.errors.items()))
            or "–",
        )
        for one in thinned(result.seconds)
    )
    notes = (
        "An error counts in the second in which its operation was due, an answer in the one in which it "
        "came.",
    )
    return Figure(caption, wide, narrow, columns, rows, notes if failing else ())


def _draw(drawing: Drawing, result: LoadResult, *, is_open: bool, failing: bool) -> None:
    seconds = _whole(result)
    stride = math.ceil(len(seconds) / MOST_POINTS[drawing.width])
    groups = [seconds[place : place + stride] for place in range(0, len(seconds), stride)]
    found = []
    if is_open:
        found.append(_line("asked", 5, groups, lambda one: one.due))
    found.append(_line("reached", 0, groups, lambda one: one.completed))
    if failing:
        found.append(_line("no good answer", 1, groups, lambda one: sum(one.errors.values())))
    warm_up_s = result.plan.warm_up_s
    band = lines.Band(seconds[0].second, warm_up_s, math.nan, "warm-up, left out") if warm_up_s > 0 else None
    lines.draw(
        drawing,
        found,
        unit="/s",
        kind="linear",
        y_title=["A second"],
        x_title=["From the start"],
        x_unit="s",
        band=band,
    )


def _whole(result: LoadResult) -> Sequence[Second]:
    """Returns the seconds without a last one that was cut short, whose rate would seem to fall."""
    seconds = result.seconds
    ends_s = result.plan.warm_up_s + result.window_s
    while seconds and seconds[-1].second + 1 > ends_s + 0.05:
        seconds = seconds[:-1]
    return seconds


def _line(
    label: str, index: int, groups: Sequence[Sequence[Second]], count_of: Callable[[Second], int]
) -> lines.Line:
    points = []
    for group in groups:
        rate = sum(count_of(one) for one in group) / len(group)
        points.append(lines.Point(group[0].second + len(group) / 2, rate, rate, rate))
    return lines.Line(label, index, tuple(points), marks=False)
