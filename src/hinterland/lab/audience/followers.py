"""An audience: clients that follow one feed of events, each in a way of its own.

- short polling: ask on a schedule what is new; the answer comes at once, mostly empty.
- long polling: ask what is new; the answer waits for news; then ask again.
- event stream: ask once; the answer never ends (server-sent events).
- WebSocket: shake hands once; then each event is a frame.
- webhook (`webhook`): leave an address; then the server asks the client to take each event.

A polling follower asks `PATH?after=N`, where N is how many events it has, and gets a JSON array of the
events since; the others get one event at a time. Bytes are counted as TCP payload, both ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, cast

import msgspec
import numpy as np

from hinterland.clients.message import Request
from hinterland.clients.reader import BadAnswer, ResponseReader
from hinterland.load.drivers.event_stream.answer import EventStreamAnswer
from hinterland.load.drivers.event_stream.events import EventTooLong
from hinterland.load.drivers.websocket.client import HandshakeFailure, WebSocketClient
from hinterland.load.drivers.websocket.frames import TEXT, NotWebSocket
from hinterland.model.history import UNFINISHED, LoadSample

JOINING_AT_ONCE = 200
"""About what the shortest usual backlogs of a listening socket take at once."""


class Follower(asyncio.Protocol):
    """One client of the feed: what it received and when, and what that took. Subclasses say how it asks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.received: list[tuple[int, Any]] = []
        """Each event, decoded from JSON, with the moment it arrived in ns of CLOCK_MONOTONIC."""
        self.requests = 0
        """How many there were on its connections, whoever of the two asked."""
        self.connections = 0
        """How many it opened or accepted."""
        self.bytes_sent = 0
        self.bytes_received = 0
        self.error = ""
        """Why it stopped following, if it did before it was closed."""
        self.watcher: Callable[[Follower], None] = lambda follower: None
        """Is called when events came, and when it stopped following."""
        self._ready = asyncio.Event()
        self._closing = False
        self._transport: asyncio.Transport | None = None

    async def join(self, host: str, port: int) -> None:
        """Connects and returns once nothing published from now on can pass it by. Raises ConnectionError."""
        self._host, self._port = host, port
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        await self._ready.wait()
        if self.error:
            raise ConnectionError(f"{type(self).__name__} could not join {self.path}: {self.error}")

    def leave(self) -> None:
        """Lets go of the feed, without a word to it."""
        self._closing = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # How it asks and reads.

    def start(self) -> None:
        """Sends what opens the subscription."""
        raise NotImplementedError

    def begin(self) -> None:
        """Is called when the audience is complete and listens; asks, if it does so on a schedule."""

    def read(self, data: bytes) -> Sequence[Any]:
        """Returns the events that these bytes complete."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        assert self._transport is not None, "it is written to a connection that was made"
        self.bytes_sent += len(data)
        self._transport.write(data)

    def ask(self, path: str, headers: dict[str, str] | None = None) -> None:
        self.requests += 1
        self.write(Request("GET", path, headers or {}).encode(self._host, self._port))

    def take(self, events: Sequence[Any], now_ns: int) -> None:
        """Notes events that have arrived."""
        if events:
            self.received += [(now_ns, event) for event in events]
            self.watcher(self)

    def stop(self, error: str) -> None:
        if not self._closing:
            self.error = self.error or error
            self._ready.set()
            self._hang_up()
            self.watcher(self)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes: a cast, no check.
        self._transport = cast(asyncio.Transport, transport)
        self.connections += 1
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
        self.take(events, now_ns)

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
    """Asks every `interval_s`, first `phase_s` after the audience has begun to listen.

    A turn that finds the last one unanswered is left out.
    """

    def __init__(self, path: str, *, interval_s: float, phase_s: float = 0.0) -> None:
        super().__init__(path)
        self._interval_s, self._phase_s = interval_s, phase_s
        self._waiting = False

    def start(self) -> None:
        self._ready.set()

    def begin(self) -> None:
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
        self._heard_s = 0.0
        self._behind: set[int] = set()
        self._wanted = 0
        self._all_here = asyncio.Event()

    async def __aenter__(self) -> Audience:
        turns = asyncio.Semaphore(JOINING_AT_ONCE)

        async def join(follower: Follower) -> None:
            async with turns:
                await follower.join(self._host, self._port)

        try:
            async with asyncio.TaskGroup() as group:
                for follower in self.followers:
                    group.create_task(join(follower))
        except ExceptionGroup as several:
            self._leave()
            raise several.exceptions[0] from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        for follower in self.followers:
            follower.leave()

    async def listen(self, duration_s: float, *, events: int, patience_s: float) -> bool:
        """Listens for `duration_s`, and then on until everyone has `events` events.

        It gives up when nobody has heard anything for `patience_s`. Returns whether everyone had them in
        the end.
        """
        loop = asyncio.get_running_loop()
        end_s = self._heard_s = loop.time() + duration_s
        self._wanted, self._behind = events, set(range(len(self.followers)))
        self._all_here.clear()
        for place, follower in enumerate(self.followers):
            follower.watcher = partial(self._heard, place)
            follower.begin()
            self._caught_up(place, follower)
        while self._behind and loop.time() < max(self._heard_s, end_s) + patience_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(max(self._heard_s, end_s) + patience_s):
                    await self._all_here.wait()
        await asyncio.sleep(end_s - loop.time())
        return not self._behind and not any(follower.error for follower in self.followers)

    def _heard(self, place: int, follower: Follower) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        self._caught_up(place, follower)

    def _caught_up(self, place: int, follower: Follower) -> None:
        """Takes note of a follower who has everything, or will have no more."""
        if len(follower.received) >= self._wanted or follower.error:
            self._behind.discard(place)
            if not self._behind:
                self._all_here.set()

    def arrivals(self) -> list[list[tuple[int, int]]]:
        """Returns the moment and the `id` of each event that each follower received."""
        return [[(t_ns, event["id"]) for t_ns, event in one.received] for one in self.followers]

    def sample(self, published_ns: Mapping[int, int]) -> LoadSample:
        """Returns the deliveries; see `deliveries`."""
        return deliveries(self.arrivals(), published_ns)


def deliveries(arrivals: Sequence[Sequence[tuple[int, int]]], published_ns: Mapping[int, int]) -> LoadSample:
    """Returns one operation for each event and follower: due and sent when it was published, done when it
    first arrived.

    `arrivals` has the (moment, id) of what each follower received, `published_ns` the moment of each event
    by its id. `connection` is the follower's place.
    """
    rows = []
    for place, received in enumerate(arrivals):
        arrived_ns: dict[int, int] = {}
        for t_ns, event in received:
            arrived_ns.setdefault(event, t_ns)
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
