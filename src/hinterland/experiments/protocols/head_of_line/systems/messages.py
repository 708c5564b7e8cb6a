"""What all feeds share: a message, the pace at which messages leave, and a reader's notebook.

Twenty feeds share one line, as twenty share prices on one screen do. Message n belongs to feed n mod 20. It
carries the moment at which it was due and the one at which it was sent, on the monotonic clock that all
processes of one machine share, so that its way can be timed exactly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

FEEDS = 20
MESSAGE_BYTES = 1000
HEAD = struct.Struct("!IQQ")  # Its number, and when it was due and sent, in nanoseconds.
TICK_S = 0.002
STALL_NS = 2_000_000  # A clock tick that is noticed so late is written down.

Write = Callable[[bytes], None]


def options(says: str) -> argparse.Namespace:
    """Returns what a feed's two halves are told on the command line. A reader then connects at Enter."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("role", choices=["serve", "follow"])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--count", type=int, default=50, help="how many messages there will be")
    parser.add_argument("--rate", type=float, default=100, help="messages a second")
    parser.add_argument("--parts", type=int, default=20, help="how many answers the reader asks for")
    parser.add_argument("--out", type=Path, default=Path("received.json"))
    given = parser.parse_args()
    if given.role == "follow":
        print("ready: press Enter to connect", flush=True)
        sys.stdin.readline()
    return given


class Newsroom:
    """Sends message after message to whoever asked for its feed, each when it is due."""

    def __init__(self, count: int, rate_per_s: float) -> None:
        self.count = count
        self.gap_ns = round(1e9 / rate_per_s)
        self._readers: list[tuple[int, int, Write]] = []
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, path: str, write: Write) -> None:
        """Notes a reader of `/feed/PART-of-PARTS`: the feeds k with k mod PARTS = PART."""
        part, _, parts = path.rpartition("/")[2].partition("-of-")
        self._readers.append((int(part), int(parts), write))

    def begin(self) -> None:
        """Begins to send."""
        self._task = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        start_ns = time.monotonic_ns() + self.gap_ns
        for number in range(self.count):
            due_ns = start_ns + number * self.gap_ns
            await asyncio.sleep((due_ns - time.monotonic_ns()) / 1e9)
            for part, parts, write in self._readers:
                if number % FEEDS % parts == part:
                    head = HEAD.pack(number, due_ns, time.monotonic_ns())
                    write(head.ljust(MESSAGE_BYTES, b"."))


class Notebook:
    """What a reader has read: a row [number, due_ns, sent_ns, done_ns, arrival] for each message.

    An arrival is one delivery by the transport: a datagram, or what one read of a TCP connection gave.
    Messages of one arrival became readable together.
    """

    def __init__(self, count: int) -> None:
        self.rows: list[list[int]] = []
        self.arrivals = 0
        self.stalls: list[tuple[int, int]] = []
        self.lossy = False
        self._count = count
        self._unfinished: dict[object, bytes] = {}
        self._news = asyncio.Event()

    def arrive(self) -> None:
        """Notes that the transport has delivered something."""
        self.arrivals += 1

    def read(self, source: object, data: bytes) -> None:
        """Takes the next bytes of an answer. `source` tells the answers apart."""
        now_ns = time.monotonic_ns()
        kept = self._unfinished.get(source, b"") + data
        while len(kept) >= MESSAGE_BYTES:
            self.rows.append([*HEAD.unpack_from(kept), now_ns, self.arrivals])
            kept = kept[MESSAGE_BYTES:]
        self._unfinished[source] = kept
        self._news.set()

    async def filled(self) -> None:
        """Returns when every message is here or, on a transport that repairs nothing, when the last one is.

        The network keeps their order and loses none of the last: what is not here then was lost.
        """
        while len(self.rows) < self._count and not (self.lossy and self._last_came):
            self._news.clear()
            await self._news.wait()

    @property
    def _last_came(self) -> bool:
        return bool(self.rows) and self.rows[-1][0] == self._count - 1

    async def watch_itself(self) -> None:
        """Notes each clock tick that was noticed late: when it was due, and when it was noticed.

        A reader that is not given the processor reads late through no fault of the network.
        """
        while True:
            due_ns = time.monotonic_ns() + round(TICK_S * 1e9)
            await asyncio.sleep(TICK_S)
            noticed_ns = time.monotonic_ns()
            if noticed_ns - due_ns > STALL_NS:
                self.stalls.append((due_ns, noticed_ns))


async def follow(notebook: Notebook, out: Path, begin: Callable[[], Awaitable[None]]) -> None:
    """Has the newsroom begin at Enter, writes down what came, says so, and stays until Ctrl-D."""
    print("connected: press Enter to begin", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    watch = asyncio.create_task(notebook.watch_itself())
    await begin()
    await notebook.filled()
    watch.cancel()
    out.write_text(json.dumps({"rows": notebook.rows, "stalls": notebook.stalls}))
    print("done", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
