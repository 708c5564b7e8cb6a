"""A crowd: many connections to one server, each served once and then held open in silence.

A connection counts as served once it has had the answer to one request. Holding it costs about 2 KiB
of this process. Connections end with a reset, so that no port stays behind in TIME_WAIT.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import time
from types import TracebackType
from typing import cast

import numpy as np

from hinterland.clients.dial import SocketMaker, dial
from hinterland.errors import SetupError
from hinterland.model.history import UNFINISHED, LoadSample

ERRORS = ("", "no answer", "refused", "closed", "closed later")
"""What can happen to a connection; `closed later` came after it was served."""
_NO_ANSWER, _REFUSED, _CLOSED, _CLOSED_LATER = 1, 2, 3, 4

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
OTHER_FILES = 200
"""Files that a process needs besides its crowd: libraries, logs, pipes, the active connections."""


def allow_open_files(connections: int) -> int:
    """Raises this process's limit of open files to the highest allowed; returns that number.

    Processes started later inherit it. Raises SetupError where `connections` don't fit.
    """
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    needed = connections + OTHER_FILES
    if highest != resource.RLIM_INFINITY and highest < needed:
        raise SetupError(
            f"{connections} connections need {needed} open files in one process; "
            f"this machine allows {highest}.",
            "Raise the hard limit (`nofile` in /etc/security/limits.conf, or `ulimit -Hn` as root), "
            "or ask for fewer connections.",
        )
    return highest


class Crowd:
    """Connections to one server, each served once and then silent.

    `async with Crowd(...) as crowd` opens them in order and drops them at the end. At most `window` of
    them wait for their first answer at once. Opening ends when all are served, or when nobody
    was served for `patience_s`: those who wait then, and those behind them, stay unserved. `new_socket`
    makes their sockets, None for those of this machine's choice.
    """

    def __init__(
        self,
        host: str,
        port: int,
        request: bytes,
        *,
        connections: int,
        window: int = 500,
        patience_s: float = 1.0,
        new_socket: SocketMaker | None = None,
    ) -> None:
        self.connections = connections
        self._address = (host, port)
        self._request = request
        self._window = window
        self._patience_s = patience_s
        self._new_socket = new_socket
        self._begun_ns = np.full(connections, UNFINISHED, np.int64)
        self._done_ns = np.full(connections, UNFINISHED, np.int64)
        self._error = np.full(connections, _NO_ANSWER, np.int8)
        self._members: list[_Member] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._ended = 0
        self._progress = asyncio.Event()
        self._start_ns = self._end_ns = 0

    @property
    def served(self) -> int:
        """How many had their answer and are still connected."""
        return int(np.count_nonzero(self._error == 0))

    def sample(self) -> LoadSample:
        """Returns the connections as operations of a closed loop: begun, and done with the first answer.

        Those that were never begun have sent_ns -1 and were due when opening ended.
        """
        return LoadSample(
            intended_ns=np.where(self._begun_ns == UNFINISHED, self._end_ns, self._begun_ns),
            sent_ns=self._begun_ns.copy(),
            done_ns=self._done_ns.copy(),
            status=np.zeros(self.connections, np.int16),
            error=self._error.copy(),
            connection=np.arange(self.connections, dtype=np.int32),
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            loop="closed",
            errors=ERRORS,
        )

    async def __aenter__(self) -> Crowd:
        self._start_ns = time.monotonic_ns()
        begun = 0
        while self._ended < self.connections:
            while begun < self.connections and begun - self._ended < self._window:
                opening = asyncio.create_task(self._open(begun))
                self._opening.add(opening)
                opening.add_done_callback(self._opening.discard)
                begun += 1
            self._progress.clear()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._progress.wait()
            except TimeoutError:
                break
        self._end_ns = time.monotonic_ns()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opening = tuple(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for member in self._members:
            member.drop()

    async def _open(self, number: int) -> None:
        self._begun_ns[number] = time.monotonic_ns()
        try:
            if self._new_socket is None:
                # For thousands of connections at once half the CPU time of sockets made here.
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: _Member(self, number), *self._address)
            else:
                await dial(lambda: _Member(self, number), *self._address, new_socket=self._new_socket)
        except OSError:
            self._turned_away(number, _REFUSED)

    # What its members report.

    def _joined(self, member: _Member) -> bytes:
        self._members.append(member)
        return self._request

    def _answered(self, number: int) -> None:
        self._done_ns[number] = time.monotonic_ns()
        self._error[number] = 0
        self._ended += 1
        self._progress.set()

    def _turned_away(self, number: int, error: int) -> None:
        self._error[number] = error
        self._ended += 1
        self._progress.set()

    def _left(self, number: int) -> None:
        if self._done_ns[number] == UNFINISHED:
            self._turned_away(number, _CLOSED)
        else:
            self._error[number] = _CLOSED_LATER


class _Member(asyncio.Protocol):
    """One connection of a crowd."""

    __slots__ = ("_answered", "_crowd", "_dropped", "_number", "_transport")

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._answered = False
        self._dropped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes: a cast, no check.
        self._transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.write(self._crowd._joined(self))

    def data_received(self, data: bytes) -> None:
        if not self._answered:
            self._answered = True
            self._crowd._answered(self._number)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._dropped:
            self._crowd._left(self._number)

    def drop(self) -> None:
        self._dropped = True
        self._transport.abort()
