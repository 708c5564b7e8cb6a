"""How to tell that a started program answers: by asking it, never by waiting a while.

The pauses between two tries grow from 1 to 50 ms, to about a tenth of the time that has passed: no start is
noticed later than that. A program that dies meanwhile is noticed at once.
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
from hinterland.rig.processes.ports import holds_one, listeners, listens_for

if TYPE_CHECKING:
    from hinterland.rig.link.host import Host
    from hinterland.rig.process import Process

HOST = "127.0.0.1"
ONE_TRY_S = 2.0
ONE_ADDRESS_S = 0.5
"""After how long a server in a host that listens on 127.0.0.1 alone is taken to mean it."""
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
        with await connect_tcp(port, process.host):
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
        with await connect_tcp(port, process.host) as connection:
            _check_owner(port, process)
            where = address_of(process.host)
            ask = f"GET {self.path} HTTP/1.1\r\nHost: {where}:{port}\r\nConnection: close\r\n\r\n"
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
class AnswerReady:
    """It answers `asks` with what fits the pattern `awaits`, and is really the listener on its port.

    `does`: what that is, in words (`answer PING`). `path`: the Unix socket to ask at instead.
    """

    asks: bytes
    awaits: bytes
    does: str
    path: Path | None = None
    timeout_s: float = 20.0

    @property
    def says(self) -> str:
        return self.does

    async def holds(self, process: Process) -> bool:
        if self.path is None:
            await TcpReady().holds(process)
        loop = asyncio.get_running_loop()
        reached = connect_tcp(process.port) if self.path is None else connect_unix(self.path)
        with await reached as connection:
            await loop.sock_sendall(connection, self.asks)
            said = b""
            # It may come in parts, or behind something that nobody asked for.
            while not re.search(self.awaits, said):
                part = await loop.sock_recv(connection, 4096)
                if not part:
                    return False
                said += part
        return True


@dataclass(frozen=True, slots=True)
class UdpReady:
    """It has bound a UDP socket to `port` (default: the process's). A datagram would ask too much of it."""

    port: int | None = None
    timeout_s: float = 20.0

    @property
    def says(self) -> str:
        return "bind a UDP socket"

    async def holds(self, process: Process) -> bool:
        found = listeners(_port(self.port, process), kind="udp", view=process.pid)
        mine = {f"socket:[{each.inode}]" for each in found}
        return bool(mine) and holds_one(mine, [each.pid for each in process.members()]) is not False


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
    only_itself_s: float | None = None
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ONE_TRY_S):
                if process.alive and await ready.holds(process):
                    return
        if not process.alive:
            raise process.failure(
                f"ended with status {process.returncode} before it was ready.", _cause(process)
            )
        # A server may bind one address after the other: it is given a moment.
        if not listens_only_to_itself(process):
            only_itself_s = None
        elif only_itself_s is None:
            only_itself_s = time.monotonic()
        elif time.monotonic() - only_itself_s > ONE_ADDRESS_S:
            raise process.failure(
                f"listens on 127.0.0.1:{process.port} alone, where no other host of the link reaches it.",
                f"Make it listen on 0.0.0.0, or on {address_of(process.host)}.",
            )
        if time.monotonic() > end_s:
            raise process.failure(f"did not {ready.says} within {ready.timeout_s:g} s.", _cause(process))
        with contextlib.suppress(TimeoutError):
            await process.wait(pause_s)
        pause_s = min(pause_s * 1.1, 0.05)


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


async def connect_tcp(port: int, host: Host | None = None) -> socket.socket:
    """Returns a connection to `port` of 127.0.0.1, or from inside `host` to its own address.

    Raises OSError when nobody listens there.
    """
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM) if host is None else host.socket()
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address_of(host), port))
    except BaseException:
        connection.close()
        raise
    return connection


def address_of(host: Host | None) -> str:
    """Returns where a server in `host` is asked whether it is ready."""
    return HOST if host is None else host.address


def _port(port: int | None, process: Process) -> int:
    found = process.port if port is None else port
    if not found:
        raise InternalError(f"{process.name}: readiness by TCP needs a port.", "Pass port= to rig.start().")
    return found


def _check_owner(port: int, process: Process) -> None:
    """Raises SystemFailure when the listener on `port` is certainly another program's."""
    # Asked twice: a child that was born between the two looks may hold what its parent has closed since.
    for _ in range(2):
        if listens_for(port, [each.pid for each in process.members()], view=_view(process)) is not False:
            break
    else:
        raise process.failure(
            f"another program listens on port {port}.", f"Look which: ss -tlnp 'sport = :{port}'"
        )


def _view(process: Process) -> int | str:
    """Returns whose network to look at: a process in a host has one of its own."""
    return "self" if process.host is None else process.pid


def listens_only_to_itself(process: Process) -> bool:
    """Decides whether a server in a host is bound to 127.0.0.1 or ::1 alone."""
    # On the proxy tier every host is an address of the machine itself.
    if process.host is None or not process.port or process.host.link.tier == "proxy":
        return False
    found = [each for kind in ("tcp", "udp") for each in listeners(process.port, kind=kind, view=process.pid)]
    return bool(found) and all(each.loopback for each in found)


def _cause(process: Process) -> str:
    if any(TAKEN.search(line) for line in process.log_tail()):
        where = f"Port {process.port}" if process.port else "A port that it needs"
        return f"{where} is taken by another program."
    return ""
