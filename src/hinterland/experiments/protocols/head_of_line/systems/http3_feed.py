"""Twenty feeds over HTTP/3: each answer is a QUIC stream of its own, and a lost packet stops only its own.

    python http3_feed.py serve 127.0.0.1 8080
    python http3_feed.py follow 127.0.0.1 8080               # press Enter twice, then Ctrl-D to end
    python http3_feed.py follow 127.0.0.1 8080 --parts 1     # all feeds in one answer: one stream

QUIC and HTTP/3 are aioquic's. Its congestion control is replaced by a window that stays open, because it
halves its window at every loss, from wherever that stands: then messages would wait at the sender for a
reason that is none of this experiment's.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Iterable
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.congestion.base import QuicCongestionControl, register_congestion_control
from aioquic.quic.events import QuicEvent
from aioquic.quic.packet_builder import QuicSentPacket
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from messages import Newsroom, Notebook, follow, options  # type: ignore[import-not-found]


class OpenWindow(QuicCongestionControl):
    """A congestion window of 1 MiB that no loss closes."""

    def __init__(self, *, max_datagram_size: int) -> None:
        super().__init__(max_datagram_size=max_datagram_size)
        self.congestion_window = 1 << 20

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        self.bytes_in_flight += packet.sent_bytes

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        self.bytes_in_flight -= packet.sent_bytes

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        self.bytes_in_flight -= sum(packet.sent_bytes for packet in packets)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        self.on_packets_expired(packets=packets)

    def on_persistent_congestion(self) -> None: ...

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None: ...


class Endpoint(QuicConnectionProtocol):
    """What both ends do: QUIC's events into HTTP/3's.

    The HTTP/3 side is made with the connection. Made at the first request, it would miss the peer's control
    streams, which come before.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.http = H3Connection(self._quic)

    def quic_event_received(self, event: QuicEvent) -> None:
        for happened in self.http.handle_event(event):
            if isinstance(happened, HeadersReceived):
                self.headers(happened.stream_id, dict(happened.headers))
            elif isinstance(happened, DataReceived):
                self.data(happened.stream_id, happened.data)

    def headers(self, stream: int, headers: dict[bytes, bytes]) -> None:
        raise NotImplementedError

    def data(self, stream: int, data: bytes) -> None: ...


class Server(Endpoint):
    newsroom: Newsroom

    def headers(self, stream: int, headers: dict[bytes, bytes]) -> None:
        path = headers[b":path"].decode()
        if path == "/begin":
            self.http.send_headers(stream, [(b":status", b"204")], end_stream=True)
            self.newsroom.begin()
        else:
            self.http.send_headers(stream, [(b":status", b"200")])
            self.newsroom.subscribe(path, lambda message: self._frame(stream, message))
        self.transmit()

    def _frame(self, stream: int, message: bytes) -> None:
        self.http.send_data(stream, message, end_stream=False)
        self.transmit()


class Client(Endpoint):
    notebook: Notebook

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._answers: set[int] = set()
        self._changed = asyncio.Event()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self.notebook.arrive()
        super().datagram_received(data, addr)

    def headers(self, stream: int, headers: dict[bytes, bytes]) -> None:
        self._answers.add(stream)
        self._changed.set()

    def data(self, stream: int, data: bytes) -> None:
        self.notebook.read(stream, data)

    def ask(self, path: str) -> None:
        stream = self._quic.get_next_available_stream_id()
        head = {"method": "GET", "scheme": "https", "authority": "feeds", "path": path}
        lines = [(f":{name}".encode(), value.encode()) for name, value in head.items()]
        self.http.send_headers(stream, lines, end_stream=True)
        self.transmit()

    async def answered(self, count: int) -> None:
        while len(self._answers) < count:
            self._changed.clear()
            await self._changed.wait()

    async def begin(self) -> None:
        self.ask("/begin")


def certified() -> QuicConfiguration:
    """Returns a server's configuration with a certificate that it has just signed itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "feeds")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    found = QuicConfiguration(
        is_client=False, alpn_protocols=H3_ALPN, congestion_control_algorithm="open_window"
    )
    found.certificate, found.private_key = certificate, key
    return found


async def main() -> None:
    given = options("Twenty feeds over HTTP/3")
    register_congestion_control("open_window", OpenWindow)
    if given.role == "serve":
        Server.newsroom = Newsroom(given.count, given.rate)
        await serve(given.address, given.port, configuration=certified(), create_protocol=Server)
        print("listening", flush=True)
        await asyncio.Event().wait()
    Client.notebook = Notebook(given.count)
    trusting = QuicConfiguration(alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name="feeds")
    async with connect(
        given.address, given.port, configuration=trusting, create_protocol=Client
    ) as connection:
        assert isinstance(connection, Client)
        for part in range(given.parts):
            connection.ask(f"/feed/{part}-of-{given.parts}")
        await connection.answered(given.parts)
        await follow(Client.notebook, given.out, connection.begin)


asyncio.run(main())
