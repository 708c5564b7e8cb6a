"""Literata, the face of pages and reports: three cuts of its Latin letters, kept here.

From the npm package @fontsource/literata 5.3.0, unchanged; its licence (OFL 1.1) lies beside the files.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "fonts"
LATIN = (
    "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,"
    "U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD"
)
"""What the files hold; all else comes from the next face in the list."""


@dataclass(frozen=True)
class Face:
    """A cut of the typeface: the file that holds it, and for which weights and style it stands."""

    file: str
    weights: str
    style: str

    @property
    def path(self) -> Path:
        return FOLDER / self.file

    def rule(self, source: str, display: str) -> str:
        """Returns its rule for a style sheet. `source`: where the browser finds it."""
        return (
            f"@font-face{{font-family:Literata;font-weight:{self.weights};font-style:{self.style};"
            f'font-display:{display};src:url({source}) format("woff2");unicode-range:{LATIN}}}'
        )


REGULAR = Face("literata-latin-400-normal.woff2", "400", "normal")
ITALIC = Face("literata-latin-400-italic.woff2", "400", "italic")
BOLD = Face("literata-latin-600-normal.woff2", "600 700", "normal")
FACES = (REGULAR, ITALIC, BOLD)


def linked(folder: str) -> str:
    """Returns the rules of all cuts for pages that a server sends with them.

    A page is laid out once: with the face if it is there in time (the pages ask for it first), else without.
    """
    return "\n".join(face.rule(f"{folder}/{face.file}", "optional") for face in FACES)


@cache
def embedded() -> str:
    """Returns the rules with the letters in them, for a file that stands alone: 57 KB.

    Without the italics, 28 KB more in every report: what little is slanted there, browsers slant.
    """
    return "\n".join(
        face.rule(f"data:font/woff2;base64,{b64encode(face.path.read_bytes()).decode()}", "block")
        for face in (REGULAR, BOLD)
    )
