"""HTTP/2 through both loops: against a real nginx, and against servers that misbehave, each in one way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvloop
from lane_lab import PATIENT_S, Load, closed, no_tasks_left, opened, plan_for, request
from misbehaving import Handler, answers, full_port, never_answers, refused_port, resets, served

from hinterland.load.drivers.http2 import frame_encoding as frames
from hinterland.rig.rig import Rig
from hinterland.rig.services.nginx import Nginx
from hinterland.rig.services.nginx import nginx as nginx_service

pytestmark = pytest.mark.system

Drive = Callable[..., Awaitable[Load]]
LOOPS = pytest.mark.parametrize("drive", [closed, opened], ids=["closed", "open"])
SHARED = {"connections": 2, "multiplexed": 10}

# nginx speaks either to a client that begins with HTTP/2's preface.
SPEAKS_HTTP2 = """
listen 127.0.0.1:{port} http2;
http2_max_concurrent_streams {streams};
keepalive_requests {requests};
location = / {{ return 200 "hello"; }}
location = /number {{ return 200 "$connection_requests"; }}
location = /missing {{ return 404; }}
location = /big {{ alias {folder}/big; }}
"""


def with_nginx(
    folder: Path,
    use: Callable[[Rig, Nginx, int], Awaitable[Any]],
    *,
    streams: int = 128,
    requests: int = 10**6,
) -> Any:
    """Runs with a server whose HTTP/2 port is the third argument."""

    async def scenario() -> Any:
        trial, cache = folder / "trial", folder / "cache"
        trial.mkdir()
        cache.mkdir()
        (folder / "big").write_bytes(b"b" * 3_000_000)
        async with Rig(trial, cache, lambda event: None) as rig:
            port = rig.free_port()
            body = SPEAKS_HTTP2.format(port=port, streams=streams, requests=requests, folder=folder)
            nginx = await rig.start(nginx_service(body))
            return await asyncio.wait_for(use(rig, nginx, port), 60)

    return uvloop.run(scenario())


@LOOPS
def test_nginx_answers_each_request(drive: Drive, scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nginx")

    async def use(rig: Rig, nginx: Nginx, port: int) -> None:
        plan = plan_for(port, "http2", **SHARED)
        for path, status in (("/", 200), ("/number", 200), ("/missing", 404)):
            for method in ("GET", "HEAD"):
                load = await drive(plan, request(port, method, path=path), count=500)
                assert (load.errors, load.statuses) == ({"": 500}, {status: 500})
        assert np.all(load.sample.done_ns >= load.sample.sent_ns)
        assert {lane.bytes_received > 0 for lane in load.pool.lanes[::10]} == {True}
        # Larger than a stream's first window by HTTP/2's own default, and longer than a frame.
        load = await drive(plan, request(port, path="/big"), count=20)
        assert load.errors == {"": 20}
        assert sum(lane.bytes_received for lane in load.pool.lanes) > 20 * 3_000_000

    with_nginx(scratch, use)


@LOOPS
def test_a_server_that_closes_after_some_requests_costs_none(
    drive: Drive, scratch: Path, require: Callable[[str], None]
) -> None:
    """nginx says good-bye after every 50 requests, and has not done those behind: they go to the next one."""
    require("service:nginx")

    async def use(rig: Rig, nginx: Nginx, port: int) -> None:
        load = await drive(plan_for(port, "http2", **SHARED), count=1000)
        assert load.errors == {"": 1000}
        # A handshake takes longer than joining a connection that is there.
        assert min(load.pool.connect_ns) > 50_000

    with_nginx(scratch, use, requests=50)


def test_more_lanes_than_the_server_lets_through(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nginx")

    async def use(rig: Rig, nginx: Nginx, port: int) -> None:
        load = await closed(plan_for(port, "http2", connections=1, multiplexed=50), count=1000)
        assert load.errors == {"": 1000}
        # Everybody gets a turn.
        assert len(np.unique(load.sample.connection)) == 50

    with_nginx(scratch, use, streams=4)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return frames.frame(kind, flags, stream, payload)


Says = Callable[[int], bytes]


def http2(says: Says = lambda stream: b"", *, ends: bool = False, endless: Says | None = None) -> Handler:
    """Greets as a server of HTTP/2 does, and says its piece on the stream of each request that comes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frames.settings([]))
        await reader.readexactly(len(frames.PREFACE))
        while True:
            try:
                head, _, stream = frames.HEAD.unpack(await reader.readexactly(frames.HEAD_SIZE))
                await reader.readexactly(head >> 8)
            except asyncio.IncompleteReadError:
                return
            if head & 255 != frames.HEADERS:
                continue
            writer.write(says(stream))
            while endless is not None and not writer.is_closing():
                writer.write(endless(stream) * 50)
                await writer.drain()
            if ends:
                return

    return handle


