"""A crowd against servers that answer, refuse, hang up or serve only a few."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from hinterland.errors import SetupError
from hinterland.lab.crowd.crowd import ERRORS, Crowd, allow_open_files

REQUEST = b"hello\n"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)


async def hold(handler: Handler, **options: float) -> tuple[Crowd, int]:
    """Holds a crowd of 40 at a server with this handler; returns it and how many sockets the server saw."""
    seen = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        with contextlib.suppress(ConnectionError):
            await handler(reader, writer)

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Crowd("127.0.0.1", port, REQUEST, connections=40, window=7, **options) as crowd:
        pass
    return crowd, seen


def test_everybody_is_served() -> None:
    crowd, seen = asyncio.run(hold(echo))
    sample = crowd.sample()
    assert (crowd.served, seen) == (40, 40)
    assert np.all(sample.done_ns >= sample.sent_ns)
    assert np.all(sample.sent_ns >= sample.start_ns)
    assert sample.end_ns >= sample.done_ns.max()


def test_a_server_that_serves_five_leaves_the_rest_waiting() -> None:
    served = 0

    async def five(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        if served <= 5:
            await echo(reader, writer)
        await reader.read()

    crowd, seen = asyncio.run(hold(five, patience_s=1.0))
    sample = crowd.sample()
    assert crowd.served == 5
    assert seen == 12, "five served, and a window of seven in front of them"
    assert np.count_nonzero(sample.sent_ns == -1) == 28
    assert {ERRORS[number] for number in sample.error} == {"", "no answer"}
    assert np.all(np.diff(sample.intended_ns) >= 0)


def test_a_server_that_hangs_up_serves_nobody() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    crowd, _ = asyncio.run(hold(hang_up))
    assert crowd.served == 0
    assert {ERRORS[number] for number in crowd.sample().error} == {"closed"}


def test_one_that_is_closed_after_its_answer_no_longer_counts() -> None:
    async def scenario() -> Crowd:
        writers: list[asyncio.StreamWriter] = []
        gone = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            writer.write(await reader.readline())

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Crowd("127.0.0.1", port, REQUEST, connections=3) as crowd:
            left = crowd._left
            crowd._left = lambda number: (left(number), gone.set())  # type: ignore[assignment, method-assign, func-returns-value]
            writers[0].close()
            async with asyncio.timeout(60):
                await gone.wait()
            assert crowd.served == 2
        return crowd

    crowd = asyncio.run(scenario())
    assert sorted(ERRORS[number] for number in crowd.sample().error) == ["", "", "closed later"]


def test_nobody_listens() -> None:
    async def scenario() -> Crowd:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            async with Crowd("127.0.0.1", unused.getsockname()[1], REQUEST, connections=3) as crowd:
                return crowd

    crowd = asyncio.run(scenario())
    assert crowd.served == 0
    assert {ERRORS[number] for number in crowd.sample().error} == {"refused"}


def test_too_low_a_limit_of_open_files_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with pytest.raises(SetupError, match="10200 open files in one process; this machine allows 4096"):
        allow_open_files(10_000)
    assert allow_open_files(1000) == 4096


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert allow_open_files(10) == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
