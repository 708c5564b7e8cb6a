"""What all four ways share: numbered chunks of known bytes, the pace at which they leave, and a ledger.

Chunk n holds its number, when it was due, and bytes that follow from its number, so that a receiver sees
whether what it got is what was sent, and at which place. Times are nanoseconds of the monotonic clock, which
all processes of one machine share.
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

CHUNK_BYTES = 600
HEAD = struct.Struct("!IQ")
END = b"end"  # What a sender says last, where chunks may be lost.


def options(says: str, kinds: list[str]) -> argparse.Namespace:
    """Returns what the two halves of a program are told on the command line."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("role", choices=["receive", "send"])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--kind", choices=kinds, default=kinds[0])
    parser.add_argument("--count", type=int, default=120, help="how many chunks there will be")
    parser.add_argument("--rate", type=float, default=250, help="chunks a second")
    parser.add_argument(
        "--quiet-s", type=float, default=0.12, help="how long to wait for stragglers after the end"
    )
    parser.add_argument("--out", type=Path, help="file for what happened; default: print it")
    return parser.parse_args()


def chunk(number: int, due_ns: int) -> bytes:
    """Returns chunk `number`: its head, then bytes that only this chunk has at this place."""
    head = HEAD.pack(number, due_ns)
    return head + bytes((number + place) % 251 for place in range(CHUNK_BYTES - len(head)))


class Ledger:
    """What a receiver got, in that order: a row [number, due_ns, done_ns, intact] for each chunk."""

    def __init__(self, count: int, quiet_s: float) -> None:
        self.rows: list[list[int]] = []
        self._count, self._quiet_s = count, quiet_s
        self._unfinished = b""
        self._ended = False
        self._numbers: set[int] = set()
        self._news = asyncio.Event()

    def read(self, data: bytes) -> None:
        """Takes the next bytes of a stream, which knows nothing of chunks."""
        self._unfinished += data
        while len(self._unfinished) >= CHUNK_BYTES:
            self.take(self._unfinished[:CHUNK_BYTES])
            self._unfinished = self._unfinished[CHUNK_BYTES:]

    def take(self, data: bytes) -> None:
        """Takes one message."""
        now_ns = time.monotonic_ns()
        self._news.set()
        if data == END:
            self._ended = True
            return
        number, due_ns = HEAD.unpack_from(data)
        self.rows.append([number, due_ns, now_ns, int(data == chunk(number, due_ns))])
        self._numbers.add(number)

    async def complete(self, whole: bool) -> None:
        """Returns when all is here or, where chunks may be lost, when the end came and then nothing more."""
        while len(self._numbers) < self._count if whole else not self._ended:
            self._news.clear()
            await self._news.wait()
        while not whole and self._news.is_set():
            self._news.clear()
            await asyncio.sleep(self._quiet_s)
            # After a stall the clock may have run out before what lies in the socket was read.
            await asyncio.sleep(0.01)


async def told(says: str) -> None:
    """Prints a line, and returns at Enter."""
    print(says, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def paced(
    count: int, rate_per_s: float, send: Callable[[bytes], Awaitable[None]]
) -> dict[str, list[int]]:
    """Waits for Enter, then sends each chunk when it is due, or as soon after as `send` lets go of the last.

    Returns for each chunk when it was due, when the sender turned to it, and when `send` returned.
    """
    await told("connected: press Enter to send")
    gap_ns = round(1e9 / rate_per_s)
    start_ns = time.monotonic_ns() + gap_ns
    due_ns = [start_ns + number * gap_ns for number in range(count)]
    begun_ns, sent_ns = [], []
    for number in range(count):
        await asyncio.sleep(max(0, due_ns[number] - time.monotonic_ns()) / 1e9)
        begun_ns.append(time.monotonic_ns())
        await send(chunk(number, due_ns[number]))
        sent_ns.append(time.monotonic_ns())
    return {"due_ns": due_ns, "begun_ns": begun_ns, "sent_ns": sent_ns}


def write(result: object, out: Path | None) -> None:
    """Writes what happened as JSON."""
    if out is None:
        print(json.dumps(result))
    else:
        out.write_text(json.dumps(result))


async def stay(end: Callable[[], None] | None = None) -> None:
    """Says that all is sent, and returns at Ctrl-D: what was sent may still be under way.

    At Enter it says so to the receiver, too, where that can't know by itself.
    """
    print("done", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    if end is not None:
        end()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
