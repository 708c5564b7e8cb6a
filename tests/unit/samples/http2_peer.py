"""The server's end of an HTTP/2 connection in memory: `h2` reads what we write, and writes what we read."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h2.config
import h2.connection
import h2.events

from hinterland.clients.message import Response
from hinterland.load.drivers.http2.connection import Http2Connection
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.engine.lane import IDLE, Lane
from hinterland.load.engine.outgoing import Constant, Outgoing
from hinterland.load.plan.plan import Target


class Told:
    """A listener that notes what it was told. An operation ends once, or this says so."""

    def __init__(self) -> None:
        self.ends: dict[int, tuple[str, int, int]] = {}
        self.closes = 0

    def _note(self, operation: int, *how: Any) -> None:
        assert operation >= 0
        assert operation not in self.ends, f"operation {operation} ended twice"
        self.ends[operation] = how

    def answered(self, lane: Lane, status: int) -> None:
        operation, lane.operation = lane.operation, IDLE
        self._note(operation, "answered", status, 0)

    def failed(self, lane: Lane, status: int, error: int) -> None:
        operation, lane.operation = lane.operation, IDLE
        self._note(operation, "failed", status, error)

    def unanswered(self, lane: Lane, error: int) -> None:
        operation, lane.operation = lane.operation, IDLE
        self._note(operation, "unanswered", 0, error)

    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None:
        self._note(operation, "ended", status, error)

    def closed(self, lane: Lane) -> None:
        self.closes += 1


class Kept(Constant):
    """A constant request whose answers are read, and kept here."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(outgoing)
        self.answers: list[Response] = []

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        self.answers.append(response)
        return "" if response.status < 500 else "status"


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it, and stands for its socket, too."""

    family = socket.AF_INET

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else default

    def setsockopt(self, *_: int) -> None: ...

    def fileno(self) -> int:
        return -1

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True


class Shared:
    """What a connection is part of; it notes what is carried over."""

    def __init__(self) -> None:
        self.target = Target(url="", protocol="http2", host="example", port=80)
        self.carried: list[SharedLane] = []
        self.over = False
        self.bytes_received = 0

    def received(self, size: int) -> None:
        self.bytes_received += size

    def ended(self, connection: object) -> None:
        self.over = True

    def gone(self, connection: object) -> None: ...

    def carry_over(self, lanes: list[SharedLane]) -> None:
        self.carried += lanes
        for lane in lanes:
            lane.carried()


class Peer:
    """A connection with so many lanes, all idle, and the server that it talks to.

    `requests` holds the headers and body of each stream the server heard of, `events` all that `h2` said. Its
    own checks are on: what we may not send raises here.
    """

    def __init__(self, outgoing: Outgoing, lanes: int = 1, *, greet: bool = True) -> None:
        self.told, self.shared, self.wire = Told(), Shared(), Wire()
        self.outgoing = outgoing
        self.asked = Kept(outgoing)
        self.connection = Http2Connection(self.shared)  # type: ignore[arg-type]
        self.lanes = [
            SharedLane(number, self.shared, self.told, self.asked)  # type: ignore[arg-type]
            for number in range(lanes)
        ]
        configuration = h2.config.H2Configuration(client_side=False, validate_outbound_headers=False)
        self.server = h2.connection.H2Connection(configuration)
        self.requests: dict[int, tuple[dict[str, str], bytes]] = {}
        self.events: list[h2.events.Event] = []
        self.connection.connection_made(self.wire)
        self.server.initiate_connection()
        if greet:
            self.exchange()
        for lane in self.lanes:
            self.connection.lanes.add(lane)
            lane.joined(self.connection)

    def send(self, *numbers: int) -> None:
        """Sends a request on these lanes; operations are numbered as lanes are."""
        for number in numbers:
            self.lanes[number].operation = number
            self.lanes[number].send(self.outgoing)
        self.connection.flush()
        self.hear()

    def hear(self) -> None:
        """Lets the server read what was written."""
        data, self.wire.written = self.wire.written, b""
        for event in self.server.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.RequestReceived):
                headers = {bytes(n).decode(): bytes(v).decode("latin-1") for n, v in event.headers}
                self.requests[event.stream_id] = headers, b""
            elif isinstance(event, h2.events.DataReceived):
                headers, body = self.requests[event.stream_id]
                self.requests[event.stream_id] = headers, body + event.data

    def tell(self, pieces: list[bytes] | None = None) -> None:
        """Lets the connection read what the server has to send, or these pieces of it."""
        for piece in [self.server.data_to_send()] if pieces is None else pieces:
            if piece:
                self.connection.data_received(piece)

    def exchange(self) -> None:
        """Lets both read until neither has anything to say."""
        self.hear()
        self.tell()
        while self.wire.written:
            self.hear()
            self.tell()

    def lose(self) -> None:
        """The connection is lost."""
        self.connection.connection_lost(None)

    def heard(self, kind: type) -> list[Any]:
        """Returns the server's events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]
