"""Visitors of shops: one a name, each asks its shop again and again, and notes who answered.

    python visitors.py fresh 8080 shop1.example shop2.example
    python visitors.py kept 8080 shop1.example
    python visitors.py proxy 8080 shop1.example --proxy 10.0.0.1

How a visitor finds its shop:

- fresh: asks for the address before each request (getaddrinfo) and opens a connection. It remembers nothing.
- kept: the same, but keeps the connection until it breaks, or until SIGHUP tells it to begin anew.
- proxy: leaves the name to a reverse proxy, and asks it for /NAME.

Each request is printed as `name began_ns ended_ns who`, on CLOCK_MONOTONIC; who is `-` and a reason after it
where nobody answered. `warm` is printed once each visitor has been answered three times. A visitor goes home
at the third answer from `new`, and all of them `--patience` seconds after they were warm.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import socket
import sys
import threading
import time

REQUEST = "GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: {keep}\r\n\r\n"
TIMEOUT_S = 2.0  # A machine that stands still for a moment breaks no connection.
LONGEST_WARM_UP_S = 10.0
FEW = 3


class Visitor:
    """One client of one name; `visit` returns who answered, or raises OSError."""

    def __init__(self, how: str, name: str, port: int, proxy: str) -> None:
        self.how, self.name, self.port, self.proxy = how, name, port, proxy
        self.kept: socket.socket | None = None

    def connect(self) -> socket.socket:
        address = self.proxy
        if not address:
            # The C library asks the name server in /etc/resolv.conf, each time: it has no cache of its own.
            found = socket.getaddrinfo(self.name, self.port, socket.AF_INET, socket.SOCK_STREAM)
            address = str(found[0][4][0])
        return socket.create_connection((address, self.port), timeout=TIMEOUT_S)

    def visit(self) -> str:
        connection = self.kept or self.connect()
        self.kept = None
        path = f"/{self.name}" if self.proxy else "/"
        keep = "keep-alive" if self.how == "kept" else "close"
        try:
            connection.sendall(REQUEST.format(path=path, name=self.name, keep=keep).encode())
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.partition(b"\r\n\r\n")[2]:
                piece = connection.recv(4096)
                if not piece:
                    raise ConnectionResetError("closed")
                answer += piece
        except BaseException:
            connection.close()
            raise
        if self.how == "kept":
            self.kept = connection
        else:
            connection.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise OSError(head.split(b" ", 2)[1].decode())
        return body.decode()

    def begin_anew(self) -> None:
        """Closes the connection, if one is kept; the next visit asks for the address again."""
        kept, self.kept = self.kept, None
        if kept is not None:
            kept.close()


def reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no_address"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "cut" if isinstance(error, ConnectionError) else str(error).replace(" ", "_")


class Party:
    """All visitors together, each in a thread of its own."""

    def __init__(self, visitors: list[Visitor], pause_s: float) -> None:
        self.visitors, self.pause_s = visitors, pause_s
        self.cold = len(visitors)
        self.all_warm, self.over = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.anew = 0

    def shop(self, place: int) -> None:
        visitor = self.visitors[place]
        answered, new, anew = 0, 0, 0
        chance = random.Random(place)
        # They begin apart, and their pauses differ a little, so that they do not fall into step.
        self.over.wait(chance.uniform(0, self.pause_s))
        while new < FEW and not self.over.wait(chance.uniform(0.75, 1.25) * self.pause_s):
            if anew != self.anew:
                anew = self.anew
                visitor.begin_anew()
            began_ns = time.monotonic_ns()
            try:
                who = visitor.visit()
                answered += 1
                new += who == "new"
            except OSError as error:
                who = f"- {reason(error)}"
            self.note(f"{visitor.name} {began_ns} {time.monotonic_ns()} {who}")
            if answered == FEW and who[0] != "-":
                self.warm()

    def warm(self) -> None:
        with self.lock:
            self.cold -= 1
        if self.cold == 0:
            self.note("warm")
            self.all_warm.set()

    def note(self, line: str) -> None:
        with self.lock:
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=("fresh", "kept", "proxy"))
    parser.add_argument("port", type=int)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--proxy", default="")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two requests, on average")
    parser.add_argument("--patience", type=float, default=5.0)
    parser.add_argument("--at-new-second", action="store_true", help="begin when the clock's second begins")
    parser.add_argument("--wait", action="store_true", help="begin at a line on standard input")
    asked = parser.parse_args()
    party = Party([Visitor(asked.how, name, asked.port, asked.proxy) for name in asked.names], asked.pause)

    def begin_anew(number: int, frame: object) -> None:
        party.anew += 1

    signal.signal(signal.SIGHUP, begin_anew)
    threads = [threading.Thread(target=party.shop, args=(place,)) for place in range(len(party.visitors))]
    if asked.wait:
        print("ready", flush=True)
        sys.stdin.readline()
    if asked.at_new_second:
        time.sleep(1 - time.time() % 1)
    for thread in threads:
        thread.start()
    party.all_warm.wait(LONGEST_WARM_UP_S)
    end_s = time.monotonic() + asked.patience
    for thread in threads:
        thread.join(max(0.0, end_s - time.monotonic()))
    party.over.set()
    for thread in threads:
        thread.join()
    for visitor in party.visitors:
        with contextlib.suppress(OSError):
            visitor.begin_anew()


if __name__ == "__main__":
    main()
