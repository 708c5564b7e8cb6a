"""How to tell that a started program answers: by asking it, never by waiting a while.

The pauses between two tries grow from 1 to 50 ms, and a program that dies meanwhile is noticed at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hinterland.errors import InternalError
from hinterland.rig.ports import listens_for

if TYPE_CHECKING:
    from hinterland.rig.process import Process

HOST = "127.0.0.1"
ONE_TRY_S = 2.0
TAKEN = re.compile(r"address (already )?in use|EADDRINUSE", re.IGNORECASE)


class Ready(Protocol):
    """What a program must do to count as ready. `says` completes the sentence "it did not ..."."""

    @property
    def timeout_s(self) -> float: ...

    @property
    def says(self) -> str: ...

    async def holds(self, process: Process) -> bool:
        """Decides whether `process` is ready now. An OSError counts as no."""
        ...


@dataclass(frozen=True, slots=True)
class TcpReady:
    """It accepts a connection on `port` (default: the process's), and it is really its listener."""

    port: int | None = None
    timeout_s: float = 20.0

    @property
    def says(self) -> str:
        return "accept connections"

    async def holds(self, process: Process) -> bool:
        port = _port(self.port, process)
        with await connect_tcp(port):
            _check_owner(port, process)
        return True


@dataclass(frozen=True, slots=True)
class HttpReady:
    """It answers GET `path` with a status from `lowest` to `highest`."""

    path: str = "/"
    port: int | None = None
    lowest: int = 200
    highest: int = 399
    timeout_s: float = 20.0

    @property
    def says(self) -> str:
        return f"answer GET {self.path} with a status from {self.lowest} to {self.highest}"

    async def holds(self, process: Process) -> bool:
        port = _port(self.port, process)
        loop = asyncio.get_running_loop()
        with await connect_tcp(port) as connection:
            _check_owner(port, process)
            ask = f"GET {self.path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
            await loop.sock_sendall(connection, ask.encode())
            answer = b""
            while b"\r\n" not in answer:
                piece = await loop.sock_recv(connection, 4096)
                if not piece:
                    return False
                answer += piece
        words = answer.split(b" ", 2)
        return len(words) > 1 and words[1].isdigit() and self.lowest <= int(words[1]) <= self.highest


@dataclass(frozen=True, slots=True)
class UnixReady:
    """It accepts a connection on the Unix socket `path`."""

    path: Path
    timeout_s: float = 20.0

    @property
    def says(self) -> str:
        return f"accept connections on {self.path}"

    async def holds(self, process: Process) -> bool:
        with await connect_unix(self.path):
            return True


@dataclass(frozen=True, slots=True)
class LogReady:
    """It writes a line that matches the regular expression `pattern`."""

    pattern: str
    timeout_s: float = 20.0

    @property
    def says(self) -> str:
        return f"log a line like {self.pattern!r}"

    async def holds(self, process: Process) -> bool:
        return re.search(self.pattern, process.log(), re.MULTILINE) is not None


async def until_ready(process: Process, ready: Ready) -> None:
    """Returns when `process` is ready. Raises SystemFailure when it ended before, or after the timeout."""
    end_s = time.monotonic() + ready.timeout_s
    pause_s = 0.001
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ONE_TRY_S):
                if process.alive and await ready.holds(process):
                    return
        if not process.alive:
            raise process.failure(
                f"ended with status {process.returncode} before it was ready.", _cause(process)
            )
        if time.monotonic() > end_s:
            raise process.failure(f"did not {ready.says} within {ready.timeout_s:g} s.", _cause(process))
        with contextlib.suppress(TimeoutError):
            await process.wait(pause_s)
        pause_s = min(pause_s * 1.6, 0.05)


async def connect_unix(path: Path) -> socket.socket:
    """Returns a connection to the Unix socket `path`. Raises OSError when nobody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


async def connect_tcp(port: int) -> socket.socket:
    """Returns a connection to `port` of 127.0.0.1. Raises OSError when nobody listens there."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (HOST, port))
    except BaseException:
        connection.close()
        raise
    return connection


def _port(port: int | None, process: Process) -> int:
    found = process.port if port is None else port
    if found is None:
        raise InternalError(f"{process.name}: readiness by TCP needs a port.", "Pass port= to rig.start().")
    return found


def _check_owner(port: int, process: Process) -> None:
    """Raises SystemFailure when the listener on `port` is certainly another program's."""
    if listens_for(port, [each.pid for each in process.members()]) is False:
        raise process.failure(
            f"another program listens on port {port}.", f"Look which: ss -tlnp 'sport = :{port}'"
        )


def _cause(process: Process) -> str:
    if any(TAKEN.search(line) for line in process.log_tail()):
        where = f"Port {process.port}" if process.port else "A port that it needs"
        return f"{where} is taken by another program."
    return ""
