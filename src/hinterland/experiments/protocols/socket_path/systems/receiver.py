"""Reads messages from connections, keeps a journal of what it has read, and says so.

    python receiver.py 8080 journal.txt

A message is its length and its number, four bytes each, and so many bytes more. Once a message is read it
is written down, `NUMBER MONOTONIC_NS`, and then its number goes back to the sender. Only that answer says
that this program has the message: TCP's acknowledgement said before that this kernel had it.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time

HEAD = struct.Struct("!II")


def read_exactly(connection: socket.socket, count: int) -> bytearray | None:
    """Returns `count` bytes, or None when the sender left before."""
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 65536))
        if not piece:
            return None
        data += piece
    return data


def serve(connection: socket.socket, journal: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while head := read_exactly(connection, HEAD.size):
            length, number = HEAD.unpack(head)
            if read_exactly(connection, length) is None:
                break
            os.write(journal, f"{number} {time.monotonic_ns()}\n".encode())
            connection.sendall(struct.pack("!I", number))
    except ConnectionError:
        pass  # the sender left without saying goodbye
    finally:
        connection.close()


def main(port: int, path: str) -> None:
    journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, journal), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
