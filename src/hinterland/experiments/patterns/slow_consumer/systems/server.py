"""A feed for many subscribers, with a policy for those who can't keep up.

    python server.py 8080 unbounded
    nc 127.0.0.1 8080      # ... then press Enter here, and the feed begins

It prints `ready`, and at Enter publishes COUNT messages of SIZE bytes, one every EVERY_S: a number, the
moment it was due in ns of CLOCK_MONOTONIC, and filling, as one line. Policies:

- unbounded: write, and never look back. WRONG on purpose. People write `for each: writer.write(line)`
  because it works in every test: the library keeps what the kernel doesn't take.
- block: write, and wait until everybody has taken it. WRONG on purpose for a broadcast. It looks like the
  cure, and is one where there is a single reader; here everybody is as slow as the slowest.
- drop_oldest: a queue of 16 messages for each; a full one loses its oldest.
- disconnect: a queue of 16 messages for each; whoever's is full is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections import deque

COUNT, EVERY_S, SIZE = 320, 0.002, 16_384
QUEUE = 16
BUFFER_BYTES = 32_768  # What the kernel and the library keep for a subscriber, each.


class Subscriber:
    """One connection, and what waits for it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.waiting: deque[bytes] = deque()
        self.news = asyncio.Event()
        self.sending: asyncio.Task[None] | None = None

    async def send(self) -> None:
        """Hands over what waits, as fast as the subscriber takes it."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.news.wait()
                self.news.clear()
                while self.waiting:
                    self.writer.write(self.waiting.popleft())
                    await self.writer.drain()


class Feed:
    """All subscribers, and how a message gets to them."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.subscribers: list[Subscriber] = []

    async def join(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        writer.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        one = Subscriber(writer)
        if self.policy in ("drop_oldest", "disconnect"):
            one.sending = asyncio.create_task(one.send())
        self.subscribers.append(one)
        writer.write(b"welcome\n")

    async def publish(self, line: bytes) -> None:
        for each in list(self.subscribers):
            if each.sending is None:
                each.writer.write(line)
            elif len(each.waiting) < QUEUE or self.make_room(each):
                each.waiting.append(line)
                each.news.set()
        if self.policy == "block":
            for each in self.subscribers:
                with contextlib.suppress(ConnectionError):
                    await each.writer.drain()
        self.subscribers = [each for each in self.subscribers if not each.writer.is_closing()]

    def make_room(self, one: Subscriber) -> bool:
        """Decides whether a subscriber whose queue is full gets the next message."""
        if self.policy == "drop_oldest":
            one.waiting.popleft()
            return True
        self.subscribers.remove(one)
        one.writer.transport.abort()
        return False


async def main(port: int, policy: str) -> None:
    feed = Feed(policy)
    server = await asyncio.start_server(feed.join, "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    start_ns = time.monotonic_ns()
    print(json.dumps({"start_ns": start_ns, "count": COUNT, "every_s": EVERY_S}), flush=True)
    for number in range(1, COUNT + 1):
        due_ns = start_ns + round(number * EVERY_S * 1e9)
        await asyncio.sleep((due_ns - time.monotonic_ns()) / 1e9)
        await feed.publish(f"{number} {due_ns} ".encode().ljust(SIZE - 1, b".") + b"\n")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
