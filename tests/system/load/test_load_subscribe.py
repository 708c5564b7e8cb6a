"""Subscribers to WebSockets and event streams: uvicorn publishes, and each event is an operation."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvloop
import websockets.asyncio.server
from lane_lab import PATIENT_S, Driven, InTurn, looked_until, subscribe, target
from misbehaving import Handler, read_request, served

from hinterland.clients.http import HttpClient
from hinterland.clients.message import Request
from hinterland.load.engine.loop import Loop
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import LoadPlan
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

SUBSCRIBERS = 5
APP = '''
import asyncio, json, sys, time
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

audience, count = set(), 0

async def publish(request):
    """Publishes an event to everyone; `skip` leaves numbers out, `field` says where its time stands."""
    global count
    query = request.query_params
    count += 1 + int(query.get("skip", 0))
    field = query.get("field", "sent_ns")
    now = time.time_ns() / 1e6 if field == "ts" else time.monotonic_ns()
    event = json.dumps({"id": count, field: now, "text": "news"})
    for queue in audience:
        queue.put_nowait(event)
    return JSONResponse(len(audience))

async def events(queue):
    audience.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        audience.discard(queue)

async def stream(request):
    async def body():
        yield ": welcome\\n\\n"
        async for event in events(asyncio.Queue()):
            yield f"data: {event}\\n\\n"
    return StreamingResponse(body(), media_type="text/event-stream")

async def socket(connection):
    await connection.accept()
    async for event in events(asyncio.Queue()):
        await connection.send_text(event)

feeds = [Route("/events", stream), WebSocketRoute("/socket", socket)]
app = Starlette(routes=[Route("/publish", publish), *feeds])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", timeout_graceful_shutdown=0)
'''


def plan(protocol: str, port: int, path: str) -> LoadPlan:
    return LoadPlan(target=target(protocol, port, path=path), subscribe=True)  # type: ignore[arg-type]


def good(loop: Loop) -> int:
    """Returns how many events came well."""
    columns = loop.recorder.columns(loop.next)
    return int(np.count_nonzero((columns.error == 0) & (columns.done_ns >= 0)))


def requests(plan: LoadPlan, message: bytes = b"") -> InTurn:
    path = plan.target.path
    if plan.target.protocol == "event_stream":
        message = Request("GET", path, {"Authorization": "Bearer t"}).encode("127.0.0.1", plan.target.port)
    return InTurn(Outgoing(message, path=path))


@pytest.mark.parametrize(("protocol", "path"), [("websocket", "/socket"), ("event_stream", "/events")])
@pytest.mark.parametrize("field", ["sent_ns", "t_ns", "ts"])
def test_each_subscriber_receives_each_event(
    scratch: Path, require: Callable[[str], None], protocol: str, path: str, field: str
) -> None:
    for need in ("python:starlette", "python:uvicorn", "python:websockets"):
        require(need)

    async def published(port: int, client: HttpClient, *, events: int, more: str = "") -> None:
        for _ in range(events):
            answer = await client.get(f"/publish?field={field}{more}")
            assert answer.json() == SUBSCRIBERS

    async def whole() -> None:
        (scratch / "app.py").write_text(APP)
        (scratch / "trial").mkdir()
        async with Rig(scratch / "trial", scratch / "cache", lambda event: None) as rig:
            port = rig.free_port()
            await rig.start([scratch / "app.py", port], name="feed", port=port)
            async with HttpClient("127.0.0.1", port) as client:
                listening = asyncio.ensure_future(
                    subscribe(
                        joining := plan(protocol, port, path),
                        requests(joining),
                        connections=SUBSCRIBERS,
                        until=lambda loop: good(loop) >= 11 * SUBSCRIBERS,
                    )
                )
                joined = 0
                while joined < SUBSCRIBERS:
                    joined = (await client.get("/publish?field=none")).json()
                await published(port, client, events=10)
                await published(port, client, events=1, more="&skip=2")
                driven = await listening
            check(driven)

    def check(driven: Driven) -> None:
        # The first one that all received, and any before it, had no time.
        timeless = driven.outcomes.pop("event without a time")
        assert timeless >= SUBSCRIBERS
        assert driven.outcomes == Counter(ok=11 * SUBSCRIBERS, lost=2 * SUBSCRIBERS)
        columns = driven.columns
        answered = columns.error == 0
        took_ms = (columns.done_ns - columns.sent_ns)[answered] / 1e6
        assert (took_ms >= 0).all()
        assert took_ms.max() < 60_000
        assert (columns.intended_ns == columns.sent_ns).all()
        assert set(columns.connection[answered]) == set(range(SUBSCRIBERS))

    uvloop.run(whole())


Connection = websockets.asyncio.server.ServerConnection


def event(number: int) -> str:
    return json.dumps({"id": number, "sent_ns": time.monotonic_ns()})


def over_websocket(
    handler: Callable[[Connection], Any], *, until: int, message: bytes = b"", connections: int = 1
) -> Driven:
    async def whole() -> Driven:
        async with websockets.asyncio.server.serve(handler, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await subscribe(
                joining := plan("websocket", port, "/"),
                requests(joining, message),
                connections=connections,
                until=lambda loop: loop.next >= until,
            )

    return uvloop.run(whole())


def over_http(handler: Handler, *, until: int) -> Driven:
    async def whole() -> Driven:
        async with served(handler) as port:
            return await subscribe(
                joining := plan("event_stream", port, "/"),
                requests(joining),
                connections=1,
                until=lambda loop: loop.next >= until or bool(loop.pool.open_errors),
            )

    return uvloop.run(whole())


def test_lost_events_are_operations_without_an_answer() -> None:
    async def forgetful(connection: Connection) -> None:
        for number in (1, 2, 5, 6):
            await connection.send(event(number))
        await connection.wait_closed()

    driven = over_websocket(forgetful, until=6)
    assert driven.outcomes == Counter(ok=4, lost=2)
    assert list(driven.columns.done_ns < 0) == [False, False, True, True, False, False]


def test_a_subscriber_says_what_it_wants() -> None:
    async def by_channel(connection: Connection) -> None:
        assert await connection.recv() == "news"
        await connection.send(event(1))
        await connection.wait_closed()

    assert over_websocket(by_channel, until=3, message=b"news", connections=3).outcomes == Counter(ok=3)


def test_a_subscription_that_the_server_ends() -> None:
    async def brief(connection: Connection) -> None:
        await connection.send(event(1))
        await connection.close(1001)

    assert over_websocket(brief, until=2).outcomes == Counter({"ok": 1, "closed 1001": 1})


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"


def streams(*pieces: bytes, close: bool = False) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if not close:
            await reader.read()

    return handle


def lines(*numbers: int) -> bytes:
    return "".join(f"id: {number}\ndata: {event(number)}\n\n" for number in numbers).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_a_stream_in_chunks_and_one_to_the_close() -> None:
    whole = lines(1, 2, 4)
    chunked = [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk(whole[:30]), chunk(whole[30:])]
    assert over_http(streams(*chunked), until=4).outcomes == Counter(ok=3, lost=1)
    ended = over_http(streams(*chunked, chunk(b"")[:5]), until=5)
    assert ended.outcomes == Counter(ok=3, lost=1, closed=1)
    to_the_close = over_http(streams(HEAD + b"\r\n", whole, close=True), until=5)
    assert to_the_close.outcomes == Counter(ok=3, lost=1, closed=1)


def test_a_stream_that_breaks() -> None:
    garbage = over_http(streams(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"garbage\r\n"), until=1)
    assert garbage.outcomes == Counter(protocol=1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "status 404"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
            "not an event stream: text/html",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "not an event stream: no Content-Type"),
        (b"-ERR unknown command\r\n", "protocol: this is not HTTP, it begins b'-ERR unknown command'"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "protocol: this is not HTTP"),
    ],
)
def test_what_is_no_event_stream_is_named(answer: bytes, says: str) -> None:
    driven = over_http(streams(answer), until=1)
    (found,) = driven.open_errors
    assert found.startswith(says)
    assert not driven.outcomes


def test_who_joins_again_says_what_it_had_last() -> None:
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HEAD + b"\r\n" + lines(*((1, 2) if len(asked) == 1 else (4,))))
        await writer.drain()

    async def whole() -> None:
        from hinterland.load.drivers.event_stream.driver import lanes
        from hinterland.load.engine.loops import ClosedLoop
        from hinterland.load.engine.pool import Pool
        from hinterland.load.engine.recorder import Recorder

        async with served(handle) as port:
            joining = plan("event_stream", port, "/")
            asks = requests(joining)
            loop = ClosedLoop(Recorder(20), asks, count=0)
            (lane,) = lanes(joining, 1, listener=loop, requests=asks)
            loop.pool = Pool([lane], timeout_s=PATIENT_S, listener=loop)
            for turn in (1, 2):
                assert await lane.open(PATIENT_S) == 0
                await looked_until(lambda: not lane.alive)
                # Each turn ends with the server's close, which is an operation of its own.
                assert loop.next == (3 if turn == 1 else 6)
            columns = loop.recorder.columns(loop.next)
            assert np.count_nonzero(columns.error) == 3

    uvloop.run(whole())
    assert [b"Last-Event-ID: 2\r\n" in each for each in asked] == [False, True]
    assert all(b"Accept: text/event-stream\r\n" in each for each in asked)
    assert all(b"Authorization: Bearer t\r\n" in each for each in asked)
