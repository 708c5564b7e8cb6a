"""An audience: clients that follow one feed of events, each in one of four ways.

- short polling: ask on a schedule what is new; the answer comes at once, mostly empty.
- long polling: ask what is new; the answer waits for news; then ask again.
- event stream: ask once; the answer never ends (server-sent events).
- WebSocket: shake hands once; then each event is a frame.

A polling follower asks `PATH?after=N`, where N is how many events it has, and gets a JSON array of the
events since; the others get one event at a time. Bytes are counted as TCP payload, both ways.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, cast

import msgspec
import numpy as np

from hinterland.load.event_stream import EventTooLong
from hinterland.load.event_stream_answer import EventStreamAnswer
from hinterland.load.message import Request
from hinterland.load.reader import BadAnswer, ResponseReader
from hinterland.load.websocket_client import HandshakeFailure, WebSocketClient
from hinterland.load.websocket_frames import TEXT, NotWebSocket
from hinterland.model.history import UNFINISHED, LoadSample


class Follower(asyncio.Protocol):
    """One client of the feed: what it received and when, and what that took. Subclasses say how it asks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.received: list[tuple[int, Any]] = []
        """Each event, decoded from JSON, with the moment it arrived in ns of CLOCK_MONOTONIC."""
        self.requests = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.error = ""
        """Why it stopped following, if it did before it was closed."""
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._closing = False

    async def join(self, host: str, port: int) -> None:
        """Connects and returns once nothing published from now on can pass it by. Raises ConnectionError."""
        self._host, self._port = host, port
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        await self._ready.wait()
        if self.error:
            raise ConnectionError(f"{type(self).__name__} could not join {self.path}: {self.error}")

    async def has(self, events: int) -> None:
        """Returns when it has received so many events, or has stopped following."""
        while len(self.received) < events and not self.error:
            self._news.clear()
            await self._news.wait()

    def leave(self) -> None:
        self._closing = True
        self._transport.abort()

    # How it asks and reads.

    def start(self) -> None:
        """Sends what opens the subscription."""
        raise NotImplementedError

    def read(self, data: bytes) -> Sequence[Any]:
        """Returns the events that these bytes complete."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        self.bytes_sent += len(data)
        self._transport.write(data)

    def ask(self, path: str, headers: dict[str, str] | None = None) -> None:
        self.requests += 1
        self.write(Request("GET", path, headers or {}).encode(self._host, self._port))

    def stop(self, error: str) -> None:
        if not self._closing:
            self.error = self.error or error
            self._ready.set()
            self._news.set()
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes: a cast, no check.
        self._transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.start()

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        self.bytes_received += len(data)
        try:
            events = self.read(data)
        except HandshakeFailure as error:
            self.stop(f"handshake: {error}")
            return
        except (BadAnswer, EventTooLong, NotWebSocket, msgspec.DecodeError) as error:
            self.stop(f"bad answer: {error}")
            return
        self.received += [(now_ns, event) for event in events]
        if events:
            self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop("the server closed the connection")


class _Polling(Follower):
    """What both kinds of polling share: one request at a time on one connection."""

    def ask_for_news(self) -> None:
        self._reader = ResponseReader("GET")
        self.ask(f"{self.path}?after={len(self.received)}")

    def answer(self, data: bytes) -> list[Any] | None:
        """Returns the events of the answer that these bytes complete, None while it is not complete."""
        response = self._reader.feed(data)
        if response is None:
            return None
        if response.status != 200:
            raise BadAnswer(f"status {response.status}")
        return cast(list[Any], response.json())


class ShortPolling(_Polling):
    """Asks every `interval_s`, first after `phase_s`. A turn that finds the last unanswered is left out."""

    def __init__(self, path: str, *, interval_s: float, phase_s: float = 0.0) -> None:
        super().__init__(path)
        self._interval_s, self._phase_s = interval_s, phase_s
        self._waiting = False

    def start(self) -> None:
        self._ready.set()
        self._loop = asyncio.get_running_loop()
        self._due_s = self._loop.time() + self._phase_s
        self._loop.call_at(self._due_s, self._turn)

    def read(self, data: bytes) -> Sequence[Any]:
        events = self.answer(data)
        if events is None:
            return ()
        self._waiting = False
        return events

    def _turn(self) -> None:
        if self._closing or self.error:
            return
        self._due_s += self._interval_s
        self._loop.call_at(self._due_s, self._turn)
        if not self._waiting:
            self._waiting = True
            self.ask_for_news()


class LongPolling(_Polling):
    """Asks again as soon as it has an answer."""

    def start(self) -> None:
        self._ready.set()
        self.ask_for_news()

    def read(self, data: bytes) -> Sequence[Any]:
        events = self.answer(data)
        if events is None:
            return ()
        # The request names how many events this follower has, and these are not counted yet.
        asyncio.get_running_loop().call_soon(self._again)
        return events

    def _again(self) -> None:
        if not (self._closing or self.error):
            self.ask_for_news()


class EventStream(Follower):
    """Follows server-sent events. It has joined when the first bytes of the stream are there."""

    def start(self) -> None:
        self._answer = EventStreamAnswer()
        self.ask(self.path, {"Accept": "text/event-stream"})

    def read(self, data: bytes) -> Sequence[Any]:
        events = self._answer.feed(data)
        if self._answer.status not in (0, 200):
            raise BadAnswer(f"status {self._answer.status}")
        if self._answer.begun:
            self._ready.set()
        return [msgspec.json.decode(event.data) for event in events]


class WebSocketFeed(Follower):
    """Follows a WebSocket. It has joined when the handshake is done."""

    def start(self) -> None:
        self._client = WebSocketClient(self._host, self._port, self.path)
        self.requests += 1
        self.write(self._client.request)

    def read(self, data: bytes) -> Sequence[Any]:
        messages = self._client.feed(data)
        if self._client.replies:
            self.write(self._client.replies)
        if self._client.is_open:
            self._ready.set()
        return [msgspec.json.decode(message.payload) for message in messages if message.opcode == TEXT]


class Audience:
    """Followers of one feed. `async with` connects them all and lets them go at the end."""

    def __init__(self, followers: Sequence[Follower], host: str, port: int) -> None:
        self.followers = followers
        self._host, self._port = host, port

    async def __aenter__(self) -> Audience:
        await asyncio.gather(*(follower.join(self._host, self._port) for follower in self.followers))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for follower in self.followers:
            follower.leave()

    async def listen(self, duration_s: float, *, events: int, patience_s: float) -> bool:
        """Listens for `duration_s`, then up to `patience_s` more until everyone has `events` events.

        Returns whether everyone had them in the end.
        """
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        try:
            async with asyncio.timeout_at(start_s + duration_s + patience_s):
                await asyncio.gather(*(follower.has(events) for follower in self.followers))
                await asyncio.sleep(start_s + duration_s - loop.time())
        except TimeoutError:
            return False
        return not any(follower.error for follower in self.followers)

    def sample(self, published_ns: Mapping[int, int]) -> LoadSample:
        """Returns one operation for each event and follower: due and sent when it was published, done when
        it arrived.

        `published_ns` gives the moment of each event by the `id` that it carries. `connection` is the
        follower's place.
        """
        rows = []
        for place, follower in enumerate(self.followers):
            arrived_ns: dict[int, int] = {}
            for t_ns, event in follower.received:
                arrived_ns.setdefault(event["id"], t_ns)
            rows += [(t_ns, arrived_ns.get(event, UNFINISHED), place) for event, t_ns in published_ns.items()]
        columns = np.array(sorted(rows), dtype=np.int64).reshape(-1, 3).T
        published, arrived, places = (np.ascontiguousarray(column) for column in columns)
        return LoadSample(
            intended_ns=published,
            sent_ns=published.copy(),
            done_ns=arrived,
            status=np.zeros(len(rows), np.int16),
            error=(arrived == UNFINISHED).astype(np.int8),
            connection=places.astype(np.int32),
            start_ns=int(published[0]) if rows else 0,
            end_ns=int(max(published.max(initial=0), arrived.max(initial=0))),
            loop="open",
            errors=("", "not received"),
        )
