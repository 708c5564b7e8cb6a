"""What the names in a request stand for, visit by visit.

A name has one value in a visit, wherever it stands. Only `{random:A:B}` is drawn for each place that it has,
and `{timestamp_ms}` read for each request. A value that an earlier answer of the chain gave comes first, then
a column of the data, then what is built in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from hashlib import blake2b

from msgspec import Struct

from hinterland.errors import UsageError
from hinterland.load.engine.outgoing import Rows
from hinterland.load.plan.plan import Data
from hinterland.load.requests import draws
from hinterland.load.requests.draws import Stream
from hinterland.load.requests.foreign import can_be_named
from hinterland.load.requests.template import escaped

BUILT_IN = ("id", "uuid", "visit", "key", "random:A:B", "timestamp_ms")
CHOICE, KEY, ROW, UUID, FIRST_RANDOM = 0, 1, 2, 3, 16
"""Numbers of the streams of random numbers, so that each name draws from its own."""
_FARTHEST = 1 << 62

Draw = Callable[[int], str]


class Value(Struct, frozen=True):
    """Where the value of a name comes from, for a visit by its number.

    `plain`: letters, digits and hyphens only, which fit everywhere. `column`: the column of the data that it
    is, if any. `fresh`: to be read anew for each request of a visit. `again`: each place has its own value.
    """

    draw: Draw
    plain: bool = True
    column: str = ""
    fresh: bool = False
    again: bool = False


class Names:
    """What is known under which name, beside what answers give. One of them for a load: it counts streams."""

    def __init__(self, data: Data, rows: Rows | None, *, seed: int, processes: int) -> None:
        self.rows = rows
        self._data, self._seed, self._stride = data, seed, processes
        self._known: dict[str, Value] = {}
        self._randoms = FIRST_RANDOM

    def stream(
        self, number: int, finish: Callable[[draws.Raw], list[draws.T]], width: int = 1
    ) -> Stream[draws.T]:
        """Returns a stream of random numbers of this load."""
        return Stream(self._seed, number, self._stride, finish, width=width)

    def find(self, name: str) -> Value | None:
        """Returns the value of a name; None if there is none. Raises UsageError for a range that is none."""
        if name.partition(":")[0] == "random" and not self._is_column(name):
            return self._random(name)
        if name not in self._known:
            made = self._column(name) if self._is_column(name) else self._built_in(name)
            if made is None:
                return None
            self._known[name] = made
        return self._known[name]

    def unknown(self, name: str, where: str, extracted: Mapping[str, int]) -> UsageError:
        """Returns the error for a name that stands for nothing."""
        columns = [column for column in (self.rows.names if self.rows else ()) if can_be_named(column)]
        known = [*extracted, *columns, *BUILT_IN]
        listed = ", ".join(f"{{{one}}}" for one in dict.fromkeys(known))
        written = escaped(f"{{{name}}}")
        return UsageError(
            f"{where}: {{{name}}} is not known.", f"There are {listed}. For the text itself write {written}."
        )

    def _is_column(self, name: str) -> bool:
        return self.rows is not None and name in self.rows.names

    def _column(self, name: str) -> Value:
        assert self.rows is not None
        column, count = self.rows.columns[name], self.rows.count
        if self._data.order == "in_turn":
            return Value(lambda visit: column[visit % count], plain=False, column=name)
        row = self.stream(ROW, draws.whole(0, count - 1))
        return Value(lambda visit: column[row(visit)], plain=False, column=name)

    def _built_in(self, name: str) -> Value | None:
        match name:
            case "visit":
                return Value(str)
            case "id":
                # The seed tells two loads apart, the number the visits of one: no two are alike.
                prefix = blake2b(str(self._seed).encode(), digest_size=4).hexdigest()
                return Value(lambda visit: f"{prefix}-{visit}")
            case "uuid":
                return Value(_uuid(self.stream(UUID, draws.uuids, 2)))
            case "key":
                key = self.stream(KEY, draws.key(self._data.keys, self._data.zipf))
                return Value(lambda visit: str(key(visit)))
            case "timestamp_ms":
                return Value(lambda visit: str(time.time_ns() // 1_000_000), fresh=True)
        return None

    def _random(self, name: str) -> Value:
        low, _, high = name.partition(":")[2].partition(":")
        try:
            ends = int(low), int(high)
        except ValueError:
            ends = 1, 0
        if not -_FARTHEST <= ends[0] <= ends[1] <= _FARTHEST:
            raise UsageError(f"{{{name}}} is not a range of whole numbers.", "Give one such as {random:1:6}.")
        number = self.stream(self._randoms, draws.whole(*ends))
        self._randoms += 1
        return Value(lambda visit: str(number(visit)), again=True)


def _uuid(stream: Stream[tuple[int, int]]) -> Draw:
    def draw(visit: int) -> str:
        digits = "{:016x}{:016x}".format(*stream(visit))
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    return draw
