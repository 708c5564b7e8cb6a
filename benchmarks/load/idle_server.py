"""Holds any number of connections and answers a request on each: one of several processes on one port.

    python idle_server.py ADDRESS PORT

Several processes share the port (SO_REUSEPORT): the kernel deals the connections out.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    """Listen, say so, and answer until ended."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[1], int(sys.argv[2])))
    listener.listen(4096)
    listener.setblocking(False)
    poller = select.epoll()
    poller.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    print("listening", flush=True)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == listener.fileno():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        made, _ = listener.accept()
                        made.setblocking(False)
                        connections[made.fileno()] = made
                        poller.register(made.fileno(), select.EPOLLIN)
                continue
            connection = connections[descriptor]
            try:
                data = connection.recv(65536)
            except ConnectionError:
                data = b""
            if data:
                with contextlib.suppress(OSError):
                    connection.send(ANSWER * data.count(b"\r\n\r\n"))
            else:
                del connections[descriptor]
                connection.close()


if __name__ == "__main__":
    main()
