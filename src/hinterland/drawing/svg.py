"""A drawing that becomes one SVG element: lines, marks and text whose extent is known before it is drawn.

Colours come from CSS classes of the page, so that one drawing serves light, dark and print. A series is told
apart by three things at once: colour, the shape of its mark and the dashes of its line.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]

_WIDTHS = (
    "32 40 46 84 64 95 89 27 39 39 50 84 32 34 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 54 "
    "100 72 73 77 80 73 69 80 87 40 40 75 66 102 88 82 67 82 75 69 67 84 72 103 72 72 69 39 34 39 84 50 "
    "50 60 64 56 64 59 37 64 64 32 31 61 32 95 64 60 64 64 48 51 40 64 56 86 56 56 53 64 34 64 84"
)
WIDTHS: tuple[float, ...] = tuple(int(width) / 100 for width in _WIDTHS.split())
"""Advance of the printable ASCII characters in em: the wider of DejaVu Serif and Liberation Serif.

Most book faces are narrower, so that text drawn by another machine's fonts takes less room, not more.
"""

DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "5 2")
SHAPES = ("circle", "square", "diamond", "triangle", "pentagon", "bar")
COLOURS = 6
_BOLD = ' font-weight="700"'


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Returns an upper estimate of the width of a line of text in pixels."""
    em = sum(_advance(char) for char in text)
    return em * size * (1.1 if bold else 1.0)


def _advance(char: str) -> float:
    code = ord(char)
    if 32 <= code < 127:
        return WIDTHS[code - 32]
    if unicodedata.combining(char):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(char) in "WFA" or char in "…→←" else 0.85


def run_width(parts: Sequence[tuple[str, str, bool]], size: float, gap: float) -> float:
    """Returns an upper estimate of the width of parts of a line, each (text, class, bold), `gap` apart."""
    widths = [text_width(text, size, bold=bold) for text, _, bold in parts]
    return sum(widths) + gap * max(len(widths) - 1, 0)


def clip(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Returns the text, or as much of it as fits followed by an ellipsis."""
    if text_width(text, size, bold=bold) <= room:
        return text
    kept = text
    while kept and text_width(kept.rstrip() + "…", size, bold=bold) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrap(text: str, room: float, size: float, *, lines: int = 0, bold: bool = False) -> list[str]:
    """Returns the text broken into lines that fit; a word that is too long is broken at _ / - . or anywhere.

    With `lines`, at most that many, the last one clipped.
    """
    out: list[str] = []
    current = ""
    for word in _pieces(text, room, size, bold):
        longer = current + word
        if current and text_width(longer.rstrip(), size, bold=bold) > room:
            out.append(current.rstrip())
            current = word.lstrip()
        else:
            current = longer
    if current.strip() or not out:
        out.append(current.rstrip())
    if lines and len(out) > lines:
        rest = "".join(f"{line} " for line in out[lines - 1 :]).rstrip()
        return [*out[: lines - 1], clip(rest, room, size, bold=bold)]
    return out


def _pieces(text: str, room: float, size: float, bold: bool) -> list[str]:
    pieces: list[str] = []
    for word in " ".join(text.split()).split(" "):
        piece = ""
        for char in word:
            while piece and text_width(piece + char, size, bold=bold) > room:
                cut = max(piece.rfind(mark) for mark in "_/-.=") + 1
                cut = cut if cut > len(piece) // 3 else len(piece)
                pieces.append(piece[:cut])
                piece = piece[cut:]
            piece += char
        pieces.append(piece + " ")
    return pieces


@dataclass(frozen=True)
class Box:
    """Where a piece of text stands, in pixels; the widest that it can be."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right - 0.5
            and other.left < self.right - 0.5
            and self.top < other.bottom - 0.5
            and other.top < self.bottom - 0.5
        )


