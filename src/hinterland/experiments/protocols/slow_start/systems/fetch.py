"""Fetches a file several times and notes when which part of it arrived.

    python fetch.py 127.0.0.1 7000 65536 fresh 8

It says when it is ready and begins at Enter. With `fresh` each fetch has a connection of its own that has
carried nothing yet: the first is alone, the others come after it, all at once. With `warm` all are at once,
over connections that have carried the file twice. One line of JSON comes out: for each fetch a list of
[microseconds since its request, bytes that had arrived by then], and the milliseconds for which this program
was kept from looking, at the worst.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

WARM_UP = 2
LOOK_S = 0.002
PATIENCE_S = 20.0
READ_BYTES = 1 << 20


class Fetch:
    """One transfer of the file over `server`, whose request leaves when it is made."""

    def __init__(self, server: socket.socket, size_bytes: int) -> None:
        self.server, self.missing, self.arrived = server, size_bytes, 0
        self.arrivals: list[tuple[float, int]] = []
        self.start_ns = time.monotonic_ns()
        server.sendall(f"{size_bytes}\n".encode())

    def read(self) -> bool:
        """Takes what has arrived; true when that was the rest."""
        part = len(self.server.recv(READ_BYTES))
        if part == 0:
            raise ConnectionError("the server closed the connection in the middle of a file")
        self.arrived += part
        self.missing -= part
        self.arrivals.append(((time.monotonic_ns() - self.start_ns) / 1000, self.arrived))
        return self.missing <= 0


def connect(address: str, port: int, count: int) -> list[socket.socket]:
    """Returns `count` connections, opened at once."""
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(socket.create_connection, (address, port), PATIENCE_S) for _ in range(count)]
        return [each.result() for each in waiting]


def fetch(servers: list[socket.socket], size_bytes: int) -> tuple[list[Fetch], float]:
    """Fetches the file over all connections at once; returns that, and the worst lateness in ms."""
    late_s = 0.0
    with selectors.DefaultSelector() as reader:
        under_way = [Fetch(server, size_bytes) for server in servers]
        for each in under_way:
            reader.register(each.server, selectors.EVENT_READ, each)
        end_s = time.monotonic() + PATIENCE_S
        before_s = time.monotonic()
        while reader.get_map():
            for key, _ in reader.select(LOOK_S):
                if key.data.read():
                    reader.unregister(key.fileobj)
            now_s = time.monotonic()
            late_s, before_s = max(late_s, now_s - before_s - LOOK_S), now_s
            if now_s > end_s:
                raise TimeoutError(f"a fetch was not over after {PATIENCE_S:g} s")
    return under_way, late_s * 1000


def main(address: str, port: int, size_bytes: int, connection: str, count: int) -> None:
    fetched: list[Fetch] = []
    late_ms = 0.0
    print("ready: press Enter to begin", flush=True)
    sys.stdin.readline()
    for together in (count,) if connection == "warm" else (1, count - 1):
        servers = connect(address, port, together)
        for _ in range(WARM_UP if connection == "warm" else 0):
            fetch(servers, size_bytes)
        done, late = fetch(servers, size_bytes)
        fetched += done
        late_ms = max(late_ms, late)
        for server in servers:
            server.close()
    print(json.dumps({"arrivals": [each.arrivals for each in fetched], "late_ms": late_ms}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
