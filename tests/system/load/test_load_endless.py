"""HTTP/1.1 answers that never end: each is given up, by the clock or by its length, in bounded memory."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import uvloop
from lane_lab import PATIENT_S, Load, closed, no_tasks_left, plan_for, request
from misbehaving import Handler, read_request, served

from hinterland.load.drivers.transport.answer_room import NO_ROOM

pytestmark = pytest.mark.system

MODES = pytest.mark.parametrize("mode", ["keep_alive", "new", "pipelining"])
HEAD = b"HTTP/1.1 200 OK\r\n"


def endless(first: bytes, more: bytes) -> Handler:
    """Begins an answer and goes on with it for as long as the connection is there."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(first)
        while not writer.is_closing():
            writer.write(more * (1 + 60_000 // len(more)))
            await writer.drain()

    return handle


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@MODES
@pytest.mark.parametrize("reads", [False, True], ids=["skipped", "read"])
@pytest.mark.parametrize(
    "handler",
    [
        endless(HEAD, b"X-More: " + b"m" * 100 + b"\r\n"),
        endless(HEAD + b"X-More: ", b"m" * 100),
        endless(HEAD + b"Content-Length: 999999999999\r\n\r\n", b"m" * 1000),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nmore\r\n"),
        endless(HEAD + b"\r\n", b"m" * 1000),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["headers", "header", "length", "chunks", "until_close", "interim"],
)
def test_what_never_ends_is_given_up_in_bounded_memory(
    mode: str, reads: bool, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hinterland.load.drivers.transport.answer_room.LONGEST_ANSWER_BYTES", 4 << 20)
    before = resident_bytes()

    async def scenario() -> Load:
        async with served(handler) as port:
            plan = plan_for(port, mode=mode, timeout_s=0.3, connections=2)
            load = await asyncio.wait_for(closed(plan, request(port, reads=reads), count=4), PATIENT_S)
        assert await no_tasks_left()
        return load

    load = uvloop.run(scenario())
    assert set(load.errors) <= {"timeout", "too_long", "protocol"}
    assert resident_bytes() - before < 100 << 20


@MODES
def test_long_answers_of_all_lanes_together_have_so_much_room(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hinterland.load.drivers.transport.answer_room.ROOM_BYTES", 2 << 20)
    handler = endless(HEAD + b"Content-Length: 999999999999\r\n\r\n", b"m" * 1000)

    async def scenario() -> Load:
        async with served(handler) as port:
            plan = plan_for(port, mode=mode, connections=8)
            return await closed(plan, request(port, reads=True), count=16)

    assert uvloop.run(scenario()).errors == {NO_ROOM: 16}
