"""Every driver against servers that misbehave: each operation counts, with its error, and nothing hangs."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from pathlib import Path

import pytest
import uvloop
from greeters import (
    SPOKEN,
    after_greeting,
    answers_without_end,
    closes,
    drips,
    half_an_answer_and_close,
    half_an_answer_and_reset,
    stays_silent,
    writes,
)
from lane_lab import PATIENT_S, Driven, InTurn, drive, target
from misbehaving import Handler, accepts_and_resets, closes_unanswered, full_port, refused_port, served

from hinterland.load.drivers.postgresql.messages import message
from hinterland.load.drivers.transport.socket_lane import DOES_NOT_READ, NO_GREETING
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import LoadPlan

pytestmark = pytest.mark.system

COUNT = 12
SHORT_S = 0.15
NAMES = list(SPOKEN)
GREETING = ["redis", "postgresql", "websocket"]


def run(
    name: str, port: int, *, count: int = COUNT, timeout_s: float = PATIENT_S, reads: bool = False
) -> Driven:
    return uvloop.run(_drive(name, port, count, timeout_s, reads))


async def _drive(name: str, port: int, count: int, timeout_s: float, reads: bool) -> Driven:
    plan = LoadPlan(target=target(name, port, user="u", path="/"))  # type: ignore[arg-type]
    requests = InTurn(Outgoing(SPOKEN[name].request, reads=reads))
    driven = await drive(plan, requests, count=count, timeout_s=timeout_s)
    assert driven.outcomes.total() == count
    return driven


def against(handler: Handler, name: str, **options: float | bool) -> Driven:
    async def whole() -> Driven:
        async with served(handler) as port:
            return await _drive(
                name,
                port,
                int(options.get("count", COUNT)),
                float(options.get("timeout_s", PATIENT_S)),
                bool(options.get("reads", False)),
            )

    return uvloop.run(whole())


@pytest.mark.parametrize("name", NAMES)
def test_the_server_of_these_tests_is_good_without_a_fault(name: str) -> None:
    for reads in (False, True):
        driven = against(after_greeting(SPOKEN[name], writes(SPOKEN[name].answer)), name, reads=reads)
        assert driven.outcomes == Counter(ok=COUNT)
        assert not driven.open_errors


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_may_come_a_byte_at_a_time(name: str) -> None:
    for reads in (False, True):
        driven = against(after_greeting(SPOKEN[name], drips(SPOKEN[name])), name, reads=reads)
        assert driven.outcomes == Counter(ok=COUNT)


@pytest.mark.parametrize("name", NAMES)
def test_refused(name: str) -> None:
    with refused_port() as port:
        assert run(name, port).outcomes == Counter(refused=COUNT)


@pytest.mark.parametrize("name", ["redis", "postgresql"])
def test_a_full_backlog(name: str) -> None:
    with full_port() as port:
        assert run(name, port, timeout_s=SHORT_S).outcomes == Counter(timeout=COUNT)


@pytest.mark.parametrize("name", GREETING)
def test_no_greeting(name: str) -> None:
    driven = against(stays_silent, name, timeout_s=SHORT_S)
    assert driven.outcomes == Counter({NO_GREETING: COUNT})
    assert driven.open_errors[NO_GREETING] >= COUNT


@pytest.mark.parametrize("name", GREETING)
def test_closed_or_reset_instead_of_a_greeting(name: str) -> None:
    assert against(closes_unanswered, name, timeout_s=SHORT_S).outcomes.keys() <= {
        "closed",
        "reset",
        NO_GREETING,
    }
    assert against(accepts_and_resets, name).outcomes.keys() <= {"closed", "reset"}


OTHERS = {
    "an HTTP server": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "a mail server": b"220 mail.example ESMTP\r\n",
    "Redis": b"-ERR unknown command 'GET', with args beginning with: \r\n",
    "PostgreSQL": message(b"E", b"SFATAL\0C0A000\0Munsupported frontend protocol\0\0"),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", GREETING)
def test_another_protocol_on_the_port_is_named(name: str, other: str) -> None:
    driven = against(writes(OTHERS[other]), name)
    (says,) = driven.outcomes
    if name == "redis" and other == "Redis":
        assert says == "redis ERR unknown command 'GET', with args beginning with:"
    elif name == "websocket" and other == "an HTTP server":
        assert says == "handshake: status 400"
    elif name == "postgresql" and other == "PostgreSQL":
        assert says == "SQLSTATE 0A000: unsupported frontend protocol"
    else:
        assert says.startswith(("protocol: this is not", "handshake: the answer is not HTTP")), says
        assert repr(OTHERS[other][:4])[2:-1] in says


@pytest.mark.parametrize("name", NAMES)
def test_silence(name: str) -> None:
    driven = against(after_greeting(SPOKEN[name], stays_silent), name, timeout_s=SHORT_S)
    assert driven.outcomes == Counter(timeout=COUNT)
    assert driven.opened_again >= COUNT - 4


@pytest.mark.parametrize("name", NAMES)
def test_garbage(name: str) -> None:
    driven = against(after_greeting(SPOKEN[name], writes(SPOKEN[name].garbage)), name)
    assert driven.outcomes == Counter({"other bytes came back" if name == "tcp" else "protocol": COUNT})


@pytest.mark.parametrize("name", NAMES)
def test_a_reset_in_the_middle_of_an_answer(name: str) -> None:
    driven = against(after_greeting(SPOKEN[name], half_an_answer_and_reset(SPOKEN[name])), name)
    assert driven.outcomes == Counter(reset=COUNT)


@pytest.mark.parametrize("name", NAMES)
def test_a_close_in_the_middle_of_an_answer(name: str) -> None:
    driven = against(after_greeting(SPOKEN[name], half_an_answer_and_close(SPOKEN[name])), name)
    assert driven.outcomes == Counter(closed=COUNT)


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_closes_after_two_operations(name: str) -> None:
    driven = against(after_greeting(SPOKEN[name], closes, good=2), name, count=30)
    assert driven.outcomes.keys() <= {"ok", "closed", "reset"}
    assert driven.outcomes["ok"] >= 18
    assert driven.opened_again >= 6


@pytest.mark.parametrize("name", NAMES)
def test_two_answers_to_one_request(name: str) -> None:
    """What comes beyond an answer can't be told from the next one, but in WebSocket, which has messages."""
    driven = against(after_greeting(SPOKEN[name], writes(SPOKEN[name].answer * 2)), name)
    if name == "websocket":
        assert driven.outcomes["ok"] == COUNT
    else:
        assert driven.outcomes == Counter(protocol=COUNT)
    assert driven.surplus > 0


