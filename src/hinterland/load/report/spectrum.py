"""The latency spectrum: every percentile of a load, response time against service time in one drawing.

The horizontal axis is log(1/(1-q)), so that p90, p99 and p99.9 stand equally far apart. It ends where fewer
than ten operations lie beyond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.drawing import axes, labels, numbers, scale
from hinterland.drawing.figure import Figure, in_both_widths
from hinterland.drawing.svg import DASHES, Drawing, text_width, wrap
from hinterland.load.report.percentiles import (
    Percentile,
    name_of,
    operations,
    shown,
    slowest_s,
    spectrum,
    time_text,
)
from hinterland.load.result.record import LoadRecord
from hinterland.load.result.result import LoadResult
from hinterland.statistics.counts import Counts

LABEL_PX, LINE_PX = 13.0, 15.0
TICKS = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
UNANSWERED = "no good answer came"


@dataclass(frozen=True)
class Curve:
    """One line of a spectrum: its label, its place among the colours, and its percentiles in order."""

    label: str
    index: int
    points: tuple[Percentile, ...]
    slowest_s: float


def figure(result: LoadResult, *, key: str = "spectrum") -> Figure | None:
    """Returns the spectrum of a load, None where too few operations stand behind it."""
    curves = [
        curve("response, since it was due", 0, result.response),
        curve("service, since it was sent", 1, result.service),
    ]
    caption = (
        "Latency at every percentile: response time counts from the moment an operation was due, service "
        "time from its sending. Where they part, operations were waiting to be sent."
    )
    if result.plan.model == "closed":
        caption = "Latency at every percentile, as the closed loop's own operations saw it."
    shares = [one.share for one in shown(result.response)]
    rows = tuple(
        (name_of(share), *(time_text(one.time_s) for one in pair))
        for share, *pair in zip(shares, shown(result.response), shown(result.service), strict=True)
    )
    slowest = ("slowest", time_text(slowest_s(result.response)), time_text(slowest_s(result.service)))
    return of_curves(
        curves,
        operations(result.response),
        key=key,
        caption=caption,
        columns=("Percentile", "Response time", "Service time"),
        rows=(*rows, slowest),
        missing_share=_missing_share(result.response),
    )


def beside(record: LoadRecord) -> Figure | None:
    """Returns the response times of a load and of the one it was compared with; None without one."""
    result, other = record.result, record.beside
    if result is None or other is None:
        return None
    curves = [curve("this load", 0, result.response), curve("the earlier load", 1, other)]
    both = {one.share: one for one in shown(other)}
    rows = tuple(
        (one.name, one.says, both[one.share].says if one.share in both else "–")
        for one in shown(result.response)
    )
    slowest = ("slowest", time_text(slowest_s(result.response)), time_text(slowest_s(other)))
    return of_curves(
        curves,
        operations(result.response),
        key="beside",
        caption="Response time at every percentile, of this load and of the earlier one.",
        columns=("Percentile", "This load", "The earlier load"),
        rows=(*rows, slowest),
    )


def curve(label: str, index: int, counts: Counts) -> Curve:
    """Returns a histogram as a line of a spectrum."""
    return Curve(label, index, tuple(spectrum(counts)), slowest_s(counts))


def of_curves(
    curves: Sequence[Curve],
    among: int,
    *,
    key: str,
    caption: str,
    columns: tuple[str, ...],
    rows: tuple[tuple[str, ...], ...],
    missing_share: float = 0.0,
) -> Figure | None:
    """Returns the figure of any such lines; None where no line has a time to draw."""
    finite = [point.time_s for one in curves for point in one.points if math.isfinite(point.time_s)]
    if not finite:
        return None
    says = "; ".join(f"{row[0]}: {', '.join(row[1:])}" for row in rows)
    wide, narrow = in_both_widths(
        key, "Latency spectrum", f"{caption} {says}.", lambda drawing: _draw(drawing, curves, missing_share)
    )
    notes = [
        f"Both axes are logarithmic. {among:,} operations; the lines end where fewer than ten lie beyond, "
        "and a triangle is the slowest."
    ]
    if missing_share > 0:
        notes.append(
            f"Shaded: {numbers.quantity(missing_share, 'share')} of the operations that were due had no good "
            "answer, so that from there on no percentile has a time."
        )
    return Figure(caption, wide, narrow, columns, rows, tuple(notes))


def _missing_share(counts: Counts) -> float:
    among = operations(counts)
    return counts.missing / among if among else 0.0


def _place(share: float) -> float:
    return -math.log10(1 - share)


def _draw(drawing: Drawing, curves: Sequence[Curve], missing_share: float) -> None:
    finite = [point.time_s for one in curves for point in one.points if math.isfinite(point.time_s)]
    finite += [one.slowest_s for one in curves if math.isfinite(one.slowest_s)]
    reach = max(_place(one.points[-1].share) for one in curves if one.points)
    texts = [wrap(one.label, 0.24 * drawing.width, LABEL_PX, lines=3) for one in curves]
    room = max(text_width(row, LABEL_PX) for rows in texts for row in rows)
    top, bottom = 30.0, 270.0 if drawing.width < 500 else 350.0
    up = scale.log(finite, bottom, top, "s", about=6)
    left = axes.room_for_ticks(up) + 2
    right = drawing.width - room - 40
    ticks = [share for share in TICKS if _place(share) <= reach + 1e-9]
    along = scale.Scale(
        "linear",
        0.0,
        max(reach, 0.3),
        left + 4,
        right - 4,
        tuple(map(_place, ticks)),
        tuple(f"{numbers.significant(100 * share, 9)} %" if share else "0" for share in ticks),
    )
    axes.upward(drawing, up, left, right)
    axes.across(drawing, along, bottom, bottom)
    if missing_share > 0 and _place(1 - missing_share) < along.high:
        _shade(drawing, along, missing_share, top, bottom)
    for one in reversed(curves):
        way = [(along.at(_place(p.share)), up.at(p.time_s)) for p in one.points if math.isfinite(p.time_s)]
        drawing.path(way, f"line s{one.index}", dash=DASHES[one.index])
        if math.isfinite(one.slowest_s):
            drawing.mark(3, right + 4, up.at(one.slowest_s), f"mark s{one.index}", radius=4.4)
    _label(drawing, up, curves, texts, right, top, bottom)
    axes.title(drawing, 0, 14, ["Time", "logarithmic"], drawing.width)
    axes.title(
        drawing, left, bottom + 40, ["Share of operations that took at most this long"], drawing.width - left
    )
    drawing.height = bottom + 48


def _shade(drawing: Drawing, along: scale.Scale, missing_share: float, top: float, bottom: float) -> None:
    begins = along.at(_place(1 - missing_share))
    drawing.rect(begins, top, along.end - begins, bottom - top, "stretch")
    for number, row in enumerate(wrap(UNANSWERED, max(along.end - begins - 12, 0), 12, lines=3)):
        if text_width(row, 12) <= along.end - begins - 12:
            drawing.text(begins + 6, bottom - 44 + 14 * number, row, size=12, css="title")


def _label(
    drawing: Drawing,
    up: scale.Scale,
    curves: Sequence[Curve],
    texts: Sequence[list[str]],
    right: float,
    top: float,
    bottom: float,
) -> None:
    """Writes each label beside the end of its line, or beside its slowest."""
    ends = []
    for one in curves:
        finite = [point.time_s for point in one.points if math.isfinite(point.time_s)]
        ends.append(
            up.at(one.slowest_s if math.isfinite(one.slowest_s) else finite[-1] if finite else up.high)
        )
    heights = [LINE_PX * len(rows) + 6 for rows in texts]
    centres = labels.spread(ends, heights, top - 6, bottom + 8)
    for one, rows, y, centre in zip(curves, texts, ends, centres, strict=True):
        drawing.path([(right + 10, y), (right + 18, y), (right + 30, centre)], f"leader s{one.index}")
        for number, row in enumerate(rows):
            baseline = centre - LINE_PX * len(rows) / 2 + LINE_PX * number + 11.5
            drawing.text(right + 34, baseline, row, size=LABEL_PX, css=f"label s{one.index}")
