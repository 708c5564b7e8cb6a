"""The lanes of a load: opened before it, again when an operation needs one, and closed after it."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from hinterland.load.engine.lane import IDLE, Lane
from hinterland.load.engine.recorder import TIMEOUT

# About what the shortest usual backlog of a listening socket (128) takes at once.
OPENED_AT_ONCE = 100
TIMEOUTS_TO_OPEN = 3
# With so many lanes, looking through all of them takes long enough to be late by.
MANY = 1000


class PoolListener(Protocol):
    """What decides which operation a lane carries, and hears how opening it went."""

    def opened(self, lane: Lane) -> None:
        """The lane is open and may carry the operation bound to it."""

    def refused(self, lane: Lane, operation: int, error: int) -> None:
        """The lane could not be opened for its operation."""


class Pool:
    """The lanes of a load.

    `connect_ns` holds how long each connection took to open, `open_errors` the codes of those that did not.
    """

    def __init__(self, lanes: Sequence[Lane], *, timeout_s: float, listener: PoolListener) -> None:
        self.lanes = lanes
        self.opened_again = 0
        self.open_errors: Counter[int] = Counter()
        self.connect_ns = array("q")
        self._timeout_s = timeout_s
        self._listener = listener
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def surplus_answers(self) -> int:
        """How often bytes came that no request had asked for."""
        return sum(lane.surplus_answers for lane in self.lanes)

    @property
    def open_failures(self) -> int:
        """How often a connection could not be opened."""
        return self.open_errors.total()

    async def open_all(self) -> None:
        """Opens every lane once. One that fails is left for the operation that needs it.

        Where a hundred at once wait for nothing until the timeout, the others will not fare better: they are
        left, too. So are the last of many where some are answered so slowly that it takes many timeouts.
        """
        patience_ns = time.monotonic_ns() + round(TIMEOUTS_TO_OPEN * self._timeout_s * 1e9)
        for first in range(0, len(self.lanes), OPENED_AT_ONCE):
            batch = self.lanes[first : first + OPENED_AT_ONCE]
            errors = await asyncio.gather(*(self._open(lane) for lane in batch))
            late = TIMEOUT in errors and time.monotonic_ns() > patience_ns
            if late or all(error == TIMEOUT for error in errors):
                return

    def forget_errors(self) -> None:
        """Counts errors of opening from 0 again."""
        self.open_errors.clear()

    def open_for(self, lane: Lane) -> None:
        """Opens a closed lane for the operation bound to it; tells the listener how it went."""
        task = asyncio.get_running_loop().create_task(self._open_and_tell(lane))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def watch_timeouts(self, sent: array[int]) -> None:
        """Ends, from now on, each operation that has waited for its answer longer than the timeout.

        They are looked through ten times in a timeout and at most every 5 ms, so one may last a tenth longer.
        """
        limit_ns = round(self._timeout_s * 1e9)
        period_s = min(0.1 if len(self.lanes) < MANY else 1.0, max(0.005, self._timeout_s / 10))
        loop = asyncio.get_running_loop()

        def sweep() -> None:
            oldest = time.monotonic_ns() - limit_ns
            for lane in self.lanes:
                operation = lane.operation
                if operation >= 0 and 0 <= sent[operation] < oldest:
                    lane.end(TIMEOUT)
            self._sweeper = loop.call_later(period_s, sweep)

        self._sweeper = loop.call_later(period_s, sweep)

    async def close(self) -> None:
        """Closes every lane, leaving operations under way as they are, and waits until all are gone."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        opening = tuple(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for lane in self.lanes:
            lane.operation = IDLE
            lane.abort()
        # The transports say goodbye in the loop's next turns.
        for _ in range(10):
            if not any(lane.alive for lane in self.lanes):
                return
            await asyncio.sleep(0)

    async def _open(self, lane: Lane) -> int:
        began_ns = time.monotonic_ns()
        error = await lane.open(self._timeout_s)
        if lane.connects:
            if error:
                self.open_errors[error] += 1
            elif lane.alive:  # One that connects when it is needed has not.
                self.connect_ns.append(time.monotonic_ns() - began_ns)
        return error

    async def _open_and_tell(self, lane: Lane) -> None:
        error = await self._open(lane)
        if error:
            operation, lane.operation = lane.operation, IDLE
            self._listener.refused(lane, operation, error)
            return
        self.opened_again += 1
        # The server may have closed it already: then its end has been told, and the operation's with it.
        if lane.operation >= 0 and lane.ready:
            self._listener.opened(lane)
