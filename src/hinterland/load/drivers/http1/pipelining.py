"""Drives a server with HTTP/1.1 pipelining: requests written without waiting, answered in their order."""

from __future__ import annotations

import ssl
from collections import deque

from hinterland.clients.dial import SocketMaker
from hinterland.clients.reader import BadAnswer
from hinterland.load.drivers.http1.answers import AnswerReader, TooLong
from hinterland.load.drivers.transport import tls
from hinterland.load.drivers.transport.shared_connection import SharedConnection, shared_lanes
from hinterland.load.drivers.transport.shared_socket import SharedSocket
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, TIMEOUT
from hinterland.load.plan.plan import LoadPlan

REMEMBERED_BYTES = 4096
BEHIND = "given up behind an answer that is none"
STUCK = "stuck behind an answer that did not come"


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns `plan.multiplexed` lanes for each connection, numbered from 0: as many requests under way."""
    context = tls.context_of(plan, "http/1.1")
    return shared_lanes(
        plan,
        connections,
        lambda: SharedConnection(plan, PipelinedConnection, new_socket=new_socket, context=context),
        listener=listener,
        requests=requests,
    )


class PipelinedConnection(SharedSocket):
    """A connection whose lanes have a request each, in the order in which they were sent.

    The last whole answer is remembered and compared first, as `connection` does it: the same bytes at the
    beginning of an answer are the same answer.
    """

    def __init__(self, shared: SharedConnection) -> None:
        super().__init__(shared)
        self._waiting: deque[SharedLane] = deque()
        self._reader = AnswerReader()
        self._remembered, self._remembered_status = b"", 0

    # What lanes ask for.

    def send(self, lane: SharedLane, outgoing: Outgoing) -> None:
        """Collects the request; it is written in this turn of the loop, or when enough are together."""
        lane.begin(0)
        self._waiting.append(lane)
        self.out += outgoing.wire
        self.collected()

    def cancel(self, lane: SharedLane) -> bool:
        """Gives up an answer, and so the connection: who comes behind can't have theirs before it.

        Those before it have waited at least as long, and end as it does.
        """
        order = list(self._waiting)
        before = order[: order.index(lane)] if lane in order else []
        self.draining = True
        self.shared.ended(self)
        self.lanes.difference_update([lane, *before])
        for other in before:
            other.leave(TIMEOUT)
        self.over(code_of(STUCK))
        return False

    # What the connection says.

    def greet(self, tls: ssl.SSLObject | None) -> None:
        self.greeted.set_result(0)

    def forget(self) -> None:
        self._waiting.clear()
        self._reader.begin("GET", False)

    def received(self, data: bytes) -> None:
        place, end = 0, len(data)
        waiting, reader, remembered = self._waiting, self._reader, self._remembered
        while place < end and not self.draining:
            if not waiting:
                self.shared.surplus()
                self.over(CLOSED)
            elif (
                not reader.begun
                and remembered
                and data.startswith(remembered, place)
                and _is_plain(waiting[0].outgoing)
            ):
                place += len(remembered)
                lane = waiting.popleft()
                lane.status = self._remembered_status
                lane.answered()
            else:
                place = self._read(data, place)
                remembered = self._remembered

    def eof_received(self) -> bool:
        if self._reader.begun and self._reader.close() and self._waiting:
            self._complete_last()
        return super().eof_received()

    # Reading what is not remembered.

    def _read(self, data: bytes, first: int) -> int:
        """Reads at most one answer from `first` on; returns where it stopped."""
        lane, reader = self._waiting[0], self._reader
        whole = not reader.begun
        outgoing = lane.outgoing
        if whole and outgoing is not None:
            reader.begin(outgoing.method, outgoing.reads)
        try:
            place = reader.read(data, first)
        except (BadAnswer, TooLong) as error:
            self.lanes.discard(lane)
            self._waiting.popleft()
            lane.leave(error.code if isinstance(error, TooLong) else because(PROTOCOL, str(error)))
            self.over(code_of(BEHIND, str(error)))
            return len(data)
        if not reader.complete:
            return place
        if not reader.reusable:
            if place < len(data):
                self.shared.surplus()
            self._complete_last()
            self.over(CLOSED)
            return place
        if whole and _is_plain(outgoing) and place - first <= REMEMBERED_BYTES:
            self._remembered, self._remembered_status = data[first:place], reader.status
        self._take().answered()
        return place

    def _complete_last(self) -> None:
        """The first that waits has its answer, and the connection carries no other."""
        lane = self._take()
        self.lanes.discard(lane)
        lane.answered_last()

    def _take(self) -> SharedLane:
        """Returns the lane whose answer is complete, which it has now."""
        lane, reader = self._waiting.popleft(), self._reader
        lane.status = reader.status
        if lane.outgoing is not None and lane.outgoing.reads:
            response = reader.response
            lane.fields, lane.body = response.headers, bytearray(response.body)
        reader.begin("GET", False)
        return lane


def _is_plain(outgoing: Outgoing | None) -> bool:
    """Returns whether nobody reads the answer, and its bytes say where it ends."""
    return outgoing is not None and not outgoing.reads and outgoing.method != "HEAD"
