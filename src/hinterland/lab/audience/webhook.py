"""A follower whom the server calls: a small HTTP endpoint of its own, to which each event is POSTed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Any, cast

import httptools
import msgspec

from hinterland.clients.message import Request
from hinterland.clients.reader import BadAnswer, ResponseReader
from hinterland.lab.audience.followers import Follower

TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
NOT_UNDERSTOOD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ENDPOINT_HOST = "127.0.0.1"


class Webhook(Follower):
    """Leaves `{"url": ...}` at the feed with a POST, and from then on takes what is POSTed to that address.

    It has joined when the feed has answered with a status of 2xx; that connection is closed then. `reachable`
    False: nobody listens at the address, as behind a router that lets nobody in.
    """

    def __init__(self, path: str, *, reachable: bool = True) -> None:
        super().__init__(path)
        self._reachable = reachable
        self._door = socket.socket()
        self._server: asyncio.Server | None = None
        self._callers: set[_Caller] = set()

    async def join(self, host: str, port: int) -> None:
        """Opens its endpoint and subscribes. Raises ConnectionError."""
        # In both cases the port is its own: nobody else's endpoint gets what was meant for it.
        self._door.bind((ENDPOINT_HOST, 0))
        if self._reachable:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Caller(self), sock=self._door)
        await super().join(host, port)

    def leave(self) -> None:
        super().leave()
        if self._server is not None:
            self._server.close()
        self._door.close()
        for caller in tuple(self._callers):
            caller.hang_up()

    def start(self) -> None:
        self._reader = ResponseReader("POST")
        url = f"http://{ENDPOINT_HOST}:{self._door.getsockname()[1]}/news"
        self.requests += 1
        subscription = Request(
            "POST", self.path, {"Content-Type": "application/json"}, msgspec.json.encode({"url": url})
        )
        self.write(subscription.encode(self._host, self._port))

    def read(self, data: bytes) -> Sequence[Any]:
        answer = self._reader.feed(data)
        if answer is not None:
            if not 200 <= answer.status < 300:
                raise BadAnswer(f"status {answer.status}")
            self._ready.set()
            self._hang_up()
        return ()

    def connection_lost(self, exc: Exception | None) -> None:
        # That the subscribing connection ends is as it should be once it has joined.
        if not self._ready.is_set():
            super().connection_lost(exc)

    # What its endpoint reports.

    def called(self, caller: _Caller) -> None:
        self.connections += 1
        self._callers.add(caller)

    def hung_up(self, caller: _Caller) -> None:
        self._callers.discard(caller)


class _Caller(asyncio.Protocol):
    """One connection to the endpoint: reads requests, and answers each."""

    def __init__(self, owner: Webhook) -> None:
        self._owner = owner
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._answers = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes: a cast, no check.
        self._transport = cast(asyncio.Transport, transport)
        self._owner.called(self)

    def data_received(self, data: bytes) -> None:
        self._now_ns = time.monotonic_ns()
        self._owner.bytes_received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # It need not be the feed who calls: whoever calls wrongly is told so, and changes nothing.
            self._answers += NOT_UNDERSTOOD
        answers, self._answers = self._answers, b""
        self._owner.bytes_sent += len(answers)
        if answers:
            self._transport.write(answers)
        if answers.endswith(NOT_UNDERSTOOD):
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.hung_up(self)

    def hang_up(self) -> None:
        self._transport.abort()

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._body.clear()

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        self._owner.requests += 1
        try:
            event = msgspec.json.decode(b"".join(self._body))
        except msgspec.DecodeError:
            self._answers += NOT_UNDERSTOOD
            return
        self._answers += TAKEN
        self._owner.take([event], self._now_ns)
