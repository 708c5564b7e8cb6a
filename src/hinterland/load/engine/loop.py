"""What a loop of any kind does with its operations: where they are noted, what a visit goes on with."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod

from hinterland.load.engine.lane import IDLE, Lane
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.pool import Pool
from hinterland.load.engine.recorder import (
    CONNECTION_SHIFT,
    ERROR_SHIFT,
    KIND_SHIFT,
    Columns,
    Recorder,
    ended,
)

FOREVER_NS = 1 << 62
WORST_GOOD_STATUS = 399

_now = time.monotonic_ns


class Loop(ABC):
    """What both loops share. `pool` must be set before the start; `finished` is done when all has ended.

    `first_visit` and `step` number the visits: one of three processes begins the visits 1, 4, 7 ...
    """

    pool: Pool

    def __init__(
        self, recorder: Recorder, requests: Requests, *, first_visit: int = 0, step: int = 1
    ) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.recorder = recorder
        self.next = self.drained_ns = 0
        self._requests = requests
        self._constant = requests.constant
        self._visit, self._step = first_visit, step
        self._carried: dict[int, Outgoing] = {}
        self._resumed: set[int] = set()
        """Lanes that closed in the middle of a visit: `_carried` is what they go on with."""
        self._intended, self._sent = recorder.intended, recorder.sent
        self._done, self._meta = recorder.done, recorder.meta

    @abstractmethod
    def stop(self) -> None:
        """Begins nothing more."""

    @abstractmethod
    def answered(self, lane: Lane, status: int) -> None:
        """As `lane.Listener`; so are the next ones."""

    @abstractmethod
    def failed(self, lane: Lane, status: int, error: int) -> None: ...

    @abstractmethod
    def unanswered(self, lane: Lane, error: int) -> None: ...

    @abstractmethod
    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None: ...

    @abstractmethod
    def closed(self, lane: Lane) -> None: ...

    @abstractmethod
    def freed(self, lane: Lane) -> None: ...

    @abstractmethod
    def cleaned(self, lane: Lane) -> None: ...

    @abstractmethod
    def refused(self, lane: Lane, operation: int, error: int) -> None: ...

    def drain(self) -> Columns:
        """Takes the operations that have ended away; those under way get new, low numbers."""
        columns, moved = self.recorder.drain(self.next)
        self.drained_ns = _now()
        if moved:
            for lane in self.pool.lanes:
                if lane.operation >= 0:
                    lane.operation = moved[lane.operation]
        self.next = len(moved)
        return columns

    def record(
        self, lane: Lane, *, kind: int, intended_ns: int, sent_ns: int, done_ns: int, status: int, error: int
    ) -> None:
        place = self.slot(intended_ns)
        self._sent[place], self._done[place] = sent_ns, done_ns
        self._meta[place] = self._tag(lane, kind) | error << ERROR_SHIFT | status

    def passed(self, lane: Lane, *, done_ns: int, status: int, error: int) -> None:
        self._note(lane, lane.operation, status, error)
        self._done[lane.operation] = done_ns
        lane.operation = IDLE

    def goes_on(self, lane: Lane, outgoing: Outgoing) -> None:
        self._carried[lane.number] = outgoing
        now = _now()
        if lane.operation < 0:
            lane.operation = self.slot(now)
        self._sent[lane.operation] = now

    def slot(self, intended_ns: int) -> int:
        """Returns the place of a new operation."""
        place = self.next
        if place >= self.recorder.capacity:
            self.recorder.room()
        self.next = place + 1
        self._intended[place] = intended_ns
        return place

    def opened(self, lane: Lane) -> None:
        self._sent[lane.operation] = _now()
        lane.send(self._constant or self._carried[lane.number])

    def name_under_way(self) -> None:
        """Notes lane and kind of what is under way: at the end of the load nothing else will."""
        for lane in self.pool.lanes:
            if lane.operation >= 0:
                self._meta[lane.operation] = self._tag(lane, self._kind(lane))

    def last(self) -> Columns:
        """Returns everything that is left at the end of the load, ended or not."""
        self.name_under_way()
        return ended(self.recorder.columns(self.next))

    def _first(self, lane: Lane) -> Outgoing:
        """Returns the first request of the next visit, or what the lane goes on with."""
        if self._constant is not None:
            return self._constant
        if lane.number in self._resumed:
            self._resumed.discard(lane.number)
            return self._carried[lane.number]
        outgoing = self._carried[lane.number] = self._requests.begin(self._visit)
        self._visit += self._step
        return outgoing

    def _following(self, lane: Lane, status: int) -> Outgoing | None:
        """Returns what follows a good answer in its visit; an answer that is not good ends the visit."""
        carried = self._carried[lane.number]
        if status > WORST_GOOD_STATUS and not self._requests.any_status[carried.kind]:
            return None
        outgoing = self._requests.then(carried)
        if outgoing is not None:
            self._carried[lane.number] = outgoing
        return outgoing

    def _goes_on(self, lane: Lane, status: int, error: int) -> bool:
        """Decides whether a visit, whose lane closes, has more to send."""
        if error or self._constant is not None or self._following(lane, status) is None:
            return False
        self._resumed.add(lane.number)
        return True

    def _tag(self, lane: Lane, kind: int) -> int:
        return lane.number << CONNECTION_SHIFT | kind << KIND_SHIFT

    def _note(self, lane: Lane, operation: int, status: int, error: int) -> int:
        """Stores how an operation ended, with an answer unless there is an error; returns now."""
        now = _now()
        if not error:
            self._done[operation] = now
        self._meta[operation] = self._tag(lane, self._kind(lane)) | error << ERROR_SHIFT | status
        return now

    def _kind(self, lane: Lane) -> int:
        return 0 if self._constant is not None else self._carried[lane.number].kind

    def _send(self, lane: Lane, outgoing: Outgoing, intended_ns: int, now: int) -> None:
        """Sends a request as a new operation on a lane that is ready."""
        lane.operation = operation = self.slot(intended_ns)
        self._sent[operation] = now
        lane.send(outgoing)

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
