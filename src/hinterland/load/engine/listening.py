"""The loop of subscribers: nothing is asked, and what their lanes receive is counted."""

from __future__ import annotations

import asyncio

from hinterland.load.engine.lane import Lane
from hinterland.load.engine.loop import FOREVER_NS, Loop

PAUSE_BEFORE_REJOINING_S = 0.1


class Listening(Loop):
    """Records the events published from the start until the end; a lane that closed joins again."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # As the others are made.
        self._from_ns, self._end_ns = FOREVER_NS, FOREVER_NS

    def start(self, start_ns: int, end_ns: int) -> None:
        """What is published from `start_ns` to `end_ns` counts, whenever it comes."""
        self._from_ns, self._end_ns = start_ns, end_ns
        for lane in self.pool.lanes:
            if not lane.alive:
                self.closed(lane)

    def stop(self) -> None:
        """Nothing more counts."""
        self._end_ns = 0
        self._finish()

    def record(
        self, lane: Lane, *, kind: int, intended_ns: int, sent_ns: int, done_ns: int, status: int, error: int
    ) -> None:
        if self._from_ns <= intended_ns < self._end_ns:
            super().record(
                lane,
                kind=kind,
                intended_ns=intended_ns,
                sent_ns=sent_ns,
                done_ns=done_ns,
                status=status,
                error=error,
            )

    def answered(self, lane: Lane, status: int) -> None:
        """Nothing was asked."""

    def failed(self, lane: Lane, status: int, error: int) -> None:
        """Nothing was asked."""

    def unanswered(self, lane: Lane, error: int) -> None:
        """Nothing was asked."""

    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None:
        """Nothing was asked."""

    def freed(self, lane: Lane) -> None:
        """Nothing was asked."""

    def cleaned(self, lane: Lane) -> None:
        """Nothing was asked."""

    def opened(self, lane: Lane) -> None:
        """It listens by itself."""

    def closed(self, lane: Lane) -> None:
        if not self.finished.done():
            loop = asyncio.get_running_loop()
            loop.call_later(PAUSE_BEFORE_REJOINING_S, self._join_again, lane)

    def refused(self, lane: Lane, operation: int, error: int) -> None:
        self.closed(lane)

    def _join_again(self, lane: Lane) -> None:
        if not (self.finished.done() or lane.alive):
            self.pool.open_for(lane)
