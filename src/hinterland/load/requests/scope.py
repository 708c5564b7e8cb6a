"""What is known, and under which name, at a place in a chain of requests."""

from __future__ import annotations

from hinterland.errors import UsageError
from hinterland.load.requests.parts import Fits
from hinterland.load.requests.values import Names, Value
from hinterland.model.secrecy import MASK, hidden, is_secret


class Scope:
    """What answers gave so far, then what `Names` has.

    room: how many values a visit has. drawn: those that do not come from answers, by place.
    """

    def __init__(self, names: Names) -> None:
        self.room = 0
        self.drawn: list[tuple[int, Value]] = []
        self._names = names
        self._places: dict[str, tuple[int, Value]] = {}
        self._extracted: dict[str, int] = {}
        self._fits: dict[int, list[Fits]] = {}

    def resolve(self, name: str, where: str, fits: Fits | None) -> tuple[int, bool]:
        """Returns the place of a value, and whether it is plain. What it must satisfy there is seen to."""
        if name in self._extracted:
            place = self._extracted[name]
            if fits is not None:
                self._fits[place].append(fits)
            return place, False
        if name not in self._places:
            value = self._names.find(name)
            if value is None:
                raise self._names.unknown(name, where, self._extracted)
            self._places[name] = self._new(), value
            self.drawn.append(self._places[name])
        place, value = self._places[name]
        if value.again:
            del self._places[name]
        if fits is not None and value.column:
            self._examine(value.column, where, fits)
        return place, value.plain

    def extracted(self, name: str) -> tuple[int, list[Fits]]:
        """Returns the place of a value that later requests know by this name, and what it must satisfy."""
        place = self._extracted[name] = self._new()
        self._fits[place] = []
        return place, self._fits[place]

    def _new(self) -> int:
        self.room += 1
        return self.room - 1

    def _examine(self, column: str, where: str, fits: Fits) -> None:
        rows = self._names.rows
        assert rows is not None
        for number, cell in enumerate(rows.columns[column], start=1):
            if not fits(cell):
                shown = MASK if is_secret(column) or is_secret(where) else hidden(cell)[:60]
                raise UsageError(
                    f"{rows.file}: row {number}, {column!r}: {shown!r} can't stand in {where}.",
                    "A header's value is one line of Latin-1; a whole path begins with / and has no space.",
                )
