"""One thread for all connections, with nothing between it and the kernel: `epoll`, and a table.

What an event loop's library does for you, in thirty lines: ask which of all connections have something
to say, read it, answer it, ask again. What a library adds is what is left out here: answers that the
socket has no room for, timers, a way to write handlers that wait.

    python epoll.py 8080
"""

from __future__ import annotations

import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def main(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=4096, reuse_port=True)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}  # by the number of the connection's file
    unread: dict[int, bytes] = {}  # the beginning of a request whose end has not come; of few clients
    print("ready", flush=True)
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                accept(listener, poll, clients)
            elif not serve(number, clients[number], unread):
                clients.pop(number).close()  # which takes it out of epoll as well


def accept(listener: socket.socket, poll: select.epoll, clients: dict[int, socket.socket]) -> None:
    """Takes all who stand at the door."""
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)


def serve(number: int, client: socket.socket, unread: dict[int, bytes]) -> bool:
    """Answers what this client has said by now; returns False when it has left."""
    try:
        received = client.recv(4096)
        *requests, rest = (unread.pop(number, b"") + received).split(b"\r\n\r\n")
        client.send(ANSWER * len(requests))
    except ConnectionError:
        return False  # it left without saying goodbye
    if received and rest:
        unread[number] = rest
    return bool(received)


if __name__ == "__main__":
    main(int(sys.argv[1]))
