"""Three short real trials: a database, a socket and the processor. Each does a given amount of work.

Run as a program, `trials.py KIND UNITS` does the work once in a process of its own and prints the seconds
that it took. From Python, `run(kind, units)` starts that program and returns the seconds.
"""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter

TRIAL_TIMEOUT_S = 60.0


def sqlite(units: int) -> None:
    """Insert `units` rows in transactions of ten, and read each back by its key."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "trial.db")) as database,
    ):
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB)")
        for first in range(0, units, 10):
            with database:
                rows = [(key, b"x" * 100) for key in range(first, min(first + 10, units))]
                database.executemany("INSERT INTO item VALUES (?, ?)", rows)
            for key, _ in rows:
                database.execute("SELECT body FROM item WHERE id = ?", (key,)).fetchone()


def echo(units: int) -> None:
    """Make `units` round trips of 64 bytes over TCP on the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_answer, args=(listener,), daemon=True)
        server.start()
        with socket.create_connection(listener.getsockname()) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(units):
                client.sendall(b"x" * 64)
                _receive(client)
        server.join()


def hashing(units: int) -> None:
    """Hash and copy a buffer of 256 KiB `units` times."""
    source = bytearray(256 * 1024)
    for _ in range(units):
        hashlib.sha256(source).digest()
        source = source[:]


# Units that take about a quarter of a second on a laptop core.
KINDS: dict[str, tuple[Callable[[int], None], int]] = {
    "sqlite": (sqlite, 8000),
    "echo": (echo, 4500),
    "hashing": (hashing, 1800),
}


def run(kind: str, units: int) -> float:
    """The seconds that `units` of work of this kind took in a process of its own."""
    command = [sys.executable, __file__, kind, str(units)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TRIAL_TIMEOUT_S)
    return float(done.stdout)


def _answer(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while _receive(connection):
            connection.sendall(b"x" * 64)


def _receive(connection: socket.socket) -> bool:
    """Read one message of 64 bytes; False when the other end has closed."""
    left = 64
    while left:
        part = connection.recv(left)
        if not part:
            return False
        left -= len(part)
    return True


def main() -> None:
    """Do the work named on the command line and print its seconds."""
    work, _ = KINDS[sys.argv[1]]
    start = perf_counter()
    work(int(sys.argv[2]))
    print(perf_counter() - start)


if __name__ == "__main__":
    main()
