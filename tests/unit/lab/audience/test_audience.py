"""Followers against a small server that speaks all four ways, well and badly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import websockets.asyncio.server

from hinterland.lab.audience.followers import (
    Audience,
    EventStream,
    Follower,
    LongPolling,
    ShortPolling,
    WebSocketFeed,
)

EVENTS = [{"id": number, "text": "news " * number} for number in (1, 2, 3)]
Scenario = Callable[[asyncio.StreamWriter, str], Awaitable[None]]


def answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def follow(
    follower: Follower, scenario: Scenario, *, events: int = 3, patience_s: float = 5.0
) -> tuple[bool, list[str]]:
    """Lets one follower follow a server that runs `scenario` for each request; returns what was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked.append(head.decode().split(" ")[1])
                await scenario(writer, asked[-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Audience([follower], "127.0.0.1", port) as audience:
        complete = await audience.listen(0.0, events=events, patience_s=patience_s)
    return complete, asked


def after(path: str) -> int:
    found = re.fullmatch(r"/feed\?after=(\d+)", path)
    assert found, path
    return int(found[1])


def test_short_polling_asks_until_it_has_everything() -> None:
    asked_before: set[str] = set()

    async def nothing_then_one(writer: asyncio.StreamWriter, path: str) -> None:
        news = EVENTS[after(path) :][:1] if path in asked_before else []
        asked_before.add(path)
        writer.write(answer(json.dumps(news)))

    follower = ShortPolling("/feed", interval_s=0.002)
    complete, asked = asyncio.run(follow(follower, nothing_then_one))
    assert complete
    assert [event for _, event in follower.received] == EVENTS
    assert [after(path) for path in asked[:6]] == [0, 0, 1, 1, 2, 2]
    assert follower.requests >= 6
    assert follower.bytes_sent >= 6 * len("GET /feed?after=0 HTTP/1.1\r\n")


def test_short_polling_leaves_out_turns_while_it_waits() -> None:
    unanswered, most = 0, 0

    async def slow(writer: asyncio.StreamWriter, path: str) -> None:
        nonlocal unanswered, most
        unanswered += 1
        most = max(most, unanswered)
        asyncio.get_running_loop().call_later(0.03, finish, writer, path)

    def finish(writer: asyncio.StreamWriter, path: str) -> None:
        nonlocal unanswered
        unanswered -= 1
        writer.write(answer(json.dumps(EVENTS[after(path) :][:1])))

    complete, _ = asyncio.run(follow(ShortPolling("/feed", interval_s=0.001), slow))
    assert complete
    assert most == 1


def test_long_polling_asks_again_with_what_it_has() -> None:
    async def wait(writer: asyncio.StreamWriter, path: str) -> None:
        number = after(path)
        if number < 3:
            # In two pieces: an answer need not come at once.
            data = answer(json.dumps(EVENTS[number : number + 1]))
            writer.write(data[:25])
            await writer.drain()
            writer.write(data[25:])

    follower = LongPolling("/feed")
    complete, asked = asyncio.run(follow(follower, wait))
    assert complete
    assert [event for _, event in follower.received] == EVENTS
    assert [after(path) for path in asked][:3] == [0, 1, 2]


def test_an_event_stream_is_one_request() -> None:
    async def stream(writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for text in (": welcome\n\n", *(f"id: {e['id']}\ndata: {json.dumps(e)}\n\n" for e in EVENTS)):
            for piece in (text[:9], text[9:]):
                writer.write(f"{len(piece):x}\r\n{piece}\r\n".encode())

    follower = EventStream("/feed")
    complete, asked = asyncio.run(follow(follower, stream))
    assert complete
    assert [event for _, event in follower.received] == EVENTS
    assert (asked, follower.requests) == (["/feed"], 1)


def test_a_websocket_is_one_request() -> None:
    async def scenario() -> Follower:
        async def feed(connection: websockets.asyncio.server.ServerConnection) -> None:
            for event in EVENTS:
                await connection.send(json.dumps(event))
            await connection.wait_closed()

        async with websockets.asyncio.server.serve(feed, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            follower = WebSocketFeed("/feed")
            async with Audience([follower], "127.0.0.1", port) as audience:
                assert await audience.listen(0.0, events=3, patience_s=60.0)
        return follower

    follower = asyncio.run(scenario())
    assert [event for _, event in follower.received] == EVENTS
    assert follower.requests == 1
    payload = sum(len(json.dumps(event)) for event in EVENTS)
    assert follower.bytes_received > payload + 6


@pytest.mark.parametrize("kind", [LongPolling, EventStream, WebSocketFeed])
def test_a_server_that_says_no_ends_the_following(kind: type[Follower]) -> None:
    async def no(writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(answer("no", status="404 Not Found"))

    follower = kind("/feed")
    with contextlib.suppress(ConnectionError):  # Those that must have joined first say so at once.
        complete, _ = asyncio.run(follow(follower, no))
        assert not complete
    assert follower.error
    assert follower.received == []


def test_a_server_that_hangs_up_ends_the_following() -> None:
    async def hang_up(writer: asyncio.StreamWriter, path: str) -> None:
        writer.close()

    follower = LongPolling("/feed")
    complete, _ = asyncio.run(follow(follower, hang_up))
    assert not complete
    assert follower.error == "the server closed the connection"


def test_patience_ends() -> None:
    async def silence(writer: asyncio.StreamWriter, path: str) -> None:
        pass

    follower = LongPolling("/feed")
    complete, asked = asyncio.run(follow(follower, silence, patience_s=0.5))
    assert not complete
    assert follower.error == ""
    assert len(asked) == 1


def test_the_sample_has_every_event_for_every_follower() -> None:
    one, other = LongPolling("/feed"), LongPolling("/feed")
    one.received = [(150, {"id": 1}), (250, {"id": 2}), (260, {"id": 2})]
    other.received = [(170, {"id": 1})]
    sample = Audience([one, other], "127.0.0.1", 1).sample({1: 100, 2: 200})
    assert sample.intended_ns.tolist() == [100, 100, 200, 200]
    assert np.array_equal(sample.intended_ns, sample.sent_ns)
    assert sorted(zip(sample.connection.tolist(), sample.done_ns.tolist(), strict=True)) == [
        (0, 150), (0, 250), (1, -1), (1, 170),
    ]  # fmt: skip
    assert [sample.errors[code] for code in sample.error[sample.done_ns == -1]] == ["not received"]
    assert (sample.start_ns, sample.end_ns) == (100, 250)
