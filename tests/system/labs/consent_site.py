"""Servers on this machine's own address, which a load may not reach unless they agree."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
from misbehaving import Handler


def own_address() -> str:
    """Returns an address of this machine that is not loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        try:
            asks.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(asks.getsockname()[0])


@contextlib.asynccontextmanager
async def serving(handler: Handler, address: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, address, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Site:
    """Answers every request with `page`; keeps what it was asked."""

    def __init__(self, page: str, status: str = "200 OK", extra: str = "") -> None:
        self.answer = (f"HTTP/1.1 {status}\r\nContent-Length: {len(page)}\r\n{extra}\r\n{page}").encode()
        self.asked: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
