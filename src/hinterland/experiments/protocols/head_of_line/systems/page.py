"""Loads a page of many objects the way a browser does: HTTP/1.1 on six connections, HTTP/2 or HTTP/3 on one.

    python page.py http2 127.0.0.1 8443 --objects 50     # press Enter twice, then Ctrl-D to end

The objects are /0, /1 and so on. The connections are made first and do not count: what is timed begins with
the first request. Certificates are not checked, because the server signs its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived as H3Data
from aioquic.h3.events import H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded

WINDOW_BYTES = 1 << 24
SIX = 6


class Page:
    """The objects of a page: when each was complete (ns), its status, and how many bytes it had."""

    def __init__(self, count: int) -> None:
        self.paths = [f"/{number}" for number in range(count)]
        self.done_ns = [-1] * count
        self.status = [0] * count
        self.size_bytes = [0] * count
        self.asked_ns = 0
        self._complete = asyncio.Event()

    def finish(self, number: int) -> None:
        self.done_ns[number] = time.monotonic_ns()
        if -1 not in self.done_ns:
            self._complete.set()

    async def complete(self) -> None:
        await self._complete.wait()


class Six:
    """Six connections of HTTP/1.1; each asks for the next object when it has the one before."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._left = iter(range(len(page.paths)))
        self._lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self, address: str, port: int) -> None:
        opening = [asyncio.open_connection(address, port, ssl=trusting("http/1.1")) for _ in range(SIX)]
        self._lines = await asyncio.gather(*opening)

    async def load(self) -> None:
        await asyncio.gather(*(self._one_after_the_other(*line) for line in self._lines))

    async def _one_after_the_other(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in self._left:
            writer.write(f"GET {self._page.paths[number]} HTTP/1.1\r\nHost: page\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            self._page.status[number] = int(head.split()[1])
            size_bytes = int(head.partition(b"\r\ncontent-length:")[2].split()[0])
            self._page.size_bytes[number] = len(await reader.readexactly(size_bytes))
            self._page.finish(number)


class Http2(asyncio.Protocol):
    """One connection of HTTP/2, on which all objects are asked for at once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._numbers: dict[int, int] = {}

    async def connect(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, address, port, ssl=trusting("h2"))
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW_BYTES)
        self._flush()

    async def load(self) -> None:
        for number, path in enumerate(self._page.paths):
            stream = self._h2.get_next_available_stream_id()
            self._numbers[stream] = number
            head = [(":method", "GET"), (":scheme", "https"), (":authority", "page"), (":path", path)]
            self._h2.send_headers(stream, head, end_stream=True)
        self._flush()
        await self._page.complete()

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, ResponseReceived):
                self._page.status[self._numbers[event.stream_id]] = int(dict(event.headers)[b":status"])
            elif isinstance(event, DataReceived):
                self._page.size_bytes[self._numbers[event.stream_id]] += len(event.data)
            elif isinstance(event, StreamEnded):
                self._page.finish(self._numbers[event.stream_id])
        self._flush()

    def _flush(self) -> None:
        self._transport.write(self._h2.data_to_send())


class Http3Line(QuicConnectionProtocol):
    """One QUIC connection; the HTTP/3 side is made with it, so that no early stream is missed."""

    page: Page

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._http = H3Connection(self._quic)
        self._numbers: dict[int, int] = {}

    def ask(self, number: int, path: str) -> None:
        stream = self._quic.get_next_available_stream_id()
        self._numbers[stream] = number
        head = {"method": "GET", "scheme": "https", "authority": "page", "path": path}
        lines = [(f":{name}".encode(), value.encode()) for name, value in head.items()]
        self._http.send_headers(stream, lines, end_stream=True)

    def quic_event_received(self, event: QuicEvent) -> None:
        for happened in self._http.handle_event(event):
            self._happened(happened)

    def _happened(self, event: H3Event) -> None:
        if not isinstance(event, HeadersReceived | H3Data):
            return
        number = self._numbers[event.stream_id]
        if isinstance(event, HeadersReceived):
            self.page.status[number] = int(dict(event.headers)[b":status"])
        else:
            self.page.size_bytes[number] += len(event.data)
        if event.stream_ended:
            self.page.finish(number)


class Http3:
    """One connection of HTTP/3, on which all objects are asked for at once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        Http3Line.page = page

    async def connect(self, address: str, port: int) -> None:
        configuration = QuicConfiguration(
            alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name="page",
            max_data=WINDOW_BYTES, max_stream_data=WINDOW_BYTES,
        )  # fmt: skip
        self._opened = connect(address, port, configuration=configuration, create_protocol=Http3Line)
        self._line = await self._opened.__aenter__()

    async def load(self) -> None:
        assert isinstance(self._line, Http3Line)
        for number, path in enumerate(self._page.paths):
            self._line.ask(number, path)
        self._line.transmit()
        await self._page.complete()


def trusting(protocol: str) -> ssl.SSLContext:
    """Returns a TLS context that offers one protocol and takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


BROWSERS: dict[str, type[Six] | type[Http2] | type[Http3]] = {"http1": Six, "http2": Http2, "http3": Http3}


async def main() -> None:
    parser = argparse.ArgumentParser(description="Loads a page of many objects")
    parser.add_argument("protocol", choices=list(BROWSERS))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--patience-s", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("received.json"))
    given = parser.parse_args()
    page = Page(given.objects)
    browser = BROWSERS[given.protocol](page)
    print("ready: press Enter to connect", flush=True)
    sys.stdin.readline()
    await browser.connect(given.address, given.port)
    print("connected: press Enter to load", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    page.asked_ns = time.monotonic_ns()
    try:
        async with asyncio.timeout(given.patience_s):
            await browser.load()
    except TimeoutError:
        print("some objects did not come", flush=True)
    named = ("asked_ns", "done_ns", "status", "size_bytes")
    given.out.write_text(json.dumps({name: getattr(page, name) for name in named}))
    print("done", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