def ok(stream: int) -> bytes:
    return frame(frames.HEADERS, 4, stream, b"\x88")


def against(handler: Handler, drive: Drive, *, count: int = 8, **options: Any) -> Load:
    async def scenario() -> Load:
        async with served(handler) as port:
            outgoing = request(port, reads=options.pop("reads", False))
            plan = plan_for(port, "http2", **{"connections": 2, **options})
            load = await asyncio.wait_for(drive(plan, outgoing, count=count), PATIENT_S)
        assert await no_tasks_left()
        return load

    return uvloop.run(scenario())


@LOOPS
@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (never_answers, "timeout"),
        (resets, "reset"),
        (answers(b"HTTP/1.1 400 No\r\n\r\n", close=True), "not http2: the server answers in HTTP/1"),
        (http2(), "timeout"),
        (http2(ok), "timeout"),
        (http2(ends=True), "closed"),
        (http2(ok, ends=True), "closed"),
        (http2(lambda stream: frames.reset(stream, 7)), "reset"),
        (http2(lambda stream: frames.goaway(0)), "closed"),
        (http2(lambda stream: b"garbage" * 10), "protocol"),
        (http2(lambda stream: frame(frames.HEADERS, 5, stream, b"\xbe")), "protocol"),
        (http2(lambda stream: frame(frames.HEADERS, 5, stream + 2, b"\x88")), "protocol"),
        (http2(lambda stream: frame(1, 4, stream, b"\x88\x0f\x0d\x015") + frame(0, 1, stream)), "protocol"),
    ],
    ids=[
        "silent", "resets", "http1", "no_answer", "no_end", "closes", "cut_off", "reset_stream", "goaway",
        "garbage", "bad_block", "no_such_stream", "wrong_length",
    ],
)  # fmt: skip
def test_each_failure_has_its_name(drive: Drive, handler: Handler, error: str) -> None:
    timeout_s = 0.2 if error == "timeout" else PATIENT_S
    assert against(handler, drive, timeout_s=timeout_s).errors == {error: 8}


@pytest.mark.parametrize("reads", [False, True], ids=["skipped", "read"])
@pytest.mark.parametrize(
    "handler",
    [
        http2(ok, endless=lambda stream: frame(frames.DATA, 0, stream, bytes(16_384))),
        http2(ok, endless=lambda stream: frame(frames.DATA, frames.PADDED, stream, b"\xff" + bytes(255))),
        http2(
            lambda stream: frame(frames.HEADERS, 0, stream, b"\x88"),
            endless=lambda stream: frame(frames.CONTINUATION, 0, stream, bytes(999)),
        ),
        http2(endless=lambda stream: frame(frames.HEADERS, 4, stream, b"\x08\x03103")),
        http2(endless=lambda stream: frame(frames.PING, 0, 0, bytes(8))),
        http2(endless=lambda stream: frames.settings([])),
    ],
    ids=["body", "padding", "headers", "interim", "pings", "settings"],
)
def test_what_never_ends_is_given_up(handler: Handler, reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hinterland.load.drivers.transport.answer_room.LONGEST_ANSWER_BYTES", 4 << 20)
    load = against(handler, closed, reads=reads, count=4, timeout_s=0.2)
    assert set(load.errors) <= {"timeout", "too_long", "protocol", "closed"}
    assert all(len(lane.body) == 0 for lane in load.pool.lanes)  # type: ignore[attr-defined]


@LOOPS
def test_nobody_there(drive: Drive) -> None:
    async def scenario(port: int, **patience: float) -> Load:
        plan = plan_for(port, "http2", **SHARED, **patience)
        return await asyncio.wait_for(drive(plan, count=8), PATIENT_S)

    with refused_port() as port:
        assert uvloop.run(scenario(port)).errors == {"refused": 8}
    with full_port() as port:
        assert uvloop.run(scenario(port, timeout_s=0.2)).errors == {"timeout": 8}


@LOOPS
def test_a_server_that_restarts_in_the_middle(drive: Drive) -> None:
    """Operations fail while it is away, and are answered again by the same lanes when it is back."""

    async def scenario() -> Load:
        seen, enough = 0, asyncio.Event()

        def says(stream: int) -> bytes:
            nonlocal seen
            seen += 1
            if seen == 20:
                enough.set()
            return frame(frames.HEADERS, 5, stream, b"\x88")

        async with served(http2(says)) as port:
            plan = plan_for(port, "http2", **SHARED)
            task = asyncio.ensure_future(drive(plan, count=600))
            await enough.wait()
        before = seen
        async with served(http2(says), port):
            load = await asyncio.wait_for(task, PATIENT_S)
        assert seen > before
        assert await no_tasks_left()
        return load

    load = uvloop.run(scenario())
    assert load.errors[""] > 100
    assert set(load.errors) <= {"", "refused", "closed", "reset"}
