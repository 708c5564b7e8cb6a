"""A client with an endpoint of its own: called well, called badly, and not to be reached at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from urllib.parse import urlsplit

import pytest

from hinterland.lab.audience.followers import Audience
from hinterland.lab.audience.webhook import Webhook

EVENTS = [{"id": number, "text": "news " * number} for number in (1, 2, 3)]
Call = Callable[[str, int], Coroutine[None, None, None]]


def request(event: object) -> bytes:
    body = json.dumps(event)
    return f"POST /news HTTP/1.1\r\nHost: me\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def follow(
    call: Call, *, status: str = "201 Created", follower: Webhook | None = None, patience_s: float = 5.0
) -> tuple[bool, Webhook]:
    """Lets a follower subscribe at a server that answers with `status` and then calls it."""
    subscribed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"POST /hooks HTTP/1.1\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:")
        url = urlsplit(json.loads(await reader.readexactly(length))["url"])
        subscribed.set_result(f"{url.hostname}:{url.port}{url.path}")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    follower = Webhook("/hooks") if follower is None else follower
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Audience([follower], "127.0.0.1", port) as audience:
        host, _, rest = (await subscribed).partition(":")
        assert rest.endswith("/news")
        calling = asyncio.create_task(call(host, int(rest.removesuffix("/news"))))
        complete = await audience.listen(0.0, events=3, patience_s=patience_s)
        await calling
    return complete, follower


async def in_turn(host: str, port: int) -> None:
    """Calls with each event on one connection, in pieces, and waits for each answer."""
    reader, writer = await asyncio.open_connection(host, port)
    for event in EVENTS:
        data = request(event)
        writer.write(data[:30])
        await writer.drain()
        writer.write(data[30:])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 204 No Content\r\n\r\n"
    writer.close()


def test_each_call_brings_an_event() -> None:
    complete, follower = asyncio.run(follow(in_turn))
    assert complete
    assert [event for _, event in follower.received] == EVENTS
    assert (follower.requests, follower.connections) == (4, 2)
    called = sum(len(request(event)) for event in EVENTS)
    answer = len("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert follower.bytes_received == called + answer
    assert follower.bytes_sent > 3 * len("HTTP/1.1 204 No Content\r\n\r\n")


def test_events_in_one_piece_are_answered_each() -> None:
    async def at_once(host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"".join(request(event) for event in EVENTS))
        answers = await reader.readexactly(3 * len("HTTP/1.1 204 No Content\r\n\r\n"))
        assert answers.count(b"204") == 3
        writer.close()

    complete, follower = asyncio.run(follow(at_once))
    assert complete
    assert follower.requests == 4


@pytest.mark.parametrize(
    "wrong", [b"no HTTP at all\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n{no}"]
)
def test_who_calls_wrongly_is_told_so_and_changes_nothing(wrong: bytes) -> None:
    async def wrongly_then_well(host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(wrong)
        # The answer, and then the end of the connection.
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await in_turn(host, port)

    complete, follower = asyncio.run(follow(wrongly_then_well))
    assert complete
    assert [event for _, event in follower.received] == EVENTS
    assert follower.error == ""


def test_nobody_reaches_a_client_behind_a_shut_door() -> None:
    async def try_to(host: str, port: int) -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, port)

    shut = Webhook("/hooks", reachable=False)
    complete, follower = asyncio.run(follow(try_to, follower=shut, patience_s=0.5))
    assert not complete
    assert (follower.received, follower.error, follower.connections) == ([], "", 1)


def test_a_feed_that_refuses_the_subscription_is_no_feed() -> None:
    async def never(host: str, port: int) -> None:
        raise AssertionError

    with pytest.raises(ConnectionError, match="Webhook could not join /hooks: bad answer: status 403"):
        asyncio.run(follow(never, status="403 Forbidden"))


def test_nothing_listens_any_more_when_it_has_left() -> None:
    left: list[tuple[str, int]] = []

    async def call(host: str, port: int) -> None:
        left.append((host, port))
        await in_turn(host, port)

    async def scenario() -> None:
        await follow(call)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*left[0])

    asyncio.run(scenario())
