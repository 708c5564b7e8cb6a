"""The notebook for Anki: a text that its importer takes, a card a place that was predicted and run.

The format is that of Anki's manual ("Importing text files"): lines of `#key:value`, then a note a line.
The first column is the note's GUID: by it a later import changes the card instead of making another.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HEADER = (
    ("separator", "tab"),
    ("html", "true"),
    ("notetype", "Basic"),
    ("deck", "Hinterland"),
    ("columns", "\t".join(("GUID", "Front", "Back", "Tags"))),
    ("guid column", "1"),
    ("tags column", "4"),
)


@dataclass(frozen=True)
class Card:
    """A question and what belongs to it: headings with what stands under each."""

    place: str
    question: str
    back: Mapping[str, str]

    @property
    def guid(self) -> str:
        """The same for the same place, whoever exports it and whenever."""
        return f"hinterland:{self.place}"


def text(cards: Iterable[Card]) -> str:
    """Returns what Anki imports, in UTF-8, a card a line."""
    lines = [f"#{key}:{value}" for key, value in HEADER]
    for card in cards:
        back = "<br><br>".join(f"<b>{_field(name)}</b><br>{_field(says)}" for name, says in card.back.items())
        tags = " ".join(("hinterland", *(f"hinterland::{part}" for part in card.place.split("/")[:1])))
        lines.append("\t".join((card.guid, _field(card.question), back, tags)))
    return "\n".join(lines) + "\n"


def _field(says: str) -> str:
    """Returns text as HTML in a field: without tab and line's end, and no quote that would open one."""
    escaped = html.escape(says.strip().replace("\t", " "), quote=True)
    return "<br>".join(escaped.splitlines())
