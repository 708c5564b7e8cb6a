"""What an open loop has to do: when each visit is due, a little ahead, and which was noticed how late."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hinterland.load.engine.arrivals import Schedule

# The schedule is worked out so far ahead, more than any pause between two refills.
AHEAD_NS = 1_000_000_000
MOST_WAITING = 1 << 22
"""How many visits may wait for a free lane; the oldest are given up beyond that: 64 MiB of memory."""


class Noticed(Struct, frozen=True):
    """Visits that became due: when, in ns of CLOCK_MONOTONIC, and how many ns later they were noticed."""

    due_ns: NDArray[np.int64]
    late_ns: NDArray[np.int64]


class Agenda:
    """Due moments in order. Places before `next` were begun, places before `noticed` were due.

    due: the moments in ns of CLOCK_MONOTONIC. late: for each that was noticed, how many ns after it was due.
    `count`: how many places are filled. Taking old places away (`forget`) renumbers the rest.
    """

    __slots__ = ("_chunks", "_exhausted", "_late_from", "count", "due", "late", "next", "noticed", "start_ns")

    def __init__(self, chunks: Iterator[Schedule]) -> None:
        self.due, self.late = array("q"), array("q")
        self.count = self.noticed = self.next = 0
        self.start_ns = 0
        self._chunks = chunks
        self._exhausted = False
        self._late_from = 0

    @property
    def over(self) -> bool:
        """Whether every visit of the schedule was noticed and begun."""
        return self._exhausted and self.next == self.count

    def fill(self, until_ns: int) -> None:
        """Works the schedule out until a moment or its end, and by one more place where none is left."""
        while not self._exhausted and (self.noticed == self.count or self.due[-1] < until_ns):
            chunk = next(self._chunks, None)
            if chunk is None:
                self._exhausted = True
                return
            self.due.frombytes((chunk + self.start_ns).tobytes())
            self.late.frombytes(bytes(8 * len(chunk)))
            self.count += len(chunk)

    def forget(self) -> Noticed:
        """Lets go of the places that were begun; returns what was noticed since the last time."""
        new = slice(self._late_from, self.noticed)
        noticed = Noticed(np.array(self.due[new], np.int64), np.array(self.late[new], np.int64))
        del self.due[: self.next], self.late[: self.next]
        self.count -= self.next
        self.noticed -= self.next
        self._late_from = self.noticed
        self.next = 0
        return noticed

    def give_up(self, most: int = MOST_WAITING) -> NDArray[np.int64]:
        """Takes the oldest visits away where more than `most` wait; returns when they were due."""
        return self._take(max(0, self.noticed - self.next - most))

    def remaining(self) -> NDArray[np.int64]:
        """Takes all visits away that wait, and returns when they were due."""
        return self._take(self.noticed - self.next)

    def stop(self) -> None:
        """Nothing more becomes due: the load ends here."""
        self._exhausted = True
        del self.due[self.noticed :], self.late[self.noticed :]
        self.count = self.noticed

    def _take(self, count: int) -> NDArray[np.int64]:
        taken = np.array(self.due[self.next : self.next + count], dtype=np.int64)
        self.next += count
        return taken
