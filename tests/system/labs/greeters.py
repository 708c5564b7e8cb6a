"""Small servers that speak just enough of a protocol to let a load begin, and misbehave then."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from misbehaving import Handler, accepts_and_resets

from hinterland.load.drivers.postgresql.messages import message

READY = message(b"Z", b"I")


async def no_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """TCP has none."""


async def redis_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"PING\r\n")
    writer.write(b"+PONG\r\n")


async def postgresql_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    await reader.readexactly(length - 4)
    writer.write(message(b"R", struct.pack("!i", 0)) + message(b"S", b"a\0b\0") + READY)


async def websocket_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
    assert found
    digest = hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


class Spoken(NamedTuple):
    """A protocol as a server speaks it: its greeting, a good answer to the request, and the request.

    endless: what an answer without an end begins with, and what it goes on with. garbage: what no answer is.
    """

    greeting: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    request: bytes
    answer: bytes
    garbage: bytes
    endless: tuple[bytes, bytes]


SPOKEN = {
    "tcp": Spoken(no_greeting, b"hello", b"hello", b"HELLO", (b"", b"")),
    "redis": Spoken(
        redis_greeting,
        b"GET a",
        b"$5\r\nhello\r\n",
        b"220 mail.example\r\n",
        (b"$99999999999\r\n", b"x" * 65536),
    ),
    "postgresql": Spoken(
        postgresql_greeting,
        b"select 'hello'",
        message(b"T", b"\0\0") + message(b"D", b"\0\1\0\0\0\5hello") + message(b"C", b"SELECT 1\0") + READY,
        b"220 mail.example\r\n",
        (b"", message(b"D", b"\0\1\0\0\x80\0" + b"x" * 32768)),
    ),
    "websocket": Spoken(
        websocket_greeting,
        b"hello",
        b"\x81\x05hello",
        b"220 mail.example\r\n",
        (b"\x02\x00", b"\x00\x7e\xff\xff" + b"x" * 65535),
    ),
}


def after_greeting(spoken: Spoken, then: Handler, *, good: int = 0) -> Handler:
    """Greets, answers `good` requests well, and goes on with `then`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await spoken.greeting(reader, writer)
            for _ in range(good):
                if not await reader.read(65536):
                    return
                writer.write(spoken.answer)
            await then(reader, writer)
        except asyncio.IncompleteReadError:
            pass

    return handle


async def stays_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)


def writes(data: bytes) -> Handler:
    """Answers each request so."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(data)

    return handle


def half_an_answer_and_reset(spoken: Spoken) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(spoken.answer[: len(spoken.answer) // 2])
        await writer.drain()
        await accepts_and_resets(reader, writer)

    return handle


def half_an_answer_and_close(spoken: Spoken) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(spoken.answer[: len(spoken.answer) // 2])

    return handle


def answers_without_end(spoken: Spoken) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        begin, more = spoken.endless
        writer.write(begin)
        while more:
            writer.write(more)
            await writer.drain()

    return handle


def drips(spoken: Spoken) -> Handler:
    """Answers correctly, a byte at a time, each in a packet of its own."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            for byte in spoken.answer:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)

    return handle
