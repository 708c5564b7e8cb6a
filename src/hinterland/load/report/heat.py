"""The heat map: when operations were due against how long they took, denser where there were more.

A column is a second or several, a row a logarithmic band of response times. The darkness of a cell says
which share of its column's operations it holds, in steps of a factor. Operations without a good answer
stand in a row above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hinterland.drawing import axes, numbers, scale
from hinterland.drawing.figure import NARROW_PX, WIDE_PX, Figure, in_both_widths
from hinterland.drawing.svg import Drawing, text_width
from hinterland.load.report.percentiles import shown, time_text
from hinterland.load.result.result import LoadResult, Second
from hinterland.statistics.histogram import Histogram, upper_ns

LEVELS = (0.0001, 0.001, 0.01, 0.03, 0.1, 0.3)
"""The least share of a column's operations for each step of darkness; the first takes less, too."""
LEVEL_TEXTS = ("under 0.1 %", "0.1 %", "1 %", "3 %", "10 %", "30 %")
BANDS_A_DECADE = 12
MOST_COLUMNS = {WIDE_PX: 120, NARROW_PX: 60}
MISSING_PX = 12.0


@dataclass(frozen=True)
class Heat:
    """Shares of operations: (columns, bands); `missing`: of each column's, those without a good answer.

    low: the exponent of the lowest band's lower edge, in steps of a decade / BANDS_A_DECADE of a second.
    seconds: of a column.
    """

    shares: NDArray[np.float64]
    missing: NDArray[np.float64]
    low: int
    start_s: int
    seconds: int


def heat(seconds: Sequence[Second], most_columns: int) -> Heat | None:
    """Returns the shares of the heat map; None where no operation had an answer."""
    if not seconds:
        return None
    first, last = seconds[0].second, seconds[-1].second
    wide = math.ceil((last - first + 1) / most_columns)
    columns = (last - first) // wide + 1
    bands: dict[tuple[int, int], int] = {}
    due, missing = np.zeros(columns), np.zeros(columns)
    for one in seconds:
        column = (one.second - first) // wide
        due[column] += int(one.response.counts.sum()) + one.response.missing
        missing[column] += one.response.missing
        if one.response.bins.size:
            times_s = np.asarray(upper_ns(one.response.bins), dtype=np.float64) / 1e9
            which = np.floor(np.log10(times_s) * BANDS_A_DECADE).astype(int)
            for band, count in zip(which.tolist(), one.response.counts.tolist(), strict=True):
                bands[column, band] = bands.get((column, band), 0) + count
    if not bands:
        return None
    low = min(band for _, band in bands)
    high = max(band for _, band in bands)
    shares = np.zeros((columns, high - low + 1))
    for (column, band), count in bands.items():
        shares[column, band - low] = count / due[column]
    return Heat(shares, np.divide(missing, due, out=np.zeros(columns), where=due > 0), low, first, wide)


def level(share: float) -> int:
    """Returns the step of darkness of a share, 0 for the lightest; -1 for nothing."""
    return -1 if share <= 0 else max(0, sum(share >= least for least in LEVELS) - 1)


def figure(result: LoadResult, *, key: str = "heat") -> Figure | None:
    """Returns the heat map of a load, None where nothing was answered or it lasted a second."""
    # A second in which only late answers came has no column.
    seconds = [one for one in result.seconds if one.due]
    if len(seconds) < 2:
        return None
    both = {width: heat(seconds, most) for width, most in MOST_COLUMNS.items()}
    found = {width: one for width, one in both.items() if one is not None}
    if not found:
        return None
    caption = (
        "Response times over the load: each column shows how the operations due then spread over the "
        "times they took."
    )
    wide, narrow = in_both_widths(
        key,
        "Response times over time",
        caption,
        lambda drawing: _draw(drawing, found[drawing.width], result.plan.warm_up_s),
    )
    notes = [
        "Darkness: the share of a column's operations in the cell, at least the figure beside its colour. "
        "The vertical axis is logarithmic."
    ]
    if any(one.response.missing for one in seconds):
        notes.append("The row on top: operations without a good answer.")
    columns = ("Second", "Due", "p50", "p99", "Slowest", "Without a good answer")
    rows = tuple(_row(one) for one in thinned(seconds))
    return Figure(caption, wide, narrow, columns, rows, tuple(notes))


def thinned(seconds: Sequence[Second], most: int = 300) -> list[Second]:
    """Returns at most so many of the seconds, evenly chosen: a table of an hour stays readable."""
    return list(seconds[:: math.ceil(len(seconds) / most)] if seconds else [])


