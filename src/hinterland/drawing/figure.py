"""A figure: one drawing in two widths, one sentence that says what it shows, and its data as a table."""

from __future__ import annotations

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
