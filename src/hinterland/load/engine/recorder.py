"""The columns of a load, one entry an operation, filled while it runs and allocated before it starts.

Plain arrays of 64-bit integers: storing into one costs about 20 ns, into a NumPy array several times that.
Status, error, kind and connection of an operation share one integer:
connection << 32 | kind << 24 | error << 16 | status.
"""

from __future__ import annotations

from array import array
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hinterland.model.history import UNFINISHED, LoadSample

ERRORS = (
    "", "refused", "unreachable", "timeout", "reset", "closed", "protocol", "unsent", "unfinished", "check",
    "tls", "dns", "file_limit", "no_port", "too_long", "handshake",
)  # fmt: skip
(
    NONE, REFUSED, UNREACHABLE, TIMEOUT, RESET, CLOSED, PROTOCOL, UNSENT, UNFINISHED_AT_END, CHECK,
    TLS, DNS, FILE_LIMIT, NO_PORT, TOO_LONG, HANDSHAKE,
) = range(len(ERRORS))  # fmt: skip
"""Why an operation has no answer.

`refused`, `unreachable`: no connection could be made; never sent. `timeout`: no answer (or connection) in
time. `reset`, `closed`: the connection broke or ended before the answer was complete. `protocol`: what came
is not of that protocol. `unsent`: no connection was free from its due moment to the load's end. `unfinished`:
still waiting when it ended. `check`: answered, but not as its check wants it. `tls`, `dns`, `handshake`: no
connection, because of that. `file_limit`: this process may open no more files. `no_port`: no local port is
free to connect from. `too_long`: the answer is longer than anything that is kept of one.

More kinds, in words, have codes from `failures`.
"""

ERROR_SHIFT, KIND_SHIFT, CONNECTION_SHIFT = 16, 24, 32


KIND_MASK, ERROR_MASK, STATUS_MASK = 0xFF, 0x7F, 0xFFFF


class Columns(Struct, frozen=True):
    """Finished operations, one entry each, in the order in which they began.

    intended_ns, sent_ns (UNFINISHED: never sent), done_ns (UNFINISHED: no answer): int64, CLOCK_MONOTONIC.
    status: 0 where there is none. error: 0 for none. kind: the place of its name in `Requests.kinds`.
    connection: the lane's number.
    """

    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    status: NDArray[np.int16]
    error: NDArray[np.int8]
    kind: NDArray[np.uint8]
    connection: NDArray[np.int32]


