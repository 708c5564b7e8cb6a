"""Sends as many bytes as it is asked for, and answers pings beside it.

    python server.py 127.0.0.1 7000

Over TCP a request is one line: a number of bytes, or `forever`. Over UDP every packet goes back as it came.
The program knows nothing of windows: how fast it may send is the kernel's affair.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading

CHUNK = bytes(64 * 1024)
SMALL_BYTES = 128 * 1024  # Beyond it, the most that SO_SNDBUF may ask for would hold the window back.


def answer(client: socket.socket) -> None:
    """Answers each line of one client until it leaves."""
    # A client that has heard enough of `forever` simply leaves.
    with client, client.makefile("rb") as lines, contextlib.suppress(ConnectionError):
        for line in lines:
            while line == b"forever\n":
                client.sendall(CHUNK)
            file = bytes(int(line))
            if len(file) <= SMALL_BYTES:
                # Room for all of it, so that from here on the kernel alone decides when which part leaves.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * len(file))
            client.sendall(file)


def echo(pings: socket.socket) -> None:
    """Sends each ping back, for ever."""
    while True:
        ping, sender = pings.recvfrom(2048)
        pings.sendto(ping, sender)


def main(address: str, port: int) -> None:
    pings = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    pings.bind((address, port))
    threading.Thread(target=echo, args=(pings,), daemon=True).start()
    with socket.create_server((address, port)) as listener:
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=answer, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
