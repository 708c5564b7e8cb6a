"""One feed of news, served in five ways: short polling, long polling, server-sent events, WebSocket, webhook.

    python server.py 8080
    curl 'http://127.0.0.1:8080/poll?after=0'   # short polling: what is new since event 0, at once
    curl 'http://127.0.0.1:8080/wait?after=0'   # long polling: the answer waits until something is new
    curl -N http://127.0.0.1:8080/stream        # server-sent events: one answer that never ends
    curl http://127.0.0.1:8080/hooks -d '{"url": "http://127.0.0.1:9000/news"}'   # webhook: POST it to me
    curl -X POST http://127.0.0.1:8080/publish -d '[0, 500, 900]'

The last one publishes three events, so many milliseconds from now. Each event carries the moment of
its publication in nanoseconds of CLOCK_MONOTONIC, which all processes of one machine share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Coroutine

import uvicorn
import webhooks  # type: ignore[import-not-found]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

LONGEST_WAIT_S = 25.0


class Feed:
    """The events so far, each a line of JSON, and a bell that rings for every new one. Ids count from 1."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._bell = asyncio.Event()

    def publish(self) -> None:
        number = len(self.events) + 1
        headline = f"Bulletin {number}: all is well."
        event = {"id": number, "published_ns": time.monotonic_ns(), "headline": headline}
        self.events.append(json.dumps(event, separators=(",", ":")))
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    def after(self, number: int) -> list[str]:
        return self.events[number:]

    async def news(self, number: int) -> list[str]:
        """Waits until there are events after `number`, and returns them."""
        while not (events := self.after(number)):
            await self._bell.wait()
        return events


feed = Feed()


def answer(events: list[str]) -> Response:
    return Response("[" + ",".join(events) + "]", media_type="application/json")


async def poll(request: Request) -> Response:
    """Short polling: an answer at once, mostly an empty one."""
    return answer(feed.after(int(request.query_params["after"])))


async def wait(request: Request) -> Response:
    """Long polling: the answer waits for news. An empty one after a while, before a proxy gives up on us."""
    try:
        async with asyncio.timeout(LONGEST_WAIT_S):
            return answer(await feed.news(int(request.query_params["after"])))
    except TimeoutError:
        return answer([])


async def stream(request: Request) -> Response:
    """Server-sent events. A client that comes back says in Last-Event-ID where it stopped reading."""
    last = request.headers.get("last-event-id")

    async def lines() -> AsyncIterator[str]:
        number = int(last) if last else len(feed.events)
        yield ": welcome\n\n"
        while True:
            for event in await feed.news(number):
                number += 1
                yield f"id: {number}\ndata: {event}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"cache-control": "no-store"})


async def socket(websocket: WebSocket) -> None:
    """WebSocket: after the handshake, each event is one frame."""
    number = int(websocket.query_params.get("after", len(feed.events)))
    await websocket.accept()
    try:
        while True:
            for event in await feed.news(number):
                number += 1
                await websocket.send_text(event)
    except WebSocketDisconnect:
        pass  # the client left; this is noticed when the next event is sent


async def subscribe(request: Request) -> Response:
    """Webhook: from now on, each event is POSTed to the URL that the client leaves here."""
    keep_going(webhooks.deliver((await request.json())["url"], feed.news, after=len(feed.events)))
    return Response(status_code=201)


tasks: set[asyncio.Task[None]] = set()


def keep_going(work: Coroutine[None, None, None]) -> None:
    """Runs it beside everything else. The loop alone would let go of a task that nobody holds."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def publish(request: Request) -> Response:
    """The newsroom: publishes one event at each of the given moments, in milliseconds from now."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    async def at(moments_ms: list[float]) -> None:
        for moment_ms in moments_ms:
            await asyncio.sleep(start_s + moment_ms / 1000 - loop.time())
            feed.publish()

    keep_going(at(await request.json()))
    return Response(status_code=202)


app = Starlette(
    routes=[
        Route("/poll", poll),
        Route("/wait", wait),
        Route("/stream", stream),
        WebSocketRoute("/socket", socket),
        Route("/hooks", subscribe, methods=["POST"]),
        Route("/publish", publish, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_per_message_deflate=False
    )
