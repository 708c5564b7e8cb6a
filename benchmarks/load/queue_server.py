"""A server whose queue is known: one line, first come first served, exponential service times. M/M/1.

    python queue_server.py ADDRESS PORT SERVICE_PER_S SEED

Each request is answered after a service time that is drawn from an exponential distribution, and no service
begins before the one ahead has ended. Nothing is computed in that time: the answer is held back until its
moment, which is reckoned from the moment before and not from when this process woke up, so that its own
lateness (some 50 microseconds) delays an answer but never adds up. With Poisson arrivals at a rate below
the service rate the response time is exponential with mean 1 / (service rate - arrival rate).
"""

from __future__ import annotations

import contextlib
import ctypes
import random
import select
import socket
import sys
import time
from collections import deque

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
END_OF_REQUEST = b"\r\n\r\n"
PR_SET_TIMERSLACK = 29
# select() takes descriptors below 1024.
MOST_CONNECTIONS = 1000


class QueueServer:
    """One line before one counter, on a port."""

    def __init__(self, listener: socket.socket, service_per_s: float, seed: int) -> None:
        self._listener = listener
        self._connections: dict[int, socket.socket] = {}
        self._pieces: dict[int, bytes] = {}
        self._line: deque[tuple[float, socket.socket]] = deque()
        self._free_s = 0.0
        self._service_per_s = service_per_s
        self._random = random.Random(seed)

    def run(self) -> None:
        """Serves until it is ended."""
        while True:
            wait_s = max(0.0, self._line[0][0] - time.monotonic()) if self._line else None
            # Microseconds, where epoll would round up to the next millisecond.
            ready, _, _ = select.select([self._listener.fileno(), *self._connections], [], [], wait_s)
            now_s = time.monotonic()
            for descriptor in ready:
                if descriptor == self._listener.fileno():
                    self._accept()
                else:
                    self._read(descriptor, now_s)
            self._answer(time.monotonic())

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                if len(self._connections) >= MOST_CONNECTIONS:
                    connection.close()
                    continue
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections[connection.fileno()] = connection
                self._pieces[connection.fileno()] = b""

    def _read(self, descriptor: int, now_s: float) -> None:
        connection = self._connections[descriptor]
        try:
            data = connection.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            del self._connections[descriptor], self._pieces[descriptor]
            connection.close()
            return
        *whole, rest = (self._pieces[descriptor] + data).split(END_OF_REQUEST)
        self._pieces[descriptor] = rest
        for _ in whole:
            self._free_s = max(now_s, self._free_s) + self._random.expovariate(self._service_per_s)
            self._line.append((self._free_s, connection))

    def _answer(self, now_s: float) -> None:
        while self._line and self._line[0][0] <= now_s:
            _, connection = self._line.popleft()
            # Who left does not want it any more; the time it took was spent all the same.
            with contextlib.suppress(OSError):
                connection.send(ANSWER)


def main() -> None:
    """Listen, say so, and serve."""
    address, port, service_per_s, seed = sys.argv[1:5]
    # Wake up when asked, not up to 50 microseconds later.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with socket.create_server((address, int(port)), backlog=1024) as listener:
        listener.setblocking(False)
        print("listening", flush=True)
        QueueServer(listener, float(service_per_s), int(seed)).run()


if __name__ == "__main__":
    main()
