"""One sender of notifications: it calls every receiver, or publishes to a NATS server.

    python sender.py direct 10 8081 8082                # a notification every 10 ms, to two receivers
    python sender.py direct_concurrent 10 8081 8082     # the same calls, all at the same time
    python sender.py direct_breaker 10 8081 8082        # who has failed is left out for a while
    python sender.py nats 10 nats://127.0.0.1:4222      # it doesn't know who listens
    python sender.py jetstream 10 nats://127.0.0.1:4222

It prints `ready`, begins at Enter, and ends at the next Enter with what was due by then. A call that is not
answered within 100 ms has failed; a publication is done when the server has answered that it has it. One
line of JSON comes out: for each notification when it was due, when its sending began and ended (in ns of
CLOCK_MONOTONIC) and how many receivers could not be told; and what the first FIRST of them cost.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import struct
import sys
import time
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol

SUBJECT = "news"
TIMEOUT_S = 0.1
LEFT_OUT_S = 0.2  # Seconds are usual; this is short because what is measured here lasts a quarter of one.
FIRST = 20
HEADLINE = "All is well. " * 16


class Way(Protocol):
    async def open(self) -> None: ...

    async def notify(self, body: bytes) -> int:
        """Sends one notification and returns how many receivers certainly were not told."""
        ...

    def leaves_out(self) -> bool:
        """Returns whether there is a receiver that it does not call for the moment."""
        ...


class Direct:
    """Calls the receivers of a list, one after the other, over connections that stay."""

    def __init__(self, ports: list[int]) -> None:
        self.receivers = [HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S) for port in ports]

    async def open(self) -> None:
        for each in self.receivers:
            each.connect()

    async def notify(self, body: bytes) -> int:
        failed = 0
        for each in self.receivers:
            try:
                each.request("POST", "/news", body)
                each.getresponse().read()
            except (OSError, HTTPException):
                each.close()  # The next request connects anew.
                failed += 1
        return failed

    def leaves_out(self) -> bool:
        return False


class Concurrent:
    """Calls all receivers of a list at the same time (concurrent fan-out), over connections that stay.

    With a circuit breaker, who has not answered in time or refused is not called for `left_out_s`.
    """

    def __init__(self, ports: list[int], left_out_s: float = 0) -> None:
        self.ports, self.left_out_s = ports, left_out_s
        self.connections: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self.called_again_s: dict[int, float] = {}

    async def open(self) -> None:
        for port in self.ports:
            self.connections[port] = await asyncio.open_connection("127.0.0.1", port)

    async def notify(self, body: bytes) -> int:
        told = await asyncio.gather(*(self.call(port, body) for port in self.ports))
        return told.count(False)

    def leaves_out(self) -> bool:
        return any(not self.is_called(port) for port in self.ports)

    def is_called(self, port: int) -> bool:
        return time.monotonic() >= self.called_again_s.get(port, 0)

    async def call(self, port: int, body: bytes) -> bool:
        """Returns whether a receiver has answered within the time that a call one after the other has."""
        if not self.is_called(port):
            return False
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if port not in self.connections:
                    self.connections[port] = await asyncio.open_connection("127.0.0.1", port)
                reader, writer = self.connections[port]
                # The head that http.client writes, so that either way sends the same bytes.
                head = f"POST /news HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: identity\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            if port in self.connections:
                self.connections.pop(port)[1].close()  # The next call connects anew.
            self.called_again_s[port] = time.monotonic() + self.left_out_s
            return False
        return True


class Broker:
    """Publishes to a subject. With `kept` the server stores it for those who are away."""

    def __init__(self, url: str, kept: bool) -> None:
        self.url, self.kept = url, kept

    async def open(self) -> None:
        import nats

        self.client = await nats.connect(self.url)
        self.streams = self.client.jetstream()

    async def notify(self, body: bytes) -> int:
        if self.kept:
            await self.streams.publish(SUBJECT, body)  # Answered when it is in the stream.
        else:
            await self.client.publish(SUBJECT, body)
            await self.client.flush()
        return 0

    def leaves_out(self) -> bool:
        return False


def sent_bytes() -> int:
    """Returns how many bytes all TCP connections of this process have sent, as the kernel counts."""
    total = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 208)
        except OSError:
            continue  # Closed meanwhile, or no TCP.
        total += struct.unpack_from("Q", told, 200)[0]  # tcpi_bytes_sent, of Linux 4.19
    return total


def told_to_end() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


async def main(way: Way, every_s: float) -> None:
    await way.open()
    print("ready", flush=True)
    sys.stdin.readline()
    rows: list[tuple[int, int, int, int]] = []
    cost: dict[str, Any] = {}
    bytes_before, cpu_before = sent_bytes(), time.process_time()
    start_ns, end_ns, last = time.monotonic_ns(), 0, False
    while not last:
        due_ns = start_ns + round(len(rows) * every_s * 1e9)
        await asyncio.sleep((due_ns - time.monotonic_ns()) / 1e9)
        if not end_ns and told_to_end():
            end_ns = time.monotonic_ns()
        # Whoever is behind the schedule has to catch up first, and all have to hear that this was the last.
        last = 0 < end_ns <= due_ns and not way.leaves_out()
        body = json.dumps({"id": len(rows) + 1, "last": last, "headline": HEADLINE}).encode()
        begun_ns = time.monotonic_ns()
        failed = await way.notify(body)
        rows.append((due_ns, begun_ns, time.monotonic_ns(), failed))
        if len(rows) == FIRST:
            cpu_s = time.process_time() - cpu_before
            cost = {"bytes": sent_bytes() - bytes_before, "cpu_s": cpu_s, "count": FIRST}
    print(json.dumps({"sent": rows, "first": cost}), flush=True)


if __name__ == "__main__":
    name, interval_ms, *where = sys.argv[1:]
    chosen: Way
    if name == "direct":
        chosen = Direct([int(port) for port in where])
    elif name == "direct_concurrent":
        chosen = Concurrent([int(port) for port in where])
    elif name == "direct_breaker":
        chosen = Concurrent([int(port) for port in where], LEFT_OUT_S)
    else:
        chosen = Broker(where[0], kept=name == "jetstream")
    asyncio.run(main(chosen, float(interval_ms) / 1000))
