"""Which operation each lane carries next: the closed loop and the open loop.

Both keep the same promises: an operation that was due stays in the sample whatever becomes of it; nothing is
sent twice; a lane that closed is opened again only for an operation that needs it, as a client would.

A load of one constant request takes the shortest way. Otherwise the lane's request is kept (`_carried`), and
what follows it in its visit goes out on the same lane as soon as it was answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from hinterland.load.engine.agenda import Agenda
from hinterland.load.engine.lane import IDLE, Lane
from hinterland.load.engine.loop import FOREVER_NS, Loop
from hinterland.load.engine.outgoing import Requests
from hinterland.load.engine.pacing import NEVER
from hinterland.load.engine.recorder import (
    CONNECTION_SHIFT,
    ERROR_SHIFT,
    UNSENT,
    Columns,
    Recorder,
    joined,
    unsent,
)

__all__ = ["FOREVER_NS", "ClosedLoop", "Loop", "OpenLoop"]

# A closed loop would otherwise count thousands of refusals a second on each connection.
PAUSE_AFTER_REFUSAL_S = 0.01
# Of so many visits that never began it is asked what they would have been; the rest is like them.
KINDS_ASKED = 50_000

_now = time.monotonic_ns


class ClosedLoop(Loop):
    """Each lane sends its next operation the moment its last one ended, until `end_ns` or `count`."""

    def __init__(
        self,
        recorder: Recorder,
        requests: Requests,
        *,
        count: int | None,
        first_visit: int = 0,
        step: int = 1,
    ) -> None:
        super().__init__(recorder, requests, first_visit=first_visit, step=step)
        self._count = FOREVER_NS if count is None else count
        # No fast way for requests that differ: a limit of 0 sends every answer through `_go_on`.
        self._limit = self._new_limit()
        self._end_ns = 0
        self._free_ns: dict[int, int] = {}
        self._at_work: set[int] = set()

    def _new_limit(self) -> int:
        return 0 if self._constant is None else min(self._count, self.recorder.capacity)

    def start(self, end_ns: int) -> None:
        self._end_ns = end_ns
        self._at_work = {lane.number for lane in self.pool.lanes}
        for lane in self.pool.lanes:
            self._begin(lane, _now())

    def stop(self) -> None:
        """Begins no more operations."""
        self._end_ns = 0

    def drain(self) -> Columns:
        begun = self.next
        columns = super().drain()
        self._count -= begun - self.next
        self._limit = self._new_limit()
        return columns

    def answered(self, lane: Lane, status: int) -> None:
        now = _now()
        operation = lane.operation
        self._done[operation] = now
        following = self.next
        if now < self._end_ns and following < self._limit and not lane.dirty:
            self._meta[operation] = lane.number << CONNECTION_SHIFT | status
            self.next = following + 1
            lane.operation = following
            self._intended[following] = self._sent[following] = now
            lane.send(self._constant)  # type: ignore[arg-type]  # A limit above 0 says that there is one.
        else:
            self._go_on(lane, operation, status, 0, now)

    def failed(self, lane: Lane, status: int, error: int) -> None:
        now = _now()
        self._done[lane.operation] = now
        self._go_on(lane, lane.operation, status, error, now)

    def unanswered(self, lane: Lane, error: int) -> None:
        self._go_on(lane, lane.operation, 0, error, _now())

    def _go_on(self, lane: Lane, operation: int, status: int, error: int, now: int) -> None:
        self._meta[operation] = self._tag(lane, self._kind(lane)) | error << ERROR_SHIFT | status
        lane.operation = IDLE
        if self._constant is None and not error and now < self._end_ns and self.next < self._count:
            outgoing = self._following(lane, status)
            if outgoing is not None:
                self._send(lane, outgoing, now, now)
                return
        if lane.dirty and not self._is_over(now):
            lane.clean()
        else:
            self._begin(lane, now)

    def _is_over(self, now: int) -> bool:
        """Decides whether no further operation begins."""
        return now >= self._end_ns or self.next >= self._count

    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None:
        self._free_ns[lane.number] = self._note(lane, operation, status, error)
        self._goes_on(lane, status, error)

    def closed(self, lane: Lane) -> None:
        if lane.number in self._at_work:
            self._begin(lane, self._free_ns.pop(lane.number, _now()))

    def freed(self, lane: Lane) -> None:
        self._begin(lane, _now())

    def cleaned(self, lane: Lane) -> None:
        self._begin(lane, _now())

    def refused(self, lane: Lane, operation: int, error: int) -> None:
        self._note(lane, operation, 0, error)
        loop = asyncio.get_running_loop()
        loop.call_later(PAUSE_AFTER_REFUSAL_S, lambda: self._begin(lane, _now()))

    def _begin(self, lane: Lane, free_ns: int) -> None:
        """Gives the lane, free since `free_ns`, its next operation, or lets it rest at the end."""
        now = _now()
        if self._is_over(now):
            self._at_work.discard(lane.number)
            if not self._at_work:
                self._finish()
            return
        if lane.alive and not lane.ready:
            return  # On its way out: `closed` will begin it.
        lane.operation = operation = self.slot(free_ns)
        self._limit = self._new_limit()
        outgoing = self._first(lane)
        if lane.alive:
            self._sent[operation] = now
            lane.send(outgoing)
        else:
            self.pool.open_for(lane)


class OpenLoop(Loop):
    """Each visit begins when it is due, or as soon after as a lane is free.

    `waited` counts those for which none was.
    """

    def __init__(
        self, recorder: Recorder, requests: Requests, agenda: Agenda, *, first_visit: int = 0, step: int = 1
    ) -> None:
        super().__init__(recorder, requests, first_visit=first_visit, step=step)
        self.agenda = agenda
        self.waited = 0
        self._due_ns = NEVER
        self._under_way = 0
        self._free: deque[Lane] = deque()
        self._shut: deque[Lane] = deque()

    def start(self, start_ns: int) -> None:
        """Fixes the moment that the schedule counts from; lanes that are open by now are free."""
        self.agenda.start_ns = start_ns
        self.agenda.fill(start_ns)
        shut = {lane.number for lane in self._shut}
        for lane in self.pool.lanes:
            if lane.ready:
                self._free.append(lane)
            elif not lane.alive and lane.number not in shut:
                self._shut.append(lane)

    def stop(self) -> None:
        """Nothing more becomes due."""
        self.agenda.stop()
        self._rest()

    def look(self, now: int) -> int:
        """Sends what is due at `now` while lanes are free; returns when the next is due, or NEVER."""
        self._due_ns = due_ns = self._look(now)
        return due_ns

    def _look(self, now: int) -> int:
        agenda = self.agenda
        due, late, count = agenda.due, agenda.late, agenda.count
        place = agenda.noticed
        while place < count and (at := due[place]) <= now:
            late[place] = now - at
            place += 1
        agenda.noticed = place
        if agenda.next < place:
            self._send_due()
        if agenda.noticed < agenda.count:
            return due[agenda.noticed]
        agenda.fill(0)
        if agenda.noticed < agenda.count:
            return due[agenda.noticed]
        self._rest()
        return NEVER

    def drain(self) -> Columns:
        columns, given_up = super().drain(), self.agenda.give_up()
        return joined(columns, self._unsent(given_up)) if len(given_up) else columns

    def last(self) -> Columns:
        return joined(super().last(), self._unsent(self.agenda.remaining()))

    def _unsent(self, due_ns: NDArray[np.int64]) -> Columns:
        """Returns visits that never began, each as its first request."""
        if self._constant is not None or not len(due_ns):
            return unsent(due_ns)
        kinds = []
        for _ in range(min(len(due_ns), KINDS_ASKED)):
            kinds.append(self._requests.begin(self._visit).kind)
            self._visit += self._step
        return unsent(due_ns, np.resize(np.array(kinds, np.uint8), len(due_ns)))

    def abandon(self) -> None:
        """Gives the visits that still wait a place among the operations: the load is over."""
        for intended in self.agenda.remaining().tolist():
            self._meta[self.slot(intended)] = UNSENT << ERROR_SHIFT

    def answered(self, lane: Lane, status: int) -> None:
        now = _now()
        operation = lane.operation
        self._done[operation] = now
        if self._constant is not None:
            self._meta[operation] = lane.number << CONNECTION_SHIFT | status
        else:
            self._meta[operation] = self._tag(lane, self._carried[lane.number].kind) | status
            outgoing = self._following(lane, status)
            if outgoing is not None:
                self._send(lane, outgoing, now, now)
                return
        self._free_again(lane, now)
        # Answers come in bunches, and the pacer looks after each bunch only: what falls due within one would
        # wait for the rest of it.
        if now >= self._due_ns:
            self.look(now)

    def failed(self, lane: Lane, status: int, error: int) -> None:
        self._done[lane.operation] = now = self._note(lane, lane.operation, status, error)
        self._free_again(lane, now)

    def unanswered(self, lane: Lane, error: int) -> None:
        self._free_again(lane, self._note(lane, lane.operation, 0, error))

    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None:
        self._note(lane, operation, status, error)
        if not self._goes_on(lane, status, error):
            self._one_ended()

    def closed(self, lane: Lane) -> None:
        if lane.number in self._resumed:
            self._resumed.discard(lane.number)
            lane.operation = self.slot(_now())
            self.pool.open_for(lane)
            return
        self._shut.append(lane)
        if self.agenda.next < self.agenda.noticed:
            self.waited += 1
            self._send_due()

    def refused(self, lane: Lane, operation: int, error: int) -> None:
        self._note(lane, operation, 0, error)
        self._one_ended()
        self.closed(lane)

    def freed(self, lane: Lane) -> None:
        self._free_again(lane, _now())

    def cleaned(self, lane: Lane) -> None:
        self._take_up(lane, _now())

    def _free_again(self, lane: Lane, now: int) -> None:
        """The lane's visit is over: it begins the next that is due, now or once it is clean."""
        if lane.dirty:
            lane.operation = IDLE
            lane.clean()
        else:
            self._take_up(lane, now)
        self._one_ended()

    def _take_up(self, lane: Lane, now: int) -> None:
        agenda = self.agenda
        place = agenda.next
        if place < agenda.noticed and lane.ready:
            agenda.next = place + 1
            self.waited += 1
            self._under_way += 1
            self._send(lane, self._first(lane), agenda.due[place], now)
        else:
            lane.operation = IDLE
            self._free.append(lane)

    def _send_due(self) -> None:
        agenda = self.agenda
        while agenda.next < agenda.noticed:
            lane = self._take()
            if lane is None:
                return
            intended = agenda.due[agenda.next]
            agenda.next += 1
            self._under_way += 1
            outgoing = self._first(lane)
            if lane.ready:
                self._send(lane, outgoing, intended, _now())
            else:
                lane.operation = self.slot(intended)
                self.pool.open_for(lane)

    def _take(self) -> Lane | None:
        # One that closed while it was free is still queued as free; it may be open again and at work.
        while self._free:
            lane = self._free.popleft()
            if lane.ready and lane.operation < 0:
                return lane
        return self._shut.popleft() if self._shut else None

    def _one_ended(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._rest()

    def _rest(self) -> None:
        if not self._under_way and self.agenda.over:
            self._finish()
