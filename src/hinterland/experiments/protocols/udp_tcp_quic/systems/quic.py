"""Chunks over QUIC, in two ways: as bytes of one stream, or as datagrams that are sent once (RFC 9221).

    python quic.py receive 127.0.0.1 9000
    python quic.py send 127.0.0.1 9000 --kind datagram      # Enter to connect, Enter to send, Ctrl-D to end

Both travel in the same encrypted connection of aioquic. What comes in a stream is acknowledged, repaired and
put in order; a datagram is acknowledged, too, but nobody sends it again.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import DatagramFrameReceived, QuicEvent, StreamDataReceived
from chunks import END, Ledger, options, paced, stay, told, write  # type: ignore[import-not-found]
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

LARGEST_FRAME_BYTES = 65_536
COMMON: dict[str, Any] = {"alpn_protocols": ["chunks"], "max_datagram_frame_size": LARGEST_FRAME_BYTES}


class Receiver(QuicConnectionProtocol):
    ledger: Ledger

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self.ledger.read(event.data)
        elif isinstance(event, DatagramFrameReceived):
            self.ledger.take(event.data)


class Sender(QuicConnectionProtocol):
    def send_in_stream(self, data: bytes) -> None:
        self._quic.send_stream_data(self.stream, data)
        self.transmit()

    def send_datagram(self, data: bytes) -> None:
        self._quic.send_datagram_frame(data)
        self.transmit()

    def open_stream(self) -> None:
        self.stream = self._quic.get_next_available_stream_id(is_unidirectional=True)


def certified() -> QuicConfiguration:
    """Returns a server's configuration with a certificate that it has just signed itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chunks")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    found = QuicConfiguration(is_client=False, **COMMON)
    found.certificate, found.private_key = certificate, key
    return found


async def receive(address: str, port: int, ledger: Ledger, whole: bool) -> None:
    Receiver.ledger = ledger
    await serve(address, port, configuration=certified(), create_protocol=Receiver)
    print("listening", flush=True)
    await ledger.complete(whole)


async def main() -> None:
    given = options("Chunks over QUIC", ["stream", "datagram"])
    if given.role == "receive":
        ledger = Ledger(given.count, given.quiet_s)
        await receive(given.address, given.port, ledger, whole=given.kind == "stream")
        write({"rows": ledger.rows}, given.out)
        return
    trusting = QuicConfiguration(verify_mode=ssl.CERT_NONE, server_name="chunks", **COMMON)
    await told("ready: press Enter to connect")
    opened = connect(given.address, given.port, configuration=trusting, create_protocol=Sender)
    async with opened as line:
        assert isinstance(line, Sender)
        line.open_stream()
        put = line.send_in_stream if given.kind == "stream" else line.send_datagram

        async def send(data: bytes) -> None:
            put(data)

        write(await paced(given.count, given.rate, send), given.out)
        await stay(None if given.kind == "stream" else lambda: line.send_datagram(END))


asyncio.run(main())
