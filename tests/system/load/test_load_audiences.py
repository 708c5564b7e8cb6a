"""An audience in several processes hears what one in this process hears, and none of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hinterland.errors import SystemFailure
from hinterland.lab.audience import audiences
from hinterland.lab.audience.audiences import Audiences
from hinterland.lab.audience.following import Following
from hinterland.lab.audience.part import Heard

pytestmark = pytest.mark.system

EVENTS = 3


class Newsroom:
    """A server with an event stream at /stream and webhooks at /hooks, which publishes to all of them."""

    def __init__(self) -> None:
        self.streams: list[asyncio.StreamWriter] = []
        self.urls: list[str] = []
        self.published_ns: dict[int, int] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /stream "):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: welcome\n\n")
                self.streams.append(writer)
            elif head.startswith(b"POST /hooks "):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                self.urls.append(json.loads(await reader.readexactly(length))["url"])
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async def publish(self) -> None:
        callers = [await asyncio.open_connection(urlsplit(u).hostname, urlsplit(u).port) for u in self.urls]
        for number in range(1, EVENTS + 1):
            self.published_ns[number] = time.monotonic_ns()
            event = json.dumps({"id": number})
            for stream in self.streams:
                stream.write(f"data: {event}\n\n".encode())
            for reader, writer in callers:
                writer.write(f"POST / HTTP/1.1\r\nContent-Length: {len(event)}\r\n\r\n{event}".encode())
                await reader.readuntil(b"\r\n\r\n")


async def follow(way: str, clients: int, processes: int) -> tuple[Heard, Audiences, Newsroom]:
    newsroom = Newsroom()
    path = {"sse": "/stream", "webhook": "/hooks"}.get(way, "/nothing")
    followings = [Following("sse" if way == "wrong" else way, path)] * clients  # type: ignore[arg-type]
    server = await asyncio.start_server(newsroom.serve, "127.0.0.1", 0, backlog=1000)
    port = server.sockets[0].getsockname()[1]
    async with server, Audiences(followings, "127.0.0.1", port, processes=processes) as audience:
        publishing = asyncio.create_task(newsroom.publish())
        heard = await audience.listen(0.0, events=EVENTS, patience_s=60.0)
        await publishing
    return heard, audience, newsroom


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("way", ["sse", "webhook"])
def test_everybody_hears_everything(way: str, processes: int) -> None:
    heard, audience, newsroom = asyncio.run(follow(way, 20, processes))
    called = way == "webhook"
    assert [[event for _, event in one] for one in heard.arrivals] == [[1, 2, 3]] * 20
    assert (heard.requests, heard.connections) == ((80, 40) if called else (20, 20))
    assert heard.errors == []
    sample = audience.sample(newsroom.published_ns)
    assert len(sample.done_ns) == 60
    assert (sample.done_ns >= sample.sent_ns).all()
    assert sorted(set(sample.connection.tolist())) == list(range(20))
    assert not parts()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_feed_that_is_not_there_is_said(processes: int) -> None:
    with pytest.raises((ConnectionError, SystemFailure), match="status 404"):
        asyncio.run(follow("wrong", 4, processes))
    assert not parts()


def test_as_many_processes_as_files_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiences, "FILES_EACH", 5_000)
    count = {
        (way, clients): Audiences([Following(way, "/")] * clients, "127.0.0.1", 1).processes
        for way in ("sse", "webhook")
        for clients in (30, 2_500, 5_000, 10_000)
    }
    assert [count["sse", n] for n in (30, 5_000, 10_000)] == [1, 1, 2]
    assert [count["webhook", n] for n in (30, 2_500, 5_000, 10_000)] == [1, 1, 2, 4]


def parts() -> list[str]:
    """Returns the parts of an audience that are children of this process."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    lines = [Path(f"/proc/{pid}/cmdline") for pid in found]
    return [text for line in lines if line.exists() and "audience.part" in (text := line.read_text())]
