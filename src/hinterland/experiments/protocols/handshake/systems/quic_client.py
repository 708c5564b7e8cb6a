"""Opens QUIC connections, asks by HTTP/3, and says when the first byte of each answer came.

    python quic_client.py 127.0.0.1 8443 --start early --certificate own.crt

start: `first` (client and server have never met), `resumed` (with a ticket of an earlier connection) or
`early` (the request travels in the first packet, 0-RTT).

It meets the server once for each connection that will be timed: code is warm then, and tickets are there. The
timed connections begin on a schedule, one every --every-ms. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent
from aioquic.tls import SessionTicket

PATIENCE_S = 10


class Asking(QuicConnectionProtocol):
    """A connection that asks for one answer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The server opens streams of its own at once; who is not there yet misses them, and waits for ever.
        self._http = H3Connection(self._quic)
        self.port = 0
        self.first_ns = 0
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.port = transport.get_extra_info("sockname")[1]

    def ask(self, name: str) -> None:
        stream = self._quic.get_next_available_stream_id()
        words = {":method": "GET", ":scheme": "https", ":authority": name, ":path": "/"}
        headers = [(key.encode(), value.encode()) for key, value in words.items()]
        self._http.send_headers(stream, headers, end_stream=True)
        self.transmit()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated) and not self.answered.done():
            self.answered.set_exception(ConnectionError(event.reason_phrase or "the connection was closed"))
            return
        for found in self._http.handle_event(event):
            if isinstance(found, HeadersReceived | DataReceived):
                self.first_ns = self.first_ns or time.monotonic_ns()
                if found.stream_ended and not self.answered.done():
                    self.answered.set_result(None)


class Client:
    def __init__(self, options: argparse.Namespace) -> None:
        self.address, self.port, self.name = options.address, options.port, options.name
        self.start = options.start
        # Read once: the file of trusted certificates would otherwise be read again in each handshake.
        with open(options.certificate, "rb") as file:
            self.trusted = file.read()

    async def meet(self) -> SessionTicket:
        """A first meeting: returns the ticket that it brought."""
        brought: asyncio.Future[SessionTicket] = asyncio.get_running_loop().create_future()

        def keep(ticket: SessionTicket) -> None:
            if not brought.done():
                brought.set_result(ticket)

        async with self.connection(None, keep) as connection:
            connection.ask(self.name)
            await asyncio.wait_for(connection.answered, PATIENCE_S)
            return await asyncio.wait_for(brought, PATIENCE_S)

    async def open(self, due: float, ticket: SessionTicket) -> dict[str, object]:
        """Opens a connection at its moment, asks, and returns what came of it."""
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        started_ns = time.monotonic_ns()
        async with self.connection(None if self.start == "first" else ticket) as connection:
            if self.start != "early":
                connection.transmit()
                await connection.wait_connected()
            connection.ask(self.name)
            await asyncio.wait_for(connection.answered, PATIENCE_S)
            tls = connection._quic.tls
            seen = ["QUIC"]
            if tls.session_resumed:
                seen.append("resumed")
            if self.start == "early" and tls.early_data_accepted:
                seen.append("early")
            return {
                "started_ns": started_ns,
                "done_ns": connection.first_ns,
                "seen": " ".join(seen),
                "port": connection.port,
            }

    @asynccontextmanager
    async def connection(self, ticket: SessionTicket | None, keep: Any = None) -> AsyncIterator[Asking]:
        """Holds a connection that has not sent anything yet."""
        configuration = QuicConfiguration(
            alpn_protocols=H3_ALPN,
            cadata=self.trusted,
            server_name=self.name,
            session_ticket=ticket,
            verify_mode=ssl.CERT_REQUIRED,
        )
        quic = QuicConnection(configuration=configuration, session_ticket_handler=keep)
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_datagram_endpoint(
            lambda: Asking(quic), local_addr=("0.0.0.0", 0)
        )
        try:
            connection.connect((self.address, self.port), transmit=False)
            yield connection
        finally:
            # The last packet says good-bye; nobody waits here until it can no longer be lost.
            connection.close()
            transport.close()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--start", choices=("first", "resumed", "early"), default="first")
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--name", default="localhost")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--every-ms", type=float, default=30)
    parser.add_argument("--wait", action="store_true", help="wait for a line on standard input, twice")
    options = parser.parse_args()
    client = Client(options)
    wait("ready", options)
    tickets = await asyncio.gather(*(client.meet() for _ in range(options.count)))
    wait("met", options)
    begin = asyncio.get_running_loop().time() + 0.005
    timed = (
        client.open(begin + number * options.every_ms / 1000, ticket) for number, ticket in enumerate(tickets)
    )
    print(json.dumps(await asyncio.gather(*timed)), flush=True)


def wait(word: str, options: argparse.Namespace) -> None:
    """Says how far it is, and with --wait goes on when it is told to."""
    print(word, flush=True)
    if options.wait:
        sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(main())
