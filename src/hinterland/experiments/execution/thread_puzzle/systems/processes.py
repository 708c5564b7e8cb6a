"""Four processes, forked in advance, each with an interpreter and a global lock of its own.

python processes.py 8080 8081 0.5    # port, the neighbour's port, share of computing
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from work import Neighbour, say_build, serve  # type: ignore[import-not-found]

PROCESSES = 4


def run(listener: socket.socket, neighbour_port: int, share: float) -> None:
    """What each process does: take one client, serve it to the end, take the next."""
    neighbour = Neighbour(neighbour_port)
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        serve(client, share, neighbour)


def main(port: int, neighbour_port: int, share: float) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    for _ in range(PROCESSES):
        if os.fork() == 0:
            run(listener, neighbour_port, share)
    say_build()
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
