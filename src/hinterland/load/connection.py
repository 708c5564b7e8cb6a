"""One HTTP/1.1 connection of a load: writes prebuilt bytes, reads answers, keeps no task or future.

Reading has a short cut that is exact, not a guess. An answer that once came in one piece, took the parser
from the start of a message to the start of the next and left the connection open will do so again,
because the parser sees nothing but the bytes: the same bytes in the same state are the same answer. So the
last such piece is remembered and compared first (a memcmp); everything else goes through httptools.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Protocol, cast

import httptools

from hinterland.load.dial import SocketMaker, dial
from hinterland.load.reader import BadAnswer, ResponseReader, status_at_close
from hinterland.load.recorder import CLOSED, PROTOCOL, REFUSED, RESET, TIMEOUT, UNREACHABLE

REMEMBERED_BYTES = 4096
HEAD_BYTES = 65536
IDLE = -1


class Driver(Protocol):
    """What decides which operation a connection carries next."""

    def answered(self, connection: Connection, status: int) -> None:
        """The operation was answered and the connection is free."""

    def ended(self, connection: Connection, operation: int, status: int, error: int) -> None:
        """The operation ended, answered (error 0) or not, and its connection with it."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone and may be opened again."""


class Remembered:
    """The last answer that came in one piece and left its connection open, shared by a load's connections."""

    __slots__ = ("data", "status")

    def __init__(self) -> None:
        self.data, self.status = b"", 0


class Connection(asyncio.Protocol):
    """A connection that can be opened again after it closed.

    `operation` is the index of the one it carries, or IDLE. `fd` is -1 while nothing may be written;
    `alive` is True from its opening until the event loop let go of it, when it calls the driver's `closed`.
    """

    __slots__ = (
        "_answer",
        "_driver",
        "_finals",
        "_keeps_alive",
        "_last_status",
        "_method",
        "_parser",
        "_reader",
        "_remembered",
        "_request",
        "_surplus",
        "_through_transport",
        "_transport",
        "_whole",
        "alive",
        "fd",
        "number",
        "operation",
        "surplus_answers",
    )

    def __init__(
        self, number: int, driver: Driver, request: bytes, method: str, remembered: Remembered
    ) -> None:
        self.number = number
        self.operation = IDLE
        self.fd = -1
        self.alive = False
        self.surplus_answers = 0
        self._driver, self._request, self._method = driver, request, method
        self._remembered = remembered
        self._transport: asyncio.Transport | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reader: ResponseReader | None = None
        self._answer = bytearray()
        self._whole = True
        self._surplus = self._keeps_alive = False
        self._through_transport = False
        self._finals = self._last_status = 0

    async def open(
        self, host: str, port: int, timeout_s: float, new_socket: SocketMaker | None = None
    ) -> int:
        """Opens the connection. Returns 0 or the error that kept it from opening."""
        try:
            async with asyncio.timeout(timeout_s):
                await dial(lambda: self, host, port, new_socket=new_socket)
        except TimeoutError:
            self.abort()
            return TIMEOUT
        except ConnectionRefusedError:
            return REFUSED
        except ConnectionResetError:
            return RESET
        except OSError:
            return UNREACHABLE
        return 0

    def send(self) -> None:
        """Writes the request straight to the socket, so that the time noted just before is that of sending.

        The transport would collect the writes of one turn of the loop and send them at its end.
        """
        if self._through_transport and self._transport is not None:
            self._transport.write(self._request)
            return
        try:
            written = os.write(self.fd, self._request)
        except BlockingIOError:
            written = 0
        except OSError:
            self._end(RESET)
            return
        if written != len(self._request) and self._transport is not None:
            # The rest may still be waiting when an early answer frees the connection: keep the order.
            self._through_transport = True
            self._transport.write(self._request[written:])

    def abort(self) -> None:
        """Closes the connection without waiting for anything."""
        self.fd = -1
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it.
        self._fresh()
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = raw.fileno()
        self.alive = True

    def data_received(self, data: bytes) -> None:
        remembered = self._remembered
        if data == remembered.data and self._whole and self.operation >= 0:
            self._driver.answered(self, remembered.status)
        elif self.operation < 0:
            # Bytes that nobody asked for: the next answer could not be told from them.
            self.surplus_answers += 1
            self.abort()
        elif self._method == "HEAD":
            self._read_head(data)
        else:
            self._read(data)

    def eof_received(self) -> bool:
        self._end(CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(CLOSED if exc is None else RESET)
        self.alive = False
        self._transport = None
        self._driver.closed(self)

    # Reading what is not remembered.

    def _read(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The connection speaks another protocol now.
            self._finals, self._last_status = 1, self._parser.get_status_code()
            self._keeps_alive = False
        except httptools.HttpParserError:
            if not self._finals:
                self._end(PROTOCOL)
                return
            self._surplus = True
        if self._finals:
            self._complete(data, self._keeps_alive and not self._surplus)
        else:
            self._keep(data)

    def _read_head(self, data: bytes) -> None:
        if self._reader is None:
            self._reader = ResponseReader("HEAD")
        try:
            response = self._reader.feed(data)
        except BadAnswer:
            self._end(PROTOCOL)
            return
        if response is None:
            self._keep(data)
            return
        self._last_status = response.status
        reusable, self._reader = self._reader.reusable, None
        self._complete(data, reusable)

    def _keep(self, data: bytes) -> None:
        self._whole = False
        if len(self._answer) < HEAD_BYTES:
            self._answer += data

    def _complete(self, data: bytes, reusable: bool) -> None:
        status = self._last_status
        if not reusable:
            self.surplus_answers += self._surplus
            operation, self.operation = self.operation, IDLE
            self._driver.ended(self, operation, status, 0)
            self.abort()
            return
        if self._whole and len(data) <= REMEMBERED_BYTES:
            self._remembered.data, self._remembered.status = data, status
        self._whole = True
        self._finals = 0
        if self._answer:
            self._answer.clear()
        self._driver.answered(self, status)

    def _end(self, error: int) -> None:
        """Ends the operation under way, and the connection, because of `error`."""
        self.fd = -1
        operation = self.operation
        if operation >= 0:
            self.operation = IDLE
            status = 0
            if error == CLOSED and not self._whole and self._method != "HEAD":
                status = status_at_close(bytes(self._answer))
            self._driver.ended(self, operation, status, 0 if status else error)
        self.abort()

    def end(self, error: int) -> None:
        """Gives up the operation under way, and the connection with it."""
        self._end(error)

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self._finals:
            self._surplus = True

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if (status >= 200 or status == 101) and not self._finals:
            self._finals, self._last_status = 1, status
            # After this callback the parser has forgotten how the message was framed.
            self._keeps_alive = self._parser.should_keep_alive()
