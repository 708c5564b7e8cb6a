"""Texts with `{names}` in them, taken apart once and put together as often as values come.

`{name}` and `{name:words}` stand for a value. Every other brace is itself, so that `{"amount": 1}` needs no
care; `{{` is a `{` where a name follows that shall stay a name: `{{id}` is the text `{id}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter

from msgspec import Struct

Values = Sequence[str]
Encoder = Callable[[str], str]
"""Makes a value fit for where it stands: percent-encoded in a path, escaped in a JSON string."""

_SLOT = re.compile(r"\{\{|\{([A-Za-z_]\w*(?:[.-]\w+)*(?::[^{}\s\"']*)?)\}")


class Template(Struct, frozen=True):
    """A text taken apart: `literals` has one more than `names`, and they take turns."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The only literal of a template without names."""
        return self.literals[0]


class Slot(Struct, frozen=True):
    """Where a value goes: its place among a visit's values, and what makes it fit. None: it always fits."""

    place: int
    encode: Encoder | None = None


def parse(text: str) -> Template:
    """Returns the text taken apart. No text is wrong; whether its names mean anything is not decided here."""
    literals, names = [""], []
    end = 0
    for found in _SLOT.finditer(text):
        literals[-1] += text[end : found.start()]
        if found[1] is None:
            literals[-1] += "{"
        else:
            names.append(found[1])
            literals.append("")
        end = found.end()
    literals[-1] += text[end:]
    return Template(tuple(literals), tuple(names))


def escaped(text: str) -> str:
    """Returns what to write for the text to stand for itself: `parse(escaped(text)).text == text`."""
    return text.replace("{", "{{")


def renderer(literals: Sequence[str], slots: Sequence[Slot]) -> Callable[[Values], str]:
    """Returns what puts the literals and the values for their slots together."""
    if not slots:
        whole = "".join(literals)
        return lambda values: whole
    form = "%s".join(literal.replace("%", "%%") for literal in literals)
    places = [slot.place for slot in slots]
    if any(slot.encode is not None for slot in slots):
        pairs = [(slot.place, slot.encode or str) for slot in slots]
        return lambda values: form % tuple([encode(values[place]) for place, encode in pairs])
    if len(places) == 1:
        (only,) = places
        # A tuple of its own: a lone str would do as well for %, a list of it would not.
        return lambda values: form % (values[only],)
    pick = itemgetter(*places)
    return lambda values: form % pick(values)
