"""Sends requests of a head and a body in four ways, one after the other, and times each until its answer.

`two_writes` is wrong on purpose. People write it because the head is ready before the body is, and because a
write looks as if it sent.

    python client.py 127.0.0.1 7000 two_writes 0.5

It prints one line of JSON: how long each exchange took, in microseconds, in order.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable

HEAD, BODY = b"h" * 100, b"b" * 400
ANSWER_BYTES = 100
FEWEST = 6  # Two to leave the first moments of the connection behind, four to take a median of.
MOST = 100


def two_writes(server: socket.socket) -> None:
    """Wrong on purpose: the second small write waits until the first one is acknowledged."""
    server.sendall(HEAD)
    server.sendall(BODY)


def one_write(server: socket.socket) -> None:
    """The head waits for the body in the program; the kernel gets both at once."""
    server.sendall(HEAD + BODY)


def corked(server: socket.socket) -> None:
    """Two writes, with a cork in the bottle: only full packets leave until it is drawn."""
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    server.sendall(HEAD)
    server.sendall(BODY)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


WAYS: dict[str, Callable[[socket.socket], None]] = {
    "two_writes": two_writes,
    "no_delay": two_writes,  # The same two writes, on a socket that does not let them wait.
    "corked": corked,
    "one_write": one_write,
}


def exchanges_us(server: socket.socket, send: Callable[[socket.socket], None], seconds: float) -> list[float]:
    """Returns how long each of at most `MOST` exchanges took; after `FEWEST`, none begins after `seconds`."""
    took: list[float] = []
    end_ns = time.monotonic_ns() + round(seconds * 1e9)
    while len(took) < FEWEST or (len(took) < MOST and time.monotonic_ns() < end_ns):
        start_ns = time.monotonic_ns()
        send(server)
        missing = ANSWER_BYTES
        while missing:
            received = server.recv(missing)
            if not received:
                raise ConnectionError("the server closed the connection in the middle of an answer")
            missing -= len(received)
        took.append((time.monotonic_ns() - start_ns) / 1000)
    return took


def main(address: str, port: int, way: str, seconds: float) -> None:
    with socket.create_connection((address, port), timeout=10) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, way == "no_delay")
        print(json.dumps({"exchanges_us": exchanges_us(server, WAYS[way], seconds)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
