"""Both loops against servers that misbehave: every operation counts, with its error, and nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import numpy as np
import pytest
import uvloop
from inline_load import sample_of
from lane_lab import PATIENT_S
from misbehaving import (
    HELLO,
    Handler,
    accepts_and_resets,
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

from hinterland.lab.summary import summarise
from hinterland.load.engine import arrivals
from hinterland.model.history import UNFINISHED, LoadSample

pytestmark = pytest.mark.system

DUE = 40
LONG_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"
SHORT_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"
NO_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nhello"
BROKEN_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n"
SAYS_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
GARBAGE = b"220 mail.example ESMTP\r\n"
OVERLOADED = b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"

Load = Callable[..., Awaitable[LoadSample]]


async def closed(port: int, **options: Any) -> LoadSample:
    options = {"connections": 4, "count": DUE, "timeout_s": PATIENT_S, **options}
    return await sample_of(port, closed=True, **options)


async def opened(port: int, **options: Any) -> LoadSample:
    options = {
        "connections": 4,
        "schedule": arrivals.constant(1000, DUE / 1000),
        "timeout_s": PATIENT_S,
        **options,
    }
    return await sample_of(port, **options)


def against(handler: Handler, load: Load, **options: Any) -> LoadSample:
    async def scenario() -> LoadSample:
        async with served(handler) as port:
            return await load(port, **options)

    return within(PATIENT_S, scenario())


def within(seconds: float, scenario: Coroutine[Any, Any, LoadSample]) -> LoadSample:
    async def bounded() -> LoadSample:
        return await asyncio.wait_for(scenario, seconds)

    return uvloop.run(bounded())


def errors(sample: LoadSample) -> Counter[str]:
    """Returns how often each error was counted, after checking that the sample tells one story."""
    assert len(sample.done_ns) == len(sample.error) == len(sample.status) == len(sample.sent_ns)
    answered = sample.done_ns != UNFINISHED
    assert np.array_equal(answered, sample.error == 0)
    assert np.all(sample.status[answered] > 0)
    assert np.all(sample.sent_ns[answered] >= sample.intended_ns[answered])
    assert np.all(sample.done_ns[answered] >= sample.sent_ns[answered])
    assert np.all(np.diff(sample.intended_ns) >= 0)
    return Counter(sample.errors[code] for code in sample.error)


LOOPS = pytest.mark.parametrize("load", [closed, opened], ids=["closed", "open"])


@LOOPS
@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (closes_unanswered, "closed"),
        (half_closes, "closed"),
        (resets, "reset"),
        (answers(GARBAGE), "protocol"),
        (answers(BROKEN_CHUNK), "protocol"),
        (answers(LONG_BODY, close=True), "closed"),
        (answers(HELLO[:20], close=True), "closed"),
    ],
    ids=["closes", "half_closes", "resets", "garbage", "broken_chunk", "length_too_long", "cut_head"],
)
def test_each_operation_fails_by_its_name(load: Load, handler: Handler, error: str) -> None:
    sample = against(handler, load)
    assert errors(sample) == {error: DUE}
    assert np.all(sample.sent_ns != UNFINISHED)


@LOOPS
@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (answers(HELLO), 200),
        (answers(SAYS_CLOSE, close=True), 200),
        (answers(NO_LENGTH, close=True), 200),
        (answers(OVERLOADED), 503),
        (answers(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HELLO), 200),
        (answers(b"HTTP/1.1 204 None\r\n\r\n"), 204),
        (answers(SHORT_LENGTH, close=True), 200),
        (drips, 200),
    ],
    ids=["plain", "closes_after", "until_close", "503", "interim", "204", "length_too_short", "drips"],
)
def test_each_operation_is_answered(load: Load, handler: Handler, status: int) -> None:
    sample = against(handler, load)
    assert errors(sample) == {"": DUE}
    assert set(sample.status.tolist()) == {status}


@LOOPS
def test_a_server_that_closes_without_saying_so(load: Load) -> None:
    """The next request may meet the close on its way: it may have happened, so it is not sent again."""
    counted = errors(against(answers(HELLO, close=True), load))
    assert sum(counted.values()) == DUE
    assert counted[""] >= 4
    assert set(counted) <= {"", "reset", "closed"}


@LOOPS
def test_each_answer_has_its_own_status(load: Load) -> None:
    sample = against(
        answers(HELLO, OVERLOADED, NO_LENGTH[:15] + b"\r\nContent-Length: 0\r\n\r\n"), load, connections=1
    )
    assert sample.status.tolist() == [(200, 503, 200)[place % 3] for place in range(DUE)]


@LOOPS
def test_head_is_answered_without_a_body(load: Load) -> None:
    head = HELLO[: -len(b"hello")]
    sample = against(answers(head), load, method="HEAD")
    assert errors(sample) == {"": DUE}
    assert sample.detail["opened_again"] == 0


@LOOPS
def test_a_large_request_and_a_large_answer(load: Load) -> None:
    size = 3_000_000

    async def echo_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            body = await reader.readexactly(size)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    options = {"count": 6} if load is closed else {"schedule": arrivals.constant(100, 0.06)}
    sample = against(echo_length, load, method="POST", body="x" * size, **options)
    assert errors(sample) == {"": 6}


@LOOPS
def test_an_answer_before_the_request_was_read(load: Load) -> None:
    """The next request must not overtake what is still to be sent of the last one."""
    size = 8_000_000

    async def answer_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            writer.write(HELLO)
            assert await reader.readexactly(size) == b"x" * size

    options = {"count": 6} if load is closed else {"schedule": arrivals.constant(1000, 0.006)}
    sample = against(answer_first, load, method="POST", body="x" * size, connections=2, **options)
    assert errors(sample) == {"": 6}


@LOOPS
def test_a_refusing_server(load: Load) -> None:
    with refused_port() as port:
        sample = within(PATIENT_S, load(port))  # type: ignore[arg-type]
    assert errors(sample) == {"refused": DUE}
    assert np.all(sample.sent_ns == UNFINISHED)


@LOOPS
def test_a_server_that_lets_nobody_in(load: Load) -> None:
    with full_port() as port:
        asked = load(port, count=8, timeout_s=0.15) if load is closed else load(port, timeout_s=0.15)
        sample = within(PATIENT_S, asked)  # type: ignore[arg-type]
    counted = errors(sample)
    assert counted["timeout"] >= 4
    assert set(counted) <= {"timeout", "unsent"}
    assert np.all(sample.sent_ns == UNFINISHED)


@LOOPS
def test_connections_that_are_cut_at_once(load: Load) -> None:
    sample = against(accepts_and_resets, load)
    counted = errors(sample)
    assert sum(counted.values()) == DUE
    assert set(counted) <= {"reset", "closed"}


def test_no_answer_is_a_timeout_and_the_load_goes_on() -> None:
    sample = against(never_answers, closed, count=12, timeout_s=0.15)
    assert errors(sample) == {"timeout": 12}
    sample = against(never_answers, opened, timeout_s=0.1, drain_s=5)
    assert errors(sample) == {"timeout": DUE}


def test_the_drain_is_a_hard_end() -> None:
    began = time.monotonic()
    sample = against(never_answers, closed, count=None, duration_s=0.1, timeout_s=PATIENT_S, drain_s=0.2)
    assert errors(sample) == {"unfinished": 4}
    sample = against(never_answers, opened, timeout_s=PATIENT_S, drain_s=0.2)
    # Four connections carry four operations; the others were due and stay in the sample.
    assert errors(sample) == {"unfinished": 4, "unsent": DUE - 4}
    assert np.isinf(summarise(sample).response_s).all()
    assert time.monotonic() - began < 10


@LOOPS
def test_a_server_that_dies_in_the_middle(load: Load) -> None:
    async def scenario() -> LoadSample:
        half = asyncio.Event()
        seen = 0

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            while await read_request(reader):
                seen += 1
                if seen > DUE // 2:
                    half.set()
                    return
                writer.write(HELLO)

        async with served(handle) as port:
            task = asyncio.ensure_future(load(port))
            await half.wait()
        return await task

    sample = within(PATIENT_S, scenario())
    counted = errors(sample)
    assert counted[""] == DUE // 2
    assert counted["refused"] > 0
    assert sum(counted.values()) == DUE


def test_a_cancelled_load_closes_its_connections() -> None:
    asked, hung_up = asyncio.Event(), asyncio.Event()

    async def takes_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        hung_up.set()

    async def scenario() -> None:
        async with served(takes_one) as port:
            task = asyncio.ensure_future(opened(port, timeout_s=PATIENT_S))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await hung_up.wait()

    uvloop.run(asyncio.wait_for(scenario(), 60))
