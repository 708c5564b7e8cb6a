"""Answers requests of a fixed size; its kernel acknowledges late, as is its habit, or at once.

python server.py 127.0.0.1 7000 delayed
python server.py 127.0.0.1 7000 quick
"""

from __future__ import annotations

import socket
import sys

REQUEST_BYTES = 500
ANSWER = b"a" * 100


def serve(client: socket.socket, quick: bool) -> None:
    """Answers until the client leaves."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    missing = REQUEST_BYTES
    while True:
        if quick:
            # The kernel forgets this wish by itself (tcp(7)), so it is made anew before every read.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        received = client.recv(missing)
        if not received:
            return
        missing -= len(received)
        if missing == 0:
            client.sendall(ANSWER)
            missing = REQUEST_BYTES


def main(address: str, port: int, receiver: str) -> None:
    with socket.create_server((address, port)) as listener:
        while True:
            client, _ = listener.accept()
            with client:
                serve(client, quick=receiver == "quick")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
