"""Weak on purpose: one thread that serves whoever speaks first, and finishes before it looks up again.

Nobody chooses this, but it is what a server without threads, processes or `await` comes to. It is the
measure for the others.

    python one_by_one.py 8080 8081 0.5    # port, the neighbour's port, share of computing
"""

from __future__ import annotations

import selectors
import socket
import sys

from work import ANSWER, Neighbour, say_build, work  # type: ignore[import-not-found]


def main(port: int, neighbour_port: int, share: float) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    neighbour = Neighbour(neighbour_port)
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    say_build()
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                newcomer, _ = listener.accept()
                newcomer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.register(newcomer, selectors.EVENT_READ)
            elif isinstance(client := key.fileobj, socket.socket):
                if client.recv(4096):  # One small request is one packet here.
                    work(share, neighbour)
                    client.sendall(ANSWER)
                else:
                    ready.unregister(client)
                    client.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
