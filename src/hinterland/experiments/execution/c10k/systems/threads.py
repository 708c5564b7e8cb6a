"""One thread for each connection.

The easiest server to read: every client has a thread of its own that waits in `recv`. The
price is a stack and an interpreter state for each client, also for those who say nothing.

    python threads.py 8080
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


def main(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=4096, reuse_port=True)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
