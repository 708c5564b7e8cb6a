"""Webhooks, the sender's side: the server turns into a client and calls each subscriber's own endpoint.

Each subscriber has a task, a connection that is kept between events, and a place in the feed. An event
that could not be handed over is tried again, later each time; the ones behind it wait, so that all come in
order. A subscriber whom nobody can reach gets nothing: who sits behind a router or a firewall that lets
nobody in can ask, but not be called.

Left out here: a signature over the body, which tells the receiver who calls; an end to the trying; and
a check that a URL does not lead into the sender's own network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 60.0


async def deliver(url: str, news: Callable[[int], Awaitable[list[str]]], *, after: int) -> None:
    """POSTs each event after number `after` to `url`, for ever. `news(n)` waits for events after n."""
    endpoint, number = Endpoint(url), after
    while True:
        for event in await news(number):
            pause_s = FIRST_PAUSE_S
            while not await endpoint.takes(event):
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            number += 1


class Endpoint:
    """A subscriber's address, and the connection to it while there is one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def takes(self, event: str) -> bool:
        """Hands over one event; returns whether the endpoint said 2xx."""
        try:
            if self.streams is None:
                self.streams = await asyncio.open_connection(self.host, self.port)
            reader, writer = self.streams
            writer.write(f"{self.head}{len(event.encode())}\r\n\r\n{event}".encode())
            status = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        except (OSError, asyncio.IncompleteReadError):
            self.hang_up()
            return False
        if not status.startswith(b"2"):
            # What else its answer holds is not read: so the connection is of no more use.
            self.hang_up()
            return False
        return True

    def hang_up(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None
