"""Which operation each connection carries next: the closed loop and the open loop.

Both keep the same promises: an operation that was due stays in the sample whatever becomes of it; nothing is
sent twice; a connection that closed is opened again only for an operation that needs it, as a client would.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import deque

from hinterland.load.arrivals import Schedule
from hinterland.load.connection import IDLE, Connection
from hinterland.load.pacing import NEVER
from hinterland.load.pool import Pool
from hinterland.load.recorder import CONNECTION_SHIFT, Recorder

# A closed loop would otherwise count thousands of refusals a second on each connection.
PAUSE_AFTER_REFUSAL_S = 0.01
FOREVER_NS = 1 << 62

_now = time.monotonic_ns


class ClosedLoop:
    """Each connection sends its next operation the moment its last one ended, until `end_ns` or `count`.

    `pool` must be set before `start`. `finished` is done when every operation has ended.
    """

    pool: Pool

    def __init__(self, recorder: Recorder, *, count: int | None) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.recorder = recorder
        self.next = 0
        self._count = FOREVER_NS if count is None else count
        self._limit = min(self._count, recorder.capacity)
        self._end_ns = 0
        self._free_ns: dict[int, int] = {}
        self._at_work: set[int] = set()
        self._intended, self._sent = recorder.intended, recorder.sent
        self._done, self._meta = recorder.done, recorder.meta

    def start(self, end_ns: int) -> None:
        self._end_ns = end_ns
        self._at_work = {connection.number for connection in self.pool.connections}
        for connection in self.pool.connections:
            self._begin(connection, _now())

    def answered(self, connection: Connection, status: int) -> None:
        now = _now()
        operation = connection.operation
        self._done[operation] = now
        self._meta[operation] = connection.number << CONNECTION_SHIFT | status
        operation = self.next
        if now < self._end_ns and operation < self._limit:
            self.next = operation + 1
            connection.operation = operation
            self._intended[operation] = self._sent[operation] = now
            connection.send()
        else:
            connection.operation = IDLE
            self._begin(connection, now)

    def ended(self, connection: Connection, operation: int, status: int, error: int) -> None:
        now = self._free_ns[connection.number] = _now()
        if error:
            self.recorder.fail(operation, connection.number, error)
        else:
            self._done[operation] = now
            self._meta[operation] = connection.number << CONNECTION_SHIFT | status

    def closed(self, connection: Connection) -> None:
        if connection.number in self._at_work:
            self._begin(connection, self._free_ns.pop(connection.number, _now()))

    def opened(self, connection: Connection) -> None:
        self._sent[connection.operation] = _now()
        connection.send()

    def refused(self, connection: Connection, operation: int, error: int) -> None:
        self.recorder.fail(operation, connection.number, error)
        loop = asyncio.get_running_loop()
        loop.call_later(PAUSE_AFTER_REFUSAL_S, lambda: self._begin(connection, _now()))

    def _begin(self, connection: Connection, free_ns: int) -> None:
        """Gives the connection, free since `free_ns`, its next operation, or lets it rest at the end."""
        now = _now()
        if now >= self._end_ns or self.next >= self._count:
            self._rest(connection)
            return
        if connection.alive and connection.fd < 0:
            return  # On its way out: `closed` will begin it.
        operation = self.next
        if operation >= self.recorder.capacity:
            self.recorder.room()
            self._limit = min(self._count, self.recorder.capacity)
        self.next = operation + 1
        connection.operation = operation
        self._intended[operation] = free_ns
        if connection.alive:
            self._sent[operation] = now
            connection.send()
        else:
            self.pool.open_for(connection)

    def _rest(self, connection: Connection) -> None:
        self._at_work.discard(connection.number)
        if not self._at_work and not self.finished.done():
            self.finished.set_result(None)


class OpenLoop:
    """Each operation is sent when it is due, or as soon after as a connection is free.

    `waited` counts the operations for which none was. `late` holds, for each, how many ns after it was due
    the generator noticed it. `pool` must be set before the start.
    """

    pool: Pool

    def __init__(self, recorder: Recorder, count: int) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.recorder = recorder
        self.count = self._remaining = count
        self.waited = 0
        self.late = array("q", bytes(8 * count))
        self.noticed = self.next = 0
        self._free: deque[Connection] = deque()
        self._shut: deque[Connection] = deque()
        self._intended, self._sent = recorder.intended, recorder.sent
        self._done, self._meta = recorder.done, recorder.meta

    def start(self, start_ns: int, schedule: Schedule) -> None:
        """Fixes the intended times. Connections open by now are free, the others are opened when needed."""
        self._intended[: self.count] = array("q", (schedule + start_ns).tobytes())
        for connection in self.pool.connections:
            if connection.fd >= 0:
                self._free.append(connection)
            elif not connection.alive and connection not in self._shut:
                self._shut.append(connection)

    def look(self, now: int) -> int:
        """Sends what is due at `now` while connections are free; returns when the next is due, or NEVER."""
        intended, late, count = self._intended, self.late, self.count
        place = self.noticed
        while place < count and (due := intended[place]) <= now:
            late[place] = now - due
            place += 1
        self.noticed = place
        if self.next < place:
            self._send_due()
        return intended[place] if place < count else NEVER

    def answered(self, connection: Connection, status: int) -> None:
        now = _now()
        operation = connection.operation
        self._done[operation] = now
        self._meta[operation] = connection.number << CONNECTION_SHIFT | status
        operation = self.next
        if operation < self.noticed:
            self.next = operation + 1
            self.waited += 1
            connection.operation = operation
            self._sent[operation] = now
            connection.send()
        else:
            connection.operation = IDLE
            self._free.append(connection)
        self._one_ended()

    def ended(self, connection: Connection, operation: int, status: int, error: int) -> None:
        if error:
            self.recorder.fail(operation, connection.number, error)
        else:
            self._done[operation] = _now()
            self._meta[operation] = connection.number << CONNECTION_SHIFT | status
        self._one_ended()

    def closed(self, connection: Connection) -> None:
        self._shut.append(connection)
        if self.next < self.noticed:
            self.waited += 1
            self._send_due()

    def opened(self, connection: Connection) -> None:
        self._sent[connection.operation] = _now()
        connection.send()

    def refused(self, connection: Connection, operation: int, error: int) -> None:
        self.recorder.fail(operation, connection.number, error)
        self._one_ended()
        self.closed(connection)

    def _send_due(self) -> None:
        while self.next < self.noticed:
            connection = self._take()
            if connection is None:
                return
            operation = self.next
            self.next = operation + 1
            connection.operation = operation
            if connection.fd >= 0:
                self._sent[operation] = _now()
                connection.send()
            else:
                self.pool.open_for(connection)

    def _take(self) -> Connection | None:
        # One that closed while it was free is still queued as free; it may be open again and at work.
        while self._free:
            connection = self._free.popleft()
            if connection.fd >= 0 and connection.operation < 0:
                return connection
        return self._shut.popleft() if self._shut else None

    def _one_ended(self) -> None:
        self._remaining -= 1
        if not self._remaining and not self.finished.done():
            self.finished.set_result(None)
