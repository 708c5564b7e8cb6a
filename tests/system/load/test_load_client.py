"""The operation client: certain failures are told from uncertain ones, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from misbehaving import (
    HELLO,
    Handler,
    answers,
    closes_unanswered,
    drips,
    full_port,
    half_closes,
    never_answers,
    read_request,
    refused_port,
    resets,
    served,
)

from hinterland.clients.http import HttpClient, NotSent, Unanswered
from hinterland.clients.operations import Operations, Planned
from hinterland.model.history import Operation

pytestmark = pytest.mark.system


def run(handler: Handler, use: Callable[[HttpClient], Awaitable[Any]], **options: Any) -> Any:
    async def scenario() -> Any:
        async with served(handler) as port, HttpClient("127.0.0.1", port, **options) as client:
            return await asyncio.wait_for(use(client), 60)

    return uvloop.run(scenario())


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (closes_unanswered, "closed"),
        (half_closes, "closed"),
        (resets, "reset"),
        (never_answers, "timeout"),
        (answers(b"220 mail.example ESMTP\r\n"), "protocol"),
        (answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", close=True), "closed"),
    ],
    ids=["closes", "half_closes", "resets", "silent", "garbage", "cut_off"],
)
def test_after_the_first_byte_nobody_knows(handler: Handler, error: str) -> None:
    async def use(client: HttpClient) -> None:
        for _ in range(3):  # A failed connection is not used again.
            with pytest.raises(Unanswered) as failure:
                await client.post("/charge", json={"amount": 1})
            assert failure.value.error == error

    run(handler, use, timeout_s=0.2 if error == "timeout" else 60.0)


def test_a_refused_connection_certainly_did_not_happen() -> None:
    async def scenario(port: int) -> None:
        with pytest.raises(NotSent) as failure:
            await HttpClient("127.0.0.1", port).get("/")
        assert failure.value.error == "refused"

    with refused_port() as port:
        uvloop.run(scenario(port))


def test_no_connection_in_time_certainly_did_not_happen() -> None:
    async def scenario(port: int) -> None:
        with pytest.raises(NotSent) as failure:
            await HttpClient("127.0.0.1", port).get("/", timeout_s=0.2)
        assert failure.value.error == "timeout"

    with full_port() as port:
        uvloop.run(scenario(port))


def test_what_is_sent_and_what_comes_back() -> None:
    seen: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head + await reader.readexactly(12))
        writer.write(
            b"HTTP/1.1 201 Made\r\nX-Id: 7\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n"
            b'{"id":7}'
        )

    async def use(client: HttpClient) -> None:
        response = await client.post("/charges", headers={"Idempotency-Key": "k"}, json={"amount": 5})
        assert (response.status, response.headers["x-id"], response.json()) == (201, "7", {"id": 7})

    run(record, use)
    assert seen[0].startswith(b"POST /charges HTTP/1.1\r\n")
    assert b"Idempotency-Key: k\r\n" in seen[0]
    assert seen[0].endswith(b'Content-Length: 12\r\n\r\n{"amount":5}')


def counting(connections: list[int], handler: Handler) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await handler(reader, writer)

    return handle


@pytest.mark.parametrize(("persistent", "expected"), [(True, 1), (False, 5)])
def test_connections_are_kept_or_fresh(persistent: bool, expected: int) -> None:
    connections: list[int] = []

    async def use(client: HttpClient) -> None:
        for _ in range(5):
            assert (await client.get("/")).body == b"hello"

    run(counting(connections, answers(HELLO)), use, persistent=persistent)
    assert len(connections) == expected


def test_concurrent_requests_have_connections_of_their_own() -> None:
    connections: list[int] = []

    async def use(client: HttpClient) -> None:
        responses = await asyncio.gather(*(client.get("/") for _ in range(8)))
        assert all(response.status == 200 for response in responses)
        await client.get("/")

    run(counting(connections, drips), use)
    assert len(connections) == 8


def test_a_connection_closed_while_idle_is_not_used() -> None:
    async def scenario() -> None:
        gone = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(HELLO)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            gone.set()

        async with served(handle) as port, HttpClient("127.0.0.1", port) as client:
            for _ in range(3):
                assert (await client.get("/")).status == 200
                await gone.wait()
                gone.clear()
                # Until the client has noticed, which the test's time limit bounds.
                while client.idle_connections:  # noqa: ASYNC110
                    await asyncio.sleep(0)

    uvloop.run(asyncio.wait_for(scenario(), 60))


def test_an_answer_that_came_late_is_not_the_next_ones() -> None:
    gave_up = asyncio.Event()

    async def slow_then_fast(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/slow" in head:
            await gave_up.wait()
            writer.write(HELLO.replace(b"hello", b"stale"))
        else:
            writer.write(HELLO)

    async def use(client: HttpClient) -> None:
        with pytest.raises(Unanswered):
            await client.get("/slow", timeout_s=0.1)
        gave_up.set()
        assert (await client.get("/fast")).body == b"hello"

    run(slow_then_fast, use)


def test_a_client_that_closes_ends_its_requests() -> None:
    asked = asyncio.Event()

    async def takes_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()

    async def use(client: HttpClient) -> None:
        request = asyncio.ensure_future(client.get("/"))
        await asked.wait()
        client.close()
        with pytest.raises(Unanswered):
            await request

    run(takes_one, use)


def test_operations_through_a_server_that_fails_every_third() -> None:
    recorded: list[Operation] = []

    async def use(client: HttpClient) -> None:
        operations = Operations(recorded.append)
        await operations.all(
            [Planned("charge", str(i), lambda _: client.post("/charge")) for i in range(9)], clients=1
        )

    oops = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    conflict = b"HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n"
    run(answers(HELLO, conflict, oops), use)
    assert [operation.outcome for operation in recorded] == ["ok", "fail", "unknown"] * 3
    assert all(op.intended_ns <= op.sent_ns <= op.done_ns for op in recorded)
