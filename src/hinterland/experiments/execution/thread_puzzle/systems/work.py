"""What one request costs: hashing, which needs a core, and a slow neighbour, which needs patience.

All servers of this folder share it, so that they differ in nothing but who does the work.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
from hashlib import sha256

ROUNDS = 40_000  # Of the order of 10 ms on one core.
WAIT_MS = 10.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def compute(share: float) -> None:
    """Hashes a hash again and again. No round can begin before the last has ended, nor be left out.

    Each call is so short that Python keeps its global lock meanwhile.
    """
    digest = b""
    for _ in range(round(ROUNDS * share)):
        digest = sha256(digest).digest()


class Neighbour:
    """A connection to the neighbour, for code that may wait."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, share: float) -> None:
        """Waits for the neighbour's answer. Python gives its global lock away while `recv` waits."""
        self.connection.sendall(question(share))
        unread = b""
        while not unread.endswith(b"\r\n\r\n"):
            unread += self.connection.recv(4096)


def question(share: float) -> bytes:
    """Returns the request that the neighbour answers when the share that is not computed has passed."""
    return b"GET /?wait_ms=%.2f HTTP/1.1\r\nHost: neighbour\r\n\r\n" % (WAIT_MS * (1 - share))


def work(share: float, neighbour: Neighbour) -> None:
    """Does what one request asks for: waits for the share that is waiting, then computes the rest."""
    if share < 1:
        neighbour.ask(share)
    compute(share)


def serve(client: socket.socket, share: float, neighbour: Neighbour) -> None:
    """Answers each request of one client until it leaves."""
    unread = b""
    try:
        while received := client.recv(4096):
            *requests, unread = (unread + received).split(b"\r\n\r\n")
            for _ in requests:
                work(share, neighbour)
                client.sendall(ANSWER)
    except ConnectionError:
        pass  # The client left without saying goodbye.
    finally:
        client.close()


def say_build() -> None:
    """Prints which Python this is, as a line of JSON, and whether its global lock is on."""
    is_gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
    build = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "lock": bool(is_gil_enabled()),
        "cores": len(os.sched_getaffinity(0)),
    }
    print(json.dumps(build), flush=True)
