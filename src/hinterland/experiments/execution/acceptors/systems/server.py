"""Several processes serve one port, arranged in one of four ways.

    python server.py PORT WAY WAITS WORKERS

- one: a single process accepts and answers.
- shared: one listening socket, opened before the workers are forked; whoever comes first accepts.
- reuseport: each worker opens a listening socket of its own on the same port, with SO_REUSEPORT. The kernel
  chooses one of them for each connection by a hash of its addresses.
- passing: the parent accepts, and passes the connections on to the workers in turn, as descriptors.

WAITS is how a worker waits for a connection: in `epoll`, with EPOLLEXCLUSIVE, as nginx does, or in `accept`.
The answer to each request is the number of the process that gave it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from itertools import cycle

BACKLOG = 1024


def listener(port: int, *, several: bool = False) -> socket.socket:
    """Returns a listening socket; `several` may listen on the same port."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if several:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen(BACKLOG)
    return made


def answer(client: socket.socket) -> None:
    """Answers one request, and hangs up."""
    try:
        with client:
            if client.recv(4096):
                client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%d" % os.getpid())
    except ConnectionError:
        pass  # The client left without saying goodbye.


def accept_for_ever(door: socket.socket, waits: str) -> None:
    """What each worker does that accepts by itself."""
    bell = select.epoll()
    if waits == "epoll":
        door.setblocking(False)
        bell.register(door, select.EPOLLIN | select.EPOLLEXCLUSIVE)
    while True:
        if waits == "epoll":
            bell.poll()
        try:
            client, _ = door.accept()
        except BlockingIOError:
            continue  # Another worker was quicker.
        client.setblocking(True)
        answer(client)


def serve_what_is_passed(hatch: socket.socket) -> None:
    """What a worker does to whom the parent passes connections."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(hatch, 1, 1)
        for descriptor in descriptors:
            answer(socket.socket(fileno=descriptor))


def pass_in_turn(door: socket.socket, hatches: list[socket.socket]) -> None:
    """What the parent does that accepts for all: the next connection to the next worker, whatever it does."""
    for hatch in cycle(hatches):
        client, _ = door.accept()
        with client, contextlib.suppress(BrokenPipeError):  # A worker may be gone, and its client with it.
            socket.send_fds(hatch, [b"c"], [client.fileno()])


def main(port: int, way: str, waits: str, workers: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # A worker that ends leaves nothing behind.
    if way == "one":
        accept_for_ever(listener(port), waits)
    # Where each worker has a socket of its own, all are opened before the first of them can be asked.
    count = workers if way == "reuseport" else 1
    doors = [listener(port, several=way == "reuseport") for _ in range(count)]
    hatches = []
    for worker in range(workers):
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            if way == "passing":
                serve_what_is_passed(theirs)
            its = doors[worker % count]
            for each in doors:
                if each is not its:
                    each.close()
            accept_for_ever(its, waits)
        theirs.close()
        hatches.append(ours)
    if way == "passing":
        pass_in_turn(doors[0], hatches)
    for each in doors:
        each.close()
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