@pytest.mark.parametrize("name", ["redis", "postgresql", "websocket"])
@pytest.mark.parametrize("reads", [False, True])
def test_an_answer_without_end_takes_bounded_memory(name: str, reads: bool) -> None:
    before = rss_bytes()
    driven = against(
        after_greeting(SPOKEN[name], answers_without_end(SPOKEN[name])),
        name,
        reads=reads,
        count=4,
        timeout_s=0.4,
    )
    assert driven.outcomes.keys() <= {"timeout", "protocol"}
    # Four lanes may each keep a message of 16 MiB in WebSocket, and 1 MiB elsewhere.
    assert rss_bytes() - before < (200 << 20 if name == "websocket" else 40 << 20)


@pytest.mark.parametrize(
    ("name", "question"), [("websocket", b"\x89\x7d" + b"?" * 125), ("postgresql", message(b"G", b"\0\0\0"))]
)
def test_a_server_that_asks_without_end_and_never_reads(name: str, question: bytes) -> None:
    async def asks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not writer.is_closing():
            writer.write(question * 1000)
            await writer.drain()
            await asyncio.sleep(0)

    before = rss_bytes()
    driven = against(after_greeting(SPOKEN[name], asks), name, count=2)
    assert driven.outcomes == Counter({DOES_NOT_READ: 2})
    assert rss_bytes() - before < 60 << 20


def rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_what_a_fatal_error_says_is_the_error_of_what_it_cuts_off() -> None:
    async def goes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mterminating now\0\0"))

    driven = against(after_greeting(SPOKEN["postgresql"], goes), "postgresql")
    assert driven.outcomes == Counter({"SQLSTATE 57P01": COUNT})


@pytest.mark.parametrize(
    ("payload", "says"),
    [(b"\x88\x02\x03\xf0", "closed 1008"), (b"\x88\x00", "closed 1005"), (b"\x81\x85xx", "protocol")],
)
def test_a_websocket_that_closes_says_why(payload: bytes, says: str) -> None:
    driven = against(after_greeting(SPOKEN["websocket"], writes(payload)), "websocket")
    assert driven.outcomes == Counter({says: COUNT})


def test_other_messages_are_no_echo() -> None:
    other = after_greeting(SPOKEN["websocket"], writes(b"\x81\x05HELLO"))
    driven = against(other, "websocket", timeout_s=0.5)
    assert driven.outcomes == Counter({"no echo, other messages": COUNT})
    # With a check of the request's own, the next message is the answer.
    driven = against(other, "websocket", reads=True)
    assert driven.outcomes == Counter(ok=COUNT)