@dataclass
class Drawing:
    """An SVG being drawn. `key` makes its ids unique on a page; `title` and `says` tell it in words."""

    key: str
    width: float
    title: str
    says: str
    height: float = 0.0
    texts: list[Box] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13.0,
        anchor: Anchor = "start",
        css: str = "",
        bold: bool = False,
    ) -> Box:
        """Writes one line with its baseline at y and returns the room it may take."""
        width = text_width(text, size, bold=bold)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        box = Box(left, y - 0.78 * size, left + width, y + 0.24 * size, text)
        self.texts.append(box)
        weight = _BOLD if bold else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{place}{weight}{_class(css)}>'
            f"{escape(text)}</text>"
        )
        return box

    def run(
        self,
        x: float,
        y: float,
        parts: Sequence[tuple[str, str, bool]],
        *,
        size: float = 13.0,
        anchor: Anchor = "start",
        gap: float = 5.0,
    ) -> Box:
        """Writes parts of a line, each (text, class, bold), `gap` apart in any font; returns its room."""
        width = run_width(parts, size, gap)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        box = Box(
            left, y - 0.78 * size, left + width, y + 0.24 * size, " ".join(text for text, _, _ in parts)
        )
        self.texts.append(box)
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        apart = f' dx="{_n(gap)}"'
        spans = "".join(
            f"<tspan{apart if number else ''}{_BOLD if bold else ''}{_class(css)}>{escape(text)}</tspan>"
            for number, (text, css, bold) in enumerate(parts)
        )
        self._parts.append(f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{place}>{spans}</text>')
        return box

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str = "rule", dash: str = "") -> None:
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"{dashes}{_class(css)}/>'
        )

    def path(
        self, points: Sequence[tuple[float, float]], css: str, *, dash: str = "", closed: bool = False
    ) -> None:
        if not points:
            return
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        way = "M" + " L".join(f"{_n(x)} {_n(y)}" for x, y in points) + ("Z" if closed else "")
        self._parts.append(f'<path d="{way}"{dashes}{_class(css)}/>')

    def strokes(
        self,
        lines: Sequence[tuple[float, float, float, float]],
        css: str,
        *,
        dash: str = "",
        phase: float = 0.0,
    ) -> None:
        """Draws many lines of one kind as one element: a thousand of them stay small.

        `phase`: where in their dashes they begin.
        """
        if not lines:
            return
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        dashes += f' stroke-dashoffset="{_n(phase)}"' if dash and phase else ""
        way = "".join(f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" for x1, y1, x2, y2 in lines)
        self._parts.append(f'<path d="{way}"{dashes}{_class(css)}/>')

    def outlines(self, shapes: Sequence[Sequence[tuple[float, float]]], css: str) -> None:
        """Draws many closed shapes of one kind as one element."""
        if not shapes:
            return
        ways = ("M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "Z" for points in shapes)
        self._parts.append(f'<path d="{"".join(ways)}"{_class(css)}/>')

    def rect(self, x: float, y: float, width: float, height: float, css: str) -> None:
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(max(height, 0))}"'
            f"{_class(css)}/>"
        )

    def dot(self, x: float, y: float, radius: float, css: str) -> None:
        self._parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"{_class(css)}/>')

    def mark(self, index: int, x: float, y: float, css: str, *, radius: float = 5.0) -> None:
        """Draws the mark of the series with this index: circle, square, diamond, triangle, pentagon, bar."""
        shape = SHAPES[index % len(SHAPES)]
        if shape == "circle":
            self.dot(x, y, radius, css)
        elif shape == "square":
            self.rect(x - 0.88 * radius, y - 0.88 * radius, 1.76 * radius, 1.76 * radius, css)
        elif shape == "bar":
            self.rect(x - 0.4 * radius, y - 1.2 * radius, 0.8 * radius, 2.4 * radius, css)
        else:
            corners = {"diamond": 4, "triangle": 3, "pentagon": 5}[shape]
            self.path(polygon(x, y, 1.22 * radius, corners), css, closed=True)

    def arrow(self, x: float, y: float, css: str, *, left: bool = False, size: float = 6.0) -> None:
        """Draws a small arrow head: the value lies beyond the axis."""
        way = -size if left else size
        self.path([(x, y - 0.7 * size), (x + way, y), (x, y + 0.7 * size)], css, closed=True)

    def svg(self, css: str = "") -> str:
        """Returns the SVG element, with its title and description for those who can't see it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(self.width)} {_n(self.height)}"'
            f' role="img" aria-labelledby="{escape(self.key)}-title {escape(self.key)}-says"{_class(css)}>'
            f'<title id="{escape(self.key)}-title">{escape(self.title)}</title>'
            f'<desc id="{escape(self.key)}-says">{escape(self.says)}</desc>' + "".join(self._parts) + "</svg>"
        )


def polygon(x: float, y: float, radius: float, corners: int) -> list[tuple[float, float]]:
    """Returns the corners of a regular polygon that stands on a point or a side, first corner up."""
    angles = [2 * math.pi * corner / corners - math.pi / 2 for corner in range(corners)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def _n(value: float) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def _class(css: str) -> str:
    return f' class="{escape(css)}"' if css else ""
