"""One HTTP/3 connection of a load. QUIC and HTTP/3 are aioquic's: complete, honest, and far from fast."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, H3Event, Headers, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StreamReset
from aioquic.quic.packet import QuicErrorCode

from hinterland.clients.dial import SocketMaker
from hinterland.clients.message import with_trailers
from hinterland.load.drivers.http2.frame_encoding import headers
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, REFUSED, RESET, TIMEOUT

if TYPE_CHECKING:
    from hinterland.load.drivers.transport.shared_connection import SharedConnection

NO_ERROR, REQUEST_CANCELLED = 0x100, 0x10C
"""Codes of HTTP/3 (RFC 9114, section 8.1)."""
_CRYPTO_ERROR = 0x100
"""From here on, 256 codes of QUIC are alerts of TLS (RFC 9001, section 4.8)."""
_ALERTS = {
    40: "no shared cipher, or another refusal",
    42: "bad certificate",
    45: "certificate expired",
    48: "unknown CA",
    70: "no shared protocol version",
    116: "the server wants a certificate of the client",
    120: "no shared protocol: the server does not offer h3",
}

_REASONS = {
    "not valid yet": "certificate not valid yet",
    "hostname": "wrong host name",
    "issuer certificate": "unknown CA",
    "self-signed": "unknown CA (the certificate signed itself)",
    "self signed": "unknown CA (the certificate signed itself)",
}


class Http3Connection(QuicConnectionProtocol):
    """A connection whose lanes have a stream each (`shared_connection.MultiplexedConnection`)."""

    def __init__(self, shared: SharedConnection, configuration: QuicConfiguration) -> None:
        super().__init__(QuicConnection(configuration=configuration))
        self.greeted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.draining = False
        self.lanes: set[SharedLane] = set()
        self._shared = shared
        # Made at the first request, it would miss the streams that the server begins at once.
        self._http = H3Connection(self._quic)
        self._streams: dict[int, SharedLane] = {}

    async def dial(self, new_socket: SocketMaker | None, tls: ssl.SSLContext | None) -> None:
        """Begins the handshake. Raises OSError where there is no such host."""
        target, loop = self._shared.target, asyncio.get_running_loop()
        found = await loop.getaddrinfo(*target.dialled, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        raw = _datagram_socket(family, new_socket)
        try:
            raw.setblocking(False)
            # A connected socket hears when the host says that nobody listens.
            raw.connect(address)
            await loop.create_datagram_endpoint(lambda: self, sock=raw)
        except BaseException:
            raw.close()
            raise
        self.connect(address)

    # What lanes ask for.

    def send(self, lane: SharedLane, outgoing: Outgoing) -> None:
        """Hands the request to QUIC, which sends it in this turn of the loop."""
        stream = self._quic.get_next_available_stream_id()
        self._streams[stream] = lane
        lane.begin(stream)
        self._http.send_headers(stream, self._headers(outgoing), end_stream=not outgoing.body)
        if outgoing.body:
            self._http.send_data(stream, outgoing.body, end_stream=True)
        self._transmit_soon()

    def cancel(self, lane: SharedLane) -> bool:
        """Gives up the stream of a lane; returns whether the lane may go on here."""
        if self._streams.pop(lane.stream, None) is not None:
            self._give_up(lane.stream)
        return not self.draining

    def abort(self) -> None:
        """Says good-bye, and closes the connection without waiting for anything."""
        if self._transport is None:
            return
        self._quic.close(error_code=NO_ERROR)
        self.transmit()
        if self._timer is not None:
            self._timer.cancel()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def over(self, error: int) -> None:
        """Ends every operation under way, and the connection, because of `error`."""
        self.draining = True
        self.abort()
        if not self.greeted.done():
            self.greeted.set_result(error)
        self._streams.clear()
        self._shared.ended(self)
        lanes, self.lanes = self.lanes, set()
        for lane in sorted(lanes, key=lambda lane: lane.number):
            lane.leave(error)

    def _headers(self, outgoing: Outgoing) -> Headers:
        if not isinstance(outgoing.built, list):
            pairs = headers(outgoing, self._shared.target)
            outgoing.built = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
        return outgoing.built

    def _give_up(self, stream: int) -> None:
        self._quic.reset_stream(stream, REQUEST_CANCELLED)
        self._quic.stop_stream(stream, REQUEST_CANCELLED)
        self._transmit_soon()

    # What the event loop and QUIC call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(ConnectedTransport(cast(asyncio.DatagramTransport, transport)))

    def transmit(self) -> None:
        """Sends what is to be sent, unless the connection is closed."""
        if self._transport is not None:
            super().transmit()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        if self._transport is not None:
            self._shared.received(len(data))
            super().datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self.over(REFUSED if isinstance(exc, ConnectionRefusedError) else RESET)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over(CLOSED)
        self._shared.gone(self)

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            self.over(_code_of(event))
        elif isinstance(event, HandshakeCompleted) and not self.greeted.done():
            self.greeted.set_result(0)
        elif isinstance(event, StreamReset):
            self._fail(event.stream_id, because(RESET, f"RESET_STREAM {_name_of(event.error_code)}"))
        for happened in self._http.handle_event(event):
            self._happened(happened)

    def _happened(self, event: H3Event) -> None:
        if not isinstance(event, HeadersReceived | DataReceived):
            return
        number = event.stream_id
        lane = self._streams.get(number)
        if lane is None:
            return
        if isinstance(event, HeadersReceived):
            self._read_headers(number, lane, event.headers)
        else:
            lane.received += len(event.data)
            if lane.outgoing is not None and lane.outgoing.reads and (error := lane.keep(event.data)):
                self._fail(number, error)
        if event.stream_ended and number in self._streams:
            del self._streams[number]
            if lane.status:
                lane.answered()
            else:
                lane.failed(because(PROTOCOL, "a stream that ended before its head"))

    def _read_headers(self, number: int, lane: SharedLane, pairs: Headers) -> None:
        fields: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        if lane.status:
            if lane.outgoing is not None and lane.outgoing.reads:
                lane.fields = with_trailers(lane.fields, fields)
            return
        status, length = fields.pop(":status", ""), fields.get("content-length", "")
        if not (len(status) == 3 and status.isdigit() and (not length or length.isdigit())):
            self._fail(number, because(PROTOCOL, "a head without a good status and length"))
        elif int(status) >= 200:
            lane.status, lane.length = int(status), int(length) if length else -1
            if lane.outgoing is not None and lane.outgoing.reads:
                lane.fields = fields

    def _fail(self, number: int, error: int) -> None:
        lane = self._streams.pop(number, None)
        if lane is not None:
            if error != RESET:
                self._give_up(number)
            lane.failed(error)


class ConnectedTransport(asyncio.DatagramTransport):
    """A transport over a connected socket, for whoever says with each datagram where to.

    The kernel takes no address then, and uvloop hands one on.
    """

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        super().__init__()
        self._transport = transport

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        self._transport.sendto(data)

    def close(self) -> None:
        self._transport.close()


def _datagram_socket(family: int, new_socket: SocketMaker | None) -> socket.socket:
    if new_socket is None:
        return socket.socket(family, socket.SOCK_DGRAM)
    offered = new_socket()
    if offered.type == socket.SOCK_DGRAM:
        return offered
    # Makers give sockets for TCP; what counts is the source address that one is bound to.
    with offered:
        source = offered.getsockname()[0]
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((source, 0))
    return made


def _code_of(event: ConnectionTerminated) -> int:
    """Returns why a connection ended: QUIC's own codes come with the type of a frame, HTTP/3's do not."""
    says = event.reason_phrase
    if event.frame_type is None:
        good = event.error_code in (0, NO_ERROR)
        named = "" if good and not says else f"CONNECTION_CLOSE {_name_of(event.error_code)}"
        return because(CLOSED if good else PROTOCOL, f"{named}: {says}" if says else named)
    alert = event.error_code - _CRYPTO_ERROR
    if 0 <= alert < 256:
        return code_of(f"tls: {_why(alert, says)}")
    if says == "Idle timeout":
        return TIMEOUT
    if event.error_code == 0:
        return because(CLOSED, says)
    named = next((each.name for each in QuicErrorCode if each == event.error_code), f"{event.error_code:#x}")
    return because(PROTOCOL, f"CONNECTION_CLOSE {named}{f': {says}' if says else ''}")


def _name_of(code: int) -> str:
    """Returns the name of an error code of HTTP/3."""
    return next((each.name for each in ErrorCode if each == code), f"error {code:#x}")


def _why(alert: int, reason: str) -> str:
    """Returns why a handshake failed: for most certificates aioquic sends one alert, and says more."""
    for part, words in _REASONS.items():
        if part in reason:
            return words
    return _ALERTS.get(alert) or reason or f"alert {alert}"
