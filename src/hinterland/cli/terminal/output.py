"""What verbs print: text that is coloured only on a terminal, and JSON documents.

Painted by hand, because importing rich costs more than listing the catalogue.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import IO, Any

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
VERDICT_STYLE = {"holds": "green", "refuted": "red", "inconclusive": "yellow"}
VERDICT_SIGN = {"holds": "✓", "refuted": "✗", "inconclusive": "?"}


def coloured(stream: IO[str] | None = None) -> bool:
    """Decides whether to colour: only on a terminal that knows how, and never against NO_COLOR."""
    stream = stream or sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, stream: IO[str] | None = None) -> str:
    """Returns `text` in the named styles, or as it is where there is no colour."""
    if not styles or not text or not coloured(stream):
        return text
    return f"\033[{';'.join(STYLES[style] for style in styles)}m{text}\033[0m"


def width() -> int:
    """Returns how wide to print: the terminal's columns, at most 100, and 80 where there is none."""
    return max(40, min(100, shutil.get_terminal_size((80, 24)).columns))


def wrapped(text: str, indent: int = 0, first: str | None = None) -> str:
    """Returns `text` in lines that fit, indented; `first` replaces the first line's indent."""
    return textwrap.fill(
        " ".join(text.split()),
        width(),
        initial_indent=" " * indent if first is None else first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def heading(text: str) -> str:
    return paint(text, "bold")


def print_json(value: Any) -> None:
    """Prints one JSON document, and nothing else, on stdout."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def duration(seconds: float) -> str:
    """Returns a duration as a person says it: `0.4 s`, `12 s`, `2 min 5 s`."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
