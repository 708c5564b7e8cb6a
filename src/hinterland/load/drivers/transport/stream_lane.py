"""A lane of HTTP/2 or HTTP/3: one stream at a time of a connection that it shares."""

from __future__ import annotations

from typing import Protocol

from hinterland.clients.message import Response
from hinterland.load.drivers.transport.answer_room import ROOM
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.lane import IDLE, Listener, Stateless
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import PROTOCOL

NOT_MODIFIED = 304


class Carrier(Protocol):
    """A connection, as its lanes see it."""

    def send(self, lane: SharedLane, outgoing: Outgoing) -> None:
        """Sends the request on a new stream."""

    def cancel(self, lane: SharedLane) -> bool:
        """Gives up the stream of a lane; what still comes for it is nobody's.

        Returns whether the lane may go on here.
        """

    def abort(self) -> None:
        """Closes the connection without waiting for anything."""


class Shared(Protocol):
    """What lanes share: one connection, another when it has ended."""

    async def join(self, lane: SharedLane, timeout_s: float) -> int:
        """Gives the lane a connection. Returns 0 or the code of the error."""

    def abort(self) -> None:
        """Closes what there is."""


class SharedLane(Stateless):
    """A lane (`lane.Lane`), and the state of its stream, which its connection keeps here.

    `stream` is the number of the stream under way, -1 without one; `status` is 0 until the head of the answer
    came, `length` its Content-Length or -1, `received` the octets of its body so far. `fields` and `body` are
    kept only where the request `reads`.
    """

    __slots__ = (
        "_kept", "_listener", "_requests", "_shared", "alive", "body", "bytes_received", "carrier",
        "connects", "fields", "length", "number", "operation", "outgoing", "ready", "received", "status",
        "stream", "surplus_answers",
    )  # fmt: skip

    def __init__(self, number: int, shared: Shared, listener: Listener, requests: Requests) -> None:
        self.number = number
        self.operation = IDLE
        self.ready = self.alive = self.connects = False
        self.surplus_answers = self.bytes_received = 0
        self.carrier: Carrier | None = None
        self.outgoing: Outgoing | None = None
        self.stream, self.status, self.length, self.received = -1, 0, -1, 0
        self.fields: dict[str, str] = {}
        self.body = bytearray()
        self._kept = 0
        self._shared, self._listener, self._requests = shared, listener, requests

    async def open(self, timeout_s: float) -> int:
        """Joins the connection, which the first that asks opens. Returns 0 or the code of the error."""
        return await self._shared.join(self, timeout_s)

    def joined(self, carrier: Carrier) -> None:
        """The lane has a connection."""
        self.carrier = carrier
        self.stream = -1
        self.ready = self.alive = True

    def send(self, outgoing: Outgoing) -> None:
        """Hands the request to the connection, which writes it before this turn of the loop ends."""
        self.outgoing = outgoing
        assert self.carrier is not None
        self.carrier.send(self, outgoing)

    def end(self, error: int) -> None:
        """Gives up the operation under way. The connection goes on, and the lane with it."""
        if self.operation < 0:
            return
        # Without a carrier it is on its way from one connection to the next.
        if self.carrier is not None and self.carrier.cancel(self):
            self.failed(error)
        else:
            self.leave(error)

    def abort(self) -> None:
        """Closes the connection that it shares."""
        self._shared.abort()

    # What its connection tells it.

    def begin(self, stream: int) -> None:
        """A new stream is its own now."""
        self.stream, self.status, self.length, self.received = stream, 0, -1, 0

    def keep(self, data: bytes) -> int:
        """Keeps a piece of the body; returns 0, or the code of why there is no room for it."""
        error = ROOM.take(self._kept, len(data))
        if not error:
            self.body += data
            self._kept += len(data)
        return error

    def answered(self) -> None:
        """The answer is complete, and the lane is free."""
        status, error = self._judged()
        self._forget()
        if error and not status:
            self._listener.unanswered(self, error)
        elif error:
            self._listener.failed(self, status, error)
        else:
            self._listener.answered(self, status)

    def answered_last(self) -> None:
        """The answer is complete, and the connection takes no further requests."""
        self._leave(*self._judged())

    def failed(self, error: int) -> None:
        """No good answer will come for this request; the lane is free."""
        self._forget()
        self._listener.unanswered(self, error)

    def leave(self, error: int) -> None:
        """The lane's connection is of no more use to it; the operation under way, if any, ends."""
        self._leave(0, error)

    def carried(self) -> None:
        """The request was not done, and waits for another connection."""
        self.carrier = None
        self.ready = False
        self._forget()

    def _leave(self, status: int, error: int) -> None:
        self.carried()
        operation = self.operation
        if operation >= 0:
            self.operation = IDLE
            self._listener.ended(self, operation, status, error)
        if self.alive:
            self.alive = False
            self._listener.closed(self)

    def _forget(self) -> None:
        self.stream = -1
        if self.fields or self.body:
            self.fields, self.body = {}, bytearray()
            ROOM.give(self._kept)
            self._kept = 0

    def _judged(self) -> tuple[int, int]:
        """Returns status and error of a complete answer; an answer that is none has no status."""
        if self._short():
            return 0, because(PROTOCOL, f"the body had {self.received} bytes, not {self.length}")
        outgoing = self.outgoing
        if outgoing is None or not outgoing.reads:
            return self.status, 0
        complaint = self._requests.judge(outgoing, Response(self.status, self.fields, bytes(self.body)))
        return self.status, code_of(complaint) if complaint else 0

    def _short(self) -> bool:
        """Returns whether the body has another length than the head said it has."""
        if self.length in (-1, self.received):
            return False
        bodyless = self.outgoing is not None and self.outgoing.method == "HEAD"
        return not (self.received == 0 and (bodyless or self.status == NOT_MODIFIED))
