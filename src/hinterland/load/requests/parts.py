"""What all requests are made of: texts whose values know their places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hinterland.errors import UsageError
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import RequestPlan
from hinterland.load.requests import places
from hinterland.load.requests.template import Encoder, Slot, Template, Values, parse, renderer

Fits = Callable[[str], bool]
Resolve = Callable[[str, str, Fits | None], tuple[int, bool]]
"""Finds a value by its name, for where it stands in words and what it must satisfy there: its place among a
visit's values, and whether it is plain, so that it needs no encoding."""
Make = Callable[[Values], Outgoing]


def slots_of(
    text: Template,
    resolve: Resolve,
    where: str,
    encoders: Sequence[Encoder | None] | None = None,
    fits: Sequence[Fits | None] | None = None,
) -> list[Slot]:
    """Returns the slots of a text's names. A plain value is not encoded: nothing of it would change."""
    slots = []
    for number, name in enumerate(text.names):
        place, plain = resolve(name, where, fits[number] if fits else None)
        slots.append(Slot(place, None if plain or not encoders else encoders[number]))
    return slots


class Body:
    """The body of a request: `render` makes it. `fixed` is it where no value stands in it, else None."""

    def __init__(self, plan: RequestPlan, resolve: Resolve) -> None:
        self.is_file = bool(plan.body_file)
        if self.is_file:
            self.kind = ""
            self.fixed: bytes | None = _content(plan.body_file)
            return
        text = parse(plan.body)
        self.kind = places.content_type(plan.headers, text)
        slots = slots_of(text, resolve, "body", places.body_encoders(text, self.kind))
        self._render = renderer(text.literals, slots)
        self.fixed = None if slots else text.text.encode()

    def render(self, values: Values) -> bytes:
        """Returns the body with a visit's values in it."""
        return self._render(values).encode() if self.fixed is None else self.fixed


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"body file {file} can't be read: {error.strerror}.", "Give a file.") from None