def _row(one: Second) -> tuple[str, ...]:
    known = {found.share: found.time_s for found in shown(one.response, (0.5, 0.99))}
    cells = [time_text(known[share]) if share in known else "–" for share in (0.5, 0.99)]
    slowest = (
        numbers.quantity(Histogram.from_counts(one.response).percentile(1.0), "s") if one.answered else "–"
    )
    if one.response.missing and one.answered:
        slowest = numbers.quantity(one.response.most_ns / 1e9, "s")
    return (str(one.second), f"{one.due:,}", *cells, slowest, f"{one.response.missing:,}")


def _draw(drawing: Drawing, found: Heat, warm_up_s: float) -> None:
    narrow = drawing.width < 500
    columns, rows = found.shares.shape
    missing = bool(found.missing.any())
    top = 30.0 + (MISSING_PX + 6 if missing else 0.0)
    bottom = top + (200.0 if narrow else 270.0)
    low_s, high_s = (10 ** ((found.low + end) / BANDS_A_DECADE) for end in (0, rows))
    exact = scale.log([low_s, high_s], bottom, top, "s", about=6)
    kept = [
        (tick, text)
        for tick, text in zip(exact.ticks, exact.texts, strict=True)
        if low_s <= tick <= high_s * 1.001
    ]
    if len(kept) < 2:
        kept = [
            (low_s, numbers.quantity(low_s, "s", digits=2)),
            (high_s, numbers.quantity(high_s, "s", digits=2)),
        ]
    up = scale.Scale("log", low_s, high_s, bottom, top, tuple(t for t, _ in kept), tuple(x for _, x in kept))
    left = axes.room_for_ticks(up) + 2
    right = drawing.width - 14
    ends_s = found.start_s + columns * found.seconds
    along = scale.linear(
        [found.start_s, ends_s], left, right, "s", zero=False, tight=True, about=4 if narrow else 8
    )
    axes.upward(drawing, up, left, right)
    axes.across(drawing, along, bottom, bottom)
    edges = [along.at(found.start_s + column * found.seconds) for column in range(columns + 1)]
    _cells(drawing, found, edges, up, top)
    if missing:
        _missing(drawing, found, edges, top - MISSING_PX - 3)
    if 0 < warm_up_s < ends_s:
        at = along.at(warm_up_s)
        drawing.line(at, top - 4, at, bottom, "threshold", "5 3")
        # Above the map, unless the row of what was not answered is there.
        y = top + 11 if missing else top - 5
        drawing.text(at + 5, y, "measured from here", size=12, css="title halo")
    axes.title(drawing, 0, 14, ["Response time", "logarithmic"], drawing.width)
    axes.title(drawing, left, bottom + 40, ["When they were due, from the start"], drawing.width - left)
    _legend(drawing, left, bottom + 62, right)
    drawing.height = bottom + 76


def _cells(drawing: Drawing, found: Heat, edges: Sequence[float], up: scale.Scale, top: float) -> None:
    """Draws the cells of each darkness as one element, neighbours of a column joined."""
    shapes: dict[int, list[list[tuple[float, float]]]] = {}
    for column in range(found.shares.shape[0]):
        left, right = edges[column], edges[column + 1]
        run_begins, run_level = 0, -1
        levels = [level(share) for share in found.shares[column].tolist()]
        for band, one in enumerate([*levels, -1]):
            if one == run_level:
                continue
            if run_level >= 0:
                y1, y2 = (_edge(found.low + end, up) for end in (run_begins, band))
                shapes.setdefault(run_level, []).append([(left, y1), (right, y1), (right, y2), (left, y2)])
            run_begins, run_level = band, one
    for darkness in sorted(shapes):
        drawing.outlines(shapes[darkness], f"heat h{darkness}")


def _edge(exponent: int, up: scale.Scale) -> float:
    return up.at(10 ** (exponent / BANDS_A_DECADE))


def _missing(drawing: Drawing, found: Heat, edges: Sequence[float], y: float) -> None:
    for column, share in enumerate(found.missing.tolist()):
        if share > 0:
            drawing.rect(
                edges[column], y, edges[column + 1] - edges[column], MISSING_PX, f"heat none h{level(share)}"
            )
    text = "no good answer"
    drawing.text(edges[-1] - 4, y + MISSING_PX - 2, text, size=11.5, anchor="end", css="title halo")


def _legend(drawing: Drawing, left: float, y: float, right: float) -> None:
    size, box, x = 11.5, 14.0, left
    for darkness, text in enumerate(LEVEL_TEXTS):
        width = text_width(text, size)
        if x + box + 6 + width > right:
            break
        drawing.rect(x, y - 11, box, box, f"heat h{darkness}")
        drawing.text(x + box + 5, y, text, size=size, css="quiet")
        x += box + 5 + width + 12
