"""Weak on purpose: a fixed number of processes, forked in advance, each serving one connection to its end.

With keep-alive, a silent client occupies a whole process, and once every process has one, nobody else
is served. People write it this way because it is robust (a crash takes one client along) and because it
was right when each connection carried one request. Apache's prefork module works like this, with 256
processes by default.

    python process_pool.py 8080 128
"""

from __future__ import annotations

import os
import signal
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serve(client: socket.socket) -> None:
    """Answers each request of one client until it leaves."""
    unread = b""
    try:
        while received := client.recv(4096):
            *requests, unread = (unread + received).split(b"\r\n\r\n")
            client.sendall(ANSWER * len(requests))
    except ConnectionError:
        pass  # the client left without saying goodbye
    finally:
        client.close()


def work(listener: socket.socket) -> None:
    """What each process does: take one client, stay with it to the end, take the next."""
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        serve(client)


def main(port: int, processes: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    for _ in range(processes):
        if os.fork() == 0:
            work(listener)
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 128)