class Recorder:
    """The columns. Writers store by index, and call `room` before the index reaches `capacity`.

    A long load takes what is finished away from time to time (`drain`), so that the columns stay as short as
    what is under way.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = 0
        self.intended, self.sent, self.done, self.meta = array("q"), array("q"), array("q"), array("q")
        self._extend(max(1, capacity))

    def room(self) -> None:
        """Doubles the capacity. It stops the loop for about a millisecond a million operations."""
        self._extend(self.capacity)

    def _extend(self, by: int) -> None:
        empty, unset = array("q", [0]) * by, array("q", [UNFINISHED]) * by
        self.intended.extend(empty)
        self.meta.extend(empty)
        self.sent.extend(unset)
        self.done.extend(unset)
        self.capacity += by

    def fail(self, index: int, connection: int, error: int, kind: int = 0) -> None:
        """Stores why an operation has no answer."""
        self.meta[index] = connection << CONNECTION_SHIFT | kind << KIND_SHIFT | error << ERROR_SHIFT

    def drain(self, count: int) -> tuple[Columns, dict[int, int]]:
        """Takes the finished ones of the first `count` operations away.

        The others move to the front, in order; returns the new index of each by its old one. All indexes
        beyond them are free again.
        """
        columns = [np.frombuffer(column, np.int64, count) for column in self._all()]
        _, _, done, meta = columns
        open_end = (done == UNFINISHED) & ((meta >> ERROR_SHIFT) & ERROR_MASK == NONE)
        (left,) = np.nonzero(open_end)
        finished = ~open_end if len(left) else slice(None)
        taken = _columns(*(column[finished].copy() for column in columns))
        kept = [column[left] for column in columns]
        for column, values, blank in zip(columns, kept, (0, UNFINISHED, UNFINISHED, 0), strict=True):
            column[: len(left)] = values
            column[len(left) :] = blank
        return taken, {int(old): new for new, old in enumerate(left)}

    def in_flight(self, count: int, moment_ns: int) -> int:
        """Returns how many of the first `count` operations were sent at a moment, and not answered yet."""
        _, sent, done, meta = (np.frombuffer(column, np.int64, count) for column in self._all())
        held = (sent != UNFINISHED) & (sent <= moment_ns)
        held &= (done > moment_ns) | ((done == UNFINISHED) & ((meta >> ERROR_SHIFT) & ERROR_MASK == NONE))
        return int(np.count_nonzero(held))

    def columns(self, count: int) -> Columns:
        """Returns a copy of the first `count` operations, finished or not."""
        return _columns(*(np.frombuffer(column, np.int64, count).copy() for column in self._all()))

    def _all(self) -> tuple[array[int], array[int], array[int], array[int]]:
        return self.intended, self.sent, self.done, self.meta

    def sample(
        self,
        count: int,
        *,
        start_ns: int,
        end_ns: int,
        loop: Literal["open", "closed"],
        detail: dict[str, Any],
    ) -> LoadSample:
        """Returns the first `count` operations in order of intended time.

        Those with neither answer nor error were under way at the end: `unfinished`, or `unsent`.
        """
        all_of = ended(self.columns(count))
        order: NDArray[np.int64] | slice = slice(None)
        if count > 1 and bool(np.any(np.diff(all_of.intended_ns) < 0)):
            order = np.argsort(all_of.intended_ns, kind="stable")
        return LoadSample(
            intended_ns=all_of.intended_ns[order],
            sent_ns=all_of.sent_ns[order],
            done_ns=all_of.done_ns[order],
            status=all_of.status[order],
            error=all_of.error[order],
            connection=all_of.connection[order],
            start_ns=start_ns,
            end_ns=end_ns,
            loop=loop,
            errors=ERRORS,
            detail=detail,
        )


def ended(columns: Columns) -> Columns:
    """Returns the operations at the end of a load: those with no answer and no error get one."""
    open_end = (columns.done_ns == UNFINISHED) & (columns.error == NONE)
    sent = columns.sent_ns != UNFINISHED
    columns.error[open_end & sent] = UNFINISHED_AT_END
    columns.error[open_end & ~sent] = UNSENT
    return columns


def unsent(due_ns: NDArray[np.int64], kind: NDArray[np.uint8] | None = None) -> Columns:
    """Returns operations that were due at these moments and never began, of kind 0 unless it is said."""
    count = len(due_ns)
    return Columns(
        due_ns,
        np.full(count, UNFINISHED, np.int64),
        np.full(count, UNFINISHED, np.int64),
        np.zeros(count, np.int16),
        np.full(count, UNSENT, np.int8),
        np.zeros(count, np.uint8) if kind is None else kind,
        np.zeros(count, np.int32),
    )


def joined(*parts: Columns) -> Columns:
    """Returns all these operations, one part after the other."""
    return Columns(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Columns.__struct_fields__)
    )


def _columns(
    intended: NDArray[np.int64], sent: NDArray[np.int64], done: NDArray[np.int64], meta: NDArray[np.int64]
) -> Columns:
    return Columns(
        intended,
        sent,
        done,
        (meta & STATUS_MASK).astype(np.int16),
        ((meta >> ERROR_SHIFT) & ERROR_MASK).astype(np.int8),
        ((meta >> KIND_SHIFT) & KIND_MASK).astype(np.uint8),
        (meta >> CONNECTION_SHIFT).astype(np.int32),
    )
