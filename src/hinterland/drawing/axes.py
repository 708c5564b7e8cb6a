"""Draws axes: ticks whose labels never collide, grid lines, titles with units."""

from __future__ import annotations

from hinterland.drawing.scale import Scale
from hinterland.drawing.svg import Anchor, Drawing, clip, text_width

TICK_PX = 12.0
GAP_PX = 8.0


def across(drawing: Drawing, scale: Scale, top: float, bottom: float, *, size: float = TICK_PX) -> None:
    """Draws the horizontal axis at `bottom`, its grid up to `top`; labels that would collide are left out."""
    drawing.line(scale.start, bottom, scale.end, bottom, "axis")
    taken: list[tuple[float, float]] = []
    for index in _ends_first(len(scale.ticks)):
        text = scale.texts[index]
        x = scale.at(scale.ticks[index])
        drawing.line(x, top, x, bottom, "grid")
        half = text_width(text, size) / 2
        anchor, left = _anchor(x, half, drawing.width)
        right = left + 2 * half
        if any(
            left < other_right + GAP_PX and other_left - GAP_PX < right for other_left, other_right in taken
        ):
            continue
        drawing.line(x, bottom, x, bottom + 4, "axis")
        drawing.text(x, bottom + 5 + size, text, size=size, anchor=anchor, css="quiet")
        taken.append((left, right))
    if scale.zero_slot:
        _break(drawing, scale.start + 0.63 * scale.slot, bottom, upright=False)


def _ends_first(count: int) -> list[int]:
    """The first and the last tick say how far the axis reaches, so they are kept before those between."""
    return list(dict.fromkeys([0, count - 1, *range(count)])) if count else []


def _anchor(x: float, half: float, width: float) -> tuple[Anchor, float]:
    """Keeps a tick label inside the drawing."""
    if x + half > width:
        return "end", x - 2 * half
    if x - half < 0:
        return "start", x
    return "middle", x - half


def upward(drawing: Drawing, scale: Scale, left: float, right: float, *, size: float = TICK_PX) -> None:
    """Draws the vertical axis at `left`, its grid to `right`; labels that would collide are left out."""
    drawing.line(left, scale.start, left, scale.end, "axis")
    last_top = 1e9
    for tick, text in zip(scale.ticks, scale.texts, strict=True):
        y = scale.at(tick)
        drawing.line(left, y, right, y, "grid")
        if y + 0.5 * size > last_top:
            continue
        drawing.line(left - 4, y, left, y, "axis")
        box = drawing.text(left - 7, y + 0.35 * size, text, size=size, anchor="end", css="quiet")
        last_top = box.top
    if scale.zero_slot:
        _break(drawing, left, scale.start - 0.63 * scale.slot, upright=True)


def room_for_ticks(scale: Scale, size: float = TICK_PX) -> float:
    """Returns how much room the labels of a vertical axis take, in pixels."""
    return max((text_width(text, size) for text in scale.texts), default=0.0) + 9


def title(drawing: Drawing, x: float, y: float, words: list[str], room: float, size: float = 12.5) -> None:
    """Writes an axis title from its parts, leaving out the last ones where there is no room."""
    while len(words) > 1 and text_width(", ".join(words), size) > room:
        words = words[:-1]
    drawing.text(x, y, clip(", ".join(words), room, size), size=size, css="title")


def _break(drawing: Drawing, x: float, y: float, *, upright: bool) -> None:
    """Marks the gap between zero and the first positive value of a logarithmic axis."""
    for shift in (-2.5, 2.5):
        if upright:
            drawing.line(x - 4, y + shift + 2, x + 4, y + shift - 2, "axis")
        else:
            drawing.line(x + shift - 2, y + 4, x + shift + 2, y - 4, "axis")
