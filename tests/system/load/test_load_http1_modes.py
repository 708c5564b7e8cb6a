"""HTTP/1.1 in its three modes against servers that misbehave: each failure has its name, nothing hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from lane_lab import DUE, PATIENT_S, Load, closed, no_tasks_left, opened, plan_for, request
from misbehaving import (
    HELLO,
    Handler,
    accepts_and_resets,
    answers,
    closes_unanswered,
    drips,
    half_closes,
    never_answers,
    read_request,
    refused_port,
    resets,
    served,
)

from hinterland.load.drivers.http1.pipelining import BEHIND

pytestmark = pytest.mark.system

Drive = Callable[..., Awaitable[Load]]
MODES = pytest.mark.parametrize("mode", ["keep_alive", "new", "pipelining"])
LOOPS = pytest.mark.parametrize("drive", [closed, opened], ids=["closed", "open"])
HEAD = b"HTTP/1.1 200 OK\r\n"


def options(mode: str) -> dict[str, Any]:
    return {"mode": mode, **({"connections": 2, "multiplexed": 4} if mode == "pipelining" else {})}


def against(handler: Handler, drive: Drive, mode: str, outgoing: Any = None, **more: Any) -> Load:
    async def scenario() -> Load:
        async with served(handler) as port:
            plan = plan_for(port, **{**options(mode), **more})
            load = await asyncio.wait_for(drive(plan, outgoing and outgoing(port)), PATIENT_S)
        assert await no_tasks_left()
        return load

    return uvloop.run(scenario())


@MODES
@LOOPS
@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (answers(HELLO), 200),
        (drips, 200),
        (answers(b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO), 200),
        (answers(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HELLO), 200),
        (answers(b"HTTP/1.1 204 None\r\n\r\n"), 204),
        (answers(b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n"), 304),
        (answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 200),
        (answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\n05;a\r\nhello\r\n0\r\nT: u\r\n\r\n"), 200),
        (answers(HEAD + b"X: " + b"x" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n"), 200),
    ],
    ids=["plain", "drips", "100", "103", "204", "304", "empty_chunks", "trailers", "huge_header"],
)
def test_each_operation_is_answered(drive: Drive, mode: str, handler: Handler, status: int) -> None:
    load = against(handler, drive, mode)
    assert (load.errors, load.statuses) == ({"": DUE}, {status: DUE})


@MODES
@LOOPS
def test_head_is_answered_without_a_body(drive: Drive, mode: str) -> None:
    load = against(answers(HELLO[:-5]), drive, mode, lambda port: request(port, "HEAD"))
    assert load.errors == {"": DUE}


@MODES
@LOOPS
@pytest.mark.parametrize("handler", [answers(HELLO), drips], ids=["plain", "drips"])
def test_an_answer_that_somebody_reads(drive: Drive, mode: str, handler: Handler) -> None:
    load = against(handler, drive, mode, lambda port: request(port, reads=True))
    assert (load.errors, load.statuses) == ({"": DUE}, {200: DUE})


@MODES
@LOOPS
@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (closes_unanswered, "closed"),
        (half_closes, "closed"),
        (resets, "reset"),
        (answers(b"220 mail.example ESMTP\r\n"), "protocol"),
        (answers(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), "protocol"),
        (answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfive\r\n"), "protocol"),
        (answers(HEAD + b"Content-Length: 9\r\n\r\nhello", close=True), "closed"),
        (answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", close=True), "closed"),
    ],
    ids=["closes", "half_closes", "resets", "garbage", "lengths", "chunk", "length_too_long", "cut_chunks"],
)
def test_each_failure_has_its_name(drive: Drive, mode: str, handler: Handler, error: str) -> None:
    load = against(handler, drive, mode)
    # Behind the first in a pipeline the connection just ends.
    also = {"closed", "reset", BEHIND} if mode == "pipelining" else set()
    assert load.errors.get(error, 0) >= (DUE if mode != "pipelining" else DUE // 8)
    assert set(load.errors) <= {error} | also


@MODES
@LOOPS
def test_a_length_that_is_too_short_answers_and_ends_the_connection(drive: Drive, mode: str) -> None:
    load = against(answers(HEAD + b"Content-Length: 2\r\n\r\nhello"), drive, mode)
    # What follows is read as the next answer where one was asked for.
    expected = {"", "protocol", "closed", BEHIND} if mode == "pipelining" else {""}
    assert set(load.errors) <= expected
    assert load.errors[""] >= DUE // 8


@MODES
@LOOPS
def test_a_server_that_lets_nobody_stay(drive: Drive, mode: str) -> None:
    load = against(accepts_and_resets, drive, mode)
    assert set(load.errors) <= {"reset", "closed"}


@MODES
@LOOPS
def test_a_server_that_refuses(drive: Drive, mode: str) -> None:
    async def scenario() -> Load:
        with refused_port() as port:
            return await asyncio.wait_for(drive(plan_for(port, **options(mode))), PATIENT_S)

    load = uvloop.run(scenario())
    assert load.errors == {"refused": DUE}
    assert (load.sample.sent_ns < 0).all()


@MODES
def test_no_answer_is_a_timeout(mode: str) -> None:
    load = against(never_answers, closed, mode, timeout_s=0.2)
    assert load.errors.get("timeout", 0) >= DUE // 8
    assert set(load.errors) <= {"timeout", "stuck behind an answer that did not come"}


@MODES
@LOOPS
def test_a_server_that_restarts_in_the_middle(drive: Drive, mode: str) -> None:
    """Operations fail while it is away, and are answered again by the same lanes when it is back."""

    async def scenario() -> Load:
        seen, enough = 0, asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            while await read_request(reader):
                seen += 1
                if seen >= 20:
                    enough.set()
                writer.write(HELLO)
                await writer.drain()

        async with served(handle) as port:
            plan = plan_for(port, **options(mode))
            task = asyncio.ensure_future(drive(plan, count=400))
            await enough.wait()
        before = seen
        async with served(handle, port):
            load = await asyncio.wait_for(task, PATIENT_S)
        assert seen > before
        return load

    load = uvloop.run(scenario())
    assert load.errors[""] > 100
    assert set(load.errors) <= {"", "refused", "closed", "reset"}


def test_each_request_of_new_has_a_connection_of_its_own_and_says_so() -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HELLO)  # It keeps the connection open: the client ends it.
        heads.append(await reader.read())

    load = against(handle, closed, "new")
    assert load.errors == {"": DUE}
    requests = [head for head in heads if head]
    assert len(requests) == DUE
    assert all(head.count(b"Connection: close\r\n") == 1 for head in requests)
    assert heads.count(b"") == DUE
    assert len(load.pool.connect_ns) == DUE


def test_pipelined_requests_are_under_way_at_once() -> None:
    """The server answers only when all are there; a connection that waits for answers would never get one."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for _ in range(4):
                if not await read_request(reader):
                    return
            writer.write(HELLO * 4)

    load = against(handle, closed, "pipelining")
    assert load.errors == {"": DUE}


@MODES
def test_a_name_that_leads_nowhere(mode: str) -> None:
    async def scenario() -> Load:
        plan = plan_for(80, host="nowhere.invalid", **options(mode))
        return await asyncio.wait_for(closed(plan, count=8), PATIENT_S)

    assert uvloop.run(scenario()).errors == {"dns": 8}
