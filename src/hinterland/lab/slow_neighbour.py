"""A slow neighbour: answers each HTTP request after the time that the request asks for.

    python -m hinterland.lab.slow_neighbour 8081
    curl 'http://127.0.0.1:8081/?wait_ms=200'   # answered after 200 ms, with status 204 and no body
    curl http://127.0.0.1:8081/calls            # [[received_ns, answered_ns], ...] of those calls

It stands for a database, a disk or another team's service where only its slowness matters. A thread waits
for each connection: it wakes within a tenth of a millisecond, where an event loop counts in whole ones.
Moments are nanoseconds of CLOCK_MONOTONIC; a call is noted as answered just before its answer leaves.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
ASKED = re.compile(rb"GET /\?wait_ms=(\d+(?:\.\d+)?) HTTP/1\.1\r\n")
CALLS = b"GET /calls HTTP/1.1\r\n"
LONGEST_WAIT_S = 60.0

calls: list[tuple[int, int]] = []


def answer(head: bytes, received_ns: int) -> bytes:
    """Returns the answer to a request whose head arrived at `received_ns`, when it is due."""
    if head.startswith(CALLS):
        body = json.dumps(calls).encode()
        fields = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
        return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + body
    asked = ASKED.match(head)
    if asked is None:
        return BAD_REQUEST
    due_ns = received_ns + round(min(float(asked[1]) / 1e3, LONGEST_WAIT_S) * 1e9)
    time.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
    calls.append((received_ns, time.monotonic_ns()))
    return NO_CONTENT


def serve(client: socket.socket) -> None:
    """Answers each request of one client, one after the other, until it leaves."""
    unread = b""
    try:
        while received := client.recv(4096):
            received_ns = time.monotonic_ns()
            *heads, unread = (unread + received).split(b"\r\n\r\n")
            for head in heads:
                client.sendall(answer(head + b"\r\n", received_ns))
    except OSError:
        pass  # The client left without saying goodbye.
    finally:
        client.close()


def main(port: int) -> None:
    """Serves on 127.0.0.1 for ever."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
