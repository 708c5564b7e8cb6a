"""A small HTTP/3 server on aioquic: every request gets one short answer.

    python quic_server.py 8443 --address 127.0.0.1 --certificate own.crt --key own.key

It hands out tickets with which a later client may send its request in the first packet.
"""

from __future__ import annotations

import argparse
import asyncio

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent
from aioquic.tls import SessionTicket


class Tickets:
    """Tickets that were handed out. Each is good for one connection."""

    def __init__(self) -> None:
        self._kept: dict[bytes, SessionTicket] = {}

    def keep(self, ticket: SessionTicket) -> None:
        self._kept[ticket.ticket] = ticket

    def take(self, label: bytes) -> SessionTicket | None:
        return self._kept.pop(label, None)


class Answers(QuicConnectionProtocol):
    _http: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        if self._http is None:
            return
        for found in self._http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self._answer(self._http, found.stream_id)

    def _answer(self, http: H3Connection, stream: int) -> None:
        http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"text/plain")])
        http.send_data(stream, b"hello\n", end_stream=True)
        self.transmit()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(options.certificate, options.key)
    tickets = Tickets()
    await serve(
        options.address,
        options.port,
        configuration=configuration,
        create_protocol=Answers,
        session_ticket_fetcher=tickets.take,
        session_ticket_handler=tickets.keep,
    )
    print("listening", flush=True)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
