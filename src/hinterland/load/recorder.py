"""The columns of a load, one entry an operation, filled while it runs and allocated before it starts.

Plain arrays of 64-bit integers: storing into one costs about 20 ns, into a NumPy array several times that.
Status, error and connection of an operation share one integer: connection << 32 | error << 16 | status.
"""

from __future__ import annotations

from array import array
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hinterland.model.history import UNFINISHED, LoadSample

ERRORS = ("", "refused", "unreachable", "timeout", "reset", "closed", "protocol", "unsent", "unfinished")
(NONE, REFUSED, UNREACHABLE, TIMEOUT, RESET, CLOSED, PROTOCOL, UNSENT, UNFINISHED_AT_END) = range(len(ERRORS))
"""Why an operation has no answer.

`refused`, `unreachable`: no connection could be made; never sent. `timeout`: no answer (or connection) in
time. `reset`, `closed`: the connection broke or ended before the answer was complete. `protocol`: what came
is not HTTP. `unsent`: no connection was free from its due moment to the load's end. `unfinished`: still
waiting when it ended.
"""

ERROR_SHIFT, CONNECTION_SHIFT = 16, 32


class Recorder:
    """The columns. Writers store by index, and call `room` before the index reaches `capacity`."""

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

    def fail(self, index: int, connection: int, error: int) -> None:
        """Stores why an operation has no answer."""
        self.meta[index] = connection << CONNECTION_SHIFT | error << ERROR_SHIFT

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
        intended, sent, done, meta = (
            np.frombuffer(column, dtype=np.int64, count=count).copy()
            for column in (self.intended, self.sent, self.done, self.meta)
        )
        error = ((meta >> ERROR_SHIFT) & 0xFF).astype(np.int8)
        open_end = (done == UNFINISHED) & (error == NONE)
        error[open_end & (sent != UNFINISHED)] = UNFINISHED_AT_END
        error[open_end & (sent == UNFINISHED)] = UNSENT
        order: NDArray[np.int64] | slice = slice(None)
        if count > 1 and bool(np.any(np.diff(intended) < 0)):
            order = np.argsort(intended, kind="stable")
        return LoadSample(
            intended_ns=intended[order],
            sent_ns=sent[order],
            done_ns=done[order],
            status=(meta & 0xFFFF).astype(np.int16)[order],
            error=error[order],
            connection=(meta >> CONNECTION_SHIFT).astype(np.int32)[order],
            start_ns=start_ns,
            end_ns=end_ns,
            loop=loop,
            errors=ERRORS,
            detail=detail,
        )
