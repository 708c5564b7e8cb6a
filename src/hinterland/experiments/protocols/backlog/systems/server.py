"""A server whose only interesting line is `listen(backlog)`; the rest answers requests.

    python server.py 8080 8        # the port, and the backlog it asks for

From `listen` on, the kernel completes handshakes by itself and keeps the connections until `accept`
fetches them. The number says how many may wait there.
"""

from __future__ import annotations

import socket
import sys
import threading

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


def main(port: int, backlog: int) -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen(backlog)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
