"""A server of reports. Each asks a neighbour for its data, waits for them, and computes a page from them.

    python reports.py 8080 8081 18 2 1    # port, the neighbour's port, ms of waiting, ms of CPU, workers

`workers` is how many reports may be under way at once. They are coroutines of one thread: more of them can
wait at once, but only one of them computes. When it ends it prints what its reports cost.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from hashlib import sha256

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BETWEEN_LOOKS = 20  # Rounds between two looks at the CPU clock: some 10 us.


def compute(cpu_ms: float) -> None:
    """Hashes until this thread has spent `cpu_ms` of CPU time; time without a core does not count."""
    end_ns = time.thread_time_ns() + round(cpu_ms * 1e6)
    digest = b""
    while time.thread_time_ns() < end_ns:
        for _ in range(BETWEEN_LOOKS):
            digest = sha256(digest).digest()


class Reports:
    """Makes reports, `workers` at once at most. Each worker keeps a connection to the neighbour."""

    def __init__(self, neighbour_port: int, wait_ms: float, cpu_ms: float, workers: int) -> None:
        self.neighbour_port, self.workers = neighbour_port, workers
        self.wait_ms, self.cpu_ms = wait_ms, cpu_ms
        self.question = b"GET /?wait_ms=%.3f HTTP/1.1\r\nHost: neighbour\r\n\r\n" % wait_ms
        self.free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.made = self.waited_ns = self.took_ns = 0

    async def connect(self) -> None:
        for _ in range(self.workers):
            self.free.put_nowait(await asyncio.open_connection("127.0.0.1", self.neighbour_port))

    async def make(self) -> None:
        """Waits for a worker, then for the neighbour, then computes."""
        heard, said = connection = await self.free.get()
        began_ns = time.monotonic_ns()
        if self.wait_ms > 0:
            said.write(self.question)
            await heard.readuntil(b"\r\n\r\n")
        came_ns = time.monotonic_ns()
        compute(self.cpu_ms)
        self.made += 1
        self.waited_ns += came_ns - began_ns
        self.took_ns += time.monotonic_ns() - began_ns
        self.free.put_nowait(connection)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await self.make()
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # The client left.


async def main(port: int, reports: Reports) -> None:
    await reports.connect()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with await asyncio.start_server(reports.serve, "127.0.0.1", port):
        await ended.wait()
    print(json.dumps({"made": reports.made, "waited_ns": reports.waited_ns, "took_ns": reports.took_ns}))


if __name__ == "__main__":
    asyncio.run(
        main(
            int(sys.argv[1]),
            Reports(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])),
        )
    )
