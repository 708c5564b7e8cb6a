"""A figure: one drawing in two widths, one sentence that says what it shows, and its data as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hinterland.drawing.svg import Drawing

WIDE_PX, NARROW_PX = 840.0, 360.0


@dataclass(frozen=True)
class Figure:
    """What the page shows as a <figure>. `narrow` is for a telephone; `notes` say how to read it."""

    caption: str
    wide: Drawing
    narrow: Drawing
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    summary: str = "The figures behind this drawing"


def in_both_widths(
    key: str, title: str, says: str, fill: Callable[[Drawing], object]
) -> tuple[Drawing, Drawing]:
    """Returns a wide and a narrow drawing with this title and description, each as `fill` draws it.

    `key` is what tells their ids apart from those of other figures on a page.
    """
    wide, narrow = (
        Drawing(f"{key}-{word}", width, title, says)
        for word, width in (("wide", WIDE_PX), ("narrow", NARROW_PX))
    )
    fill(wide)
    fill(narrow)
    return wide, narrow
