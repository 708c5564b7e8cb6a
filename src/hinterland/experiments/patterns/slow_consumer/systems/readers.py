"""Subscribers of the feed, of server.py or of a NATS server.

    python readers.py server 8080 4          # four that read as fast as they can
    python readers.py server 8080 1 100      # one that reads 100 messages a second
    python readers.py nats 4222 4

It prints `ready` when all have joined, and ends at Enter. One line of JSON comes out: for each subscriber the
numbers of the messages that it has read and when (in ns of CLOCK_MONOTONIC), and when it ended; the numbers
of those that were on their way to it then; and when it found that it was cut off, 0 if it was not. Whoever
reads slowly finds that late: behind all that still lay in the kernels' buffers.
"""

from __future__ import annotations

import json
import select
import selectors
import socket
import sys
import time

SIZE = 16_384
BUFFER_BYTES = 32_768  # What the kernel keeps for a subscriber that does not read.
SEGMENT_BYTES = 1448  # As over Ethernet; loopback's 64 KiB let the kernel keep megabytes for a connection.
LOOK_S = 0.005
SILENCE_S = 0.05
HELLO = {"server": b"", "nats": b'CONNECT {"verbose":false}\r\nSUB feed 1\r\nPING\r\n'}
WELCOME = {"server": b"welcome\n", "nats": b"PONG\r\n"}


class Reader:
    """One subscriber. `pause_s` is what it does after each message instead of reading."""

    def __init__(self, way: str, port: int, pause_s: float) -> None:
        self.pause_s = pause_s
        self.next_s = 0.0
        self.read: list[tuple[int, int]] = []
        self.left: list[int] = []
        self.cut_ns = 0
        self.unread = b""
        self.connection = socket.socket()
        # Before it connects: later the window would have been opened wider.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        self.connection.connect(("127.0.0.1", port))
        self.connection.sendall(HELLO[way])
        while WELCOME[way] not in self.unread:
            self.unread += self.connection.recv(4096)
        self.unread = b""

    def take(self) -> bool:
        """Reads what is there, a slow one no more than a message; false when it was cut off."""
        try:
            part = self.connection.recv(SIZE if self.pause_s else 8 * SIZE)
        except ConnectionError:
            part = b""
        now_ns = time.monotonic_ns()
        if not part:
            self.cut_ns = now_ns
            return False
        self.read += [(number, now_ns) for number in self.numbers_in(part)]
        self.next_s = time.monotonic() + self.pause_s
        return True

    def numbers_in(self, part: bytes) -> list[int]:
        """Returns the messages that these bytes complete."""
        *lines, self.unread = (self.unread + part).split(b"\n")
        # What NATS says besides the messages does not begin with a number.
        return [int(line[: line.index(b" ")]) for line in lines if line[:1].isdigit()]

    def take_left(self) -> bool:
        """Reads away some of what is left; false when the connection is closed behind it."""
        try:
            part = self.connection.recv(8 * SIZE)
        except ConnectionError:
            part = b""
        self.left += self.numbers_in(part)
        if not part:
            self.cut_ns = time.monotonic_ns()
        return bool(part)


def main(way: str, port: int, count: int, rate: float) -> None:
    readers = [Reader(way, port, 1 / rate if rate else 0.0) for _ in range(count)]
    print("ready", flush=True)
    if rate:
        slowly(readers[0])
    else:
        fast(readers)
    ended_ns = time.monotonic_ns()
    empty(readers)
    told = [
        {"read": each.read, "left": each.left, "cut_ns": each.cut_ns, "ended_ns": ended_ns}
        for each in readers
    ]
    print(json.dumps(told), flush=True)


def empty(readers: list[Reader]) -> None:
    """Reads away what is left for each: is there more, and is the connection closed behind it?"""
    with selectors.DefaultSelector() as waiting:
        for each in readers:
            if not each.cut_ns:
                waiting.register(each.connection, selectors.EVENT_READ, each)
        # When nothing more comes for anybody, the connections that are left are open.
        while waiting.get_map() and (ready := waiting.select(SILENCE_S)):
            for key, _ in ready:
                if not key.data.take_left():
                    waiting.unregister(key.fileobj)


def fast(readers: list[Reader]) -> None:
    """Reads whatever comes, for everybody, until told to end."""
    with selectors.DefaultSelector() as waiting:
        for each in readers:
            waiting.register(each.connection, selectors.EVENT_READ, each)
        waiting.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    return
                if not key.data.take():
                    waiting.unregister(key.fileobj)


def slowly(reader: Reader) -> None:
    """Reads a message, then does something else for a while, until told to end."""
    reading = True
    while not select.select([sys.stdin], [], [], max(0.0, reader.next_s - time.monotonic()))[0]:
        if reading and select.select([reader.connection], [], [], LOOK_S)[0]:
            reading = reader.take()
        elif not reading:
            reader.next_s = time.monotonic() + LOOK_S


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else 0.0)
