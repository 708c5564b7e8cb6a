"""One feed of news in four ways, for clients that are away for a while, with three kinds of memory.

    python server.py 127.0.0.1 8080 ids
    curl 'http://127.0.0.1:8080/poll?after=0'   # short polling: what is new, at once
    curl 'http://127.0.0.1:8080/wait?after=0'   # long polling: the answer waits for news
    curl -N http://127.0.0.1:8080/stream -H 'Last-Event-ID: 0'
    curl -X POST http://127.0.0.1:8080/publish -d '{"count": 60, "every_ms": 15}'

The last argument says what a connection begins with:
- ids: what came after the id that the client names. The client remembers how far it is.
- none: what comes from now on. WRONG on purpose: the server remembers for each connection how far it is,
  and a connection that breaks takes that along. Most tutorials of WebSocket do this, because it needs no ids.
- replay: the last 40 events. WRONG on purpose, and common in chats: the history is short, and it comes twice.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

REPLAYED = 40
BEAT_S = 0.05  # A silent connection says so often that it lives.

address, port, memory = sys.argv[1], int(sys.argv[2]), sys.argv[3]
events: list[str] = []  # Each a line of JSON; ids count from 1.
bell = asyncio.Event()
read_up_to: dict[object, int] = {}  # How far each polling connection is, where the client does not say.


def publish(last: bool) -> None:
    """Adds an event, with the moment in ns of CLOCK_MONOTONIC, and rings for everybody who waits."""
    global bell
    event = {"id": len(events) + 1, "published_ns": time.monotonic_ns(), "last": last}
    events.append(json.dumps(event))
    ringing, bell = bell, asyncio.Event()
    ringing.set()


async def news(number: int) -> list[str]:
    """Returns the events after `number`: at once if there are any, none after a beat of silence."""
    if number == len(events):
        try:
            async with asyncio.timeout(BEAT_S):
                await bell.wait()
        except TimeoutError:
            return []
    return events[number:]


def beginning(said: str | None) -> int:
    """Returns after which event a new connection begins; `said` is the id that the client named."""
    if memory == "ids" and said is not None:
        return int(said)
    return max(0, len(events) - REPLAYED) if memory == "replay" else len(events)


def place(connection: HTTPConnection) -> int:
    """Returns how far the client of a poll is."""
    after = connection.query_params.get("after")
    if memory == "ids" and after is not None:
        return int(after)
    return read_up_to.setdefault(connection.client, beginning(None))


def answer(request: Request, found: list[str]) -> Response:
    if request.client in read_up_to:
        # It counts as read when it is written: whether it arrives, the server does not hear.
        read_up_to[request.client] += len(found)
    return Response("[" + ",".join(found) + "]", media_type="application/json")


async def poll(request: Request) -> Response:
    return answer(request, events[place(request) :])


async def wait(request: Request) -> Response:
    return answer(request, await news(place(request)))


async def stream(request: Request) -> Response:
    number = beginning(request.headers.get("last-event-id"))

    async def lines(number: int) -> AsyncIterator[str]:
        yield ": welcome\n\n"
        while True:
            found = await news(number)
            for event in found:
                number += 1
                yield f"id: {number}\ndata: {event}\n\n"
            if not found:
                yield ": beat\n\n"

    return StreamingResponse(lines(number), media_type="text/event-stream")


async def socket(websocket: WebSocket) -> None:
    number = beginning(websocket.query_params.get("after"))
    await websocket.accept()
    try:
        while True:
            found = await news(number)
            for event in found or ["{}"]:
                await websocket.send_text(event)
            number += len(found)
    except WebSocketDisconnect:
        pass  # The client left.


publishing: set[asyncio.Task[None]] = set()


async def newsroom(request: Request) -> Response:
    """Publishes so many events, evenly spread, and says so of the last."""
    asked = await request.json()
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    async def all_of_them() -> None:
        for number in range(1, asked["count"] + 1):
            await asyncio.sleep(start_s + number * asked["every_ms"] / 1000 - loop.time())
            publish(last=number == asked["count"])

    task = asyncio.create_task(all_of_them())
    publishing.add(task)
    task.add_done_callback(publishing.discard)
    return Response(status_code=202)


async def archive(request: Request) -> Response:
    """All events that ever were."""
    return Response("[" + ",".join(events) + "]", media_type="application/json")


app = Starlette(
    routes=[
        Route("/poll", poll),
        Route("/wait", wait),
        Route("/stream", stream),
        WebSocketRoute("/socket", socket),
        Route("/publish", newsroom, methods=["POST"]),
        Route("/archive", archive),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host=address, port=port, log_level="warning", ws_per_message_deflate=False)
