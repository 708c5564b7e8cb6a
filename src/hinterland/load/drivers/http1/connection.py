"""One HTTP/1.1 connection of a load: writes prebuilt bytes, reads answers, keeps no task or future.

Reading has a short cut that is exact, not a guess. An answer that once came in one piece, took the parser
from the start of a message to the start of the next and left the connection open will do so again,
because the parser sees nothing but the bytes: the same bytes in the same state are the same answer. So the
last such piece is remembered and compared first (a memcmp); everything else goes through httptools.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

import httptools

from hinterland.clients.dial import SocketMaker, dial, send_at_once
from hinterland.clients.message import Response
from hinterland.clients.reader import BadAnswer, ResponseReader, status_at_close
from hinterland.load.drivers.transport.answer_room import ROOM
from hinterland.load.drivers.transport.remembered import Remembered
from hinterland.load.drivers.transport.writing import write_now
from hinterland.load.engine.connection_failures import code_at_end, code_for
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.lane import IDLE, Listener, Stateless
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, RESET, TIMEOUT

REMEMBERED_BYTES = 4096
HEAD_BYTES = 65536


class Http1Connection(Stateless, asyncio.Protocol):
    """A lane that is a connection of its own, and can be opened again after it closed.

    `alive` is True from its opening until the event loop let go of it, when it calls the listener's `closed`.
    An answer is read whole, with headers and body, only for a request that wants it (`Outgoing.reads`).
    """

    connects = True

    __slots__ = (
        "_address",
        "_answer",
        "_fd",
        "_finals",
        "_keeps_alive",
        "_last_status",
        "_listener",
        "_new_socket",
        "_outgoing",
        "_parser",
        "_read_bytes",
        "_reader",
        "_remembered",
        "_requests",
        "_server_name",
        "_surplus",
        "_through_transport",
        "_tls",
        "_transport",
        "_whole",
        "_whole_answer",
        "alive",
        "bytes_received",
        "number",
        "operation",
        "ready",
        "surplus_answers",
    )

    def __init__(
        self,
        number: int,
        address: tuple[str, int],
        *,
        listener: Listener,
        requests: Requests,
        remembered: Remembered,
        new_socket: SocketMaker | None = None,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        self.number = number
        self.operation = IDLE
        self.ready = self.alive = False
        self.surplus_answers = self.bytes_received = 0
        self._address, self._new_socket = address, new_socket
        self._tls, self._server_name = tls, server_name
        self._listener, self._requests = listener, requests
        self._remembered = remembered
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self._outgoing: Outgoing | None = None
        self._whole_answer = False
        self._fresh()

    def _fresh(self) -> None:
        # A parser and a buffer are half of the memory of an idle connection: only who needs them has them.
        self._parser: Any = None
        self._reader: ResponseReader | None = None
        self._answer: bytes | bytearray = b""
        self._whole = True
        self._surplus = self._keeps_alive = False
        # With TLS what is written is not what goes out.
        self._through_transport = self._tls is not None
        self._finals = self._last_status = self._read_bytes = 0

    async def open(self, timeout_s: float) -> int:
        """Opens the connection. Returns 0 or the error that kept it from opening."""
        try:
            async with asyncio.timeout(timeout_s):
                await dial(
                    lambda: self,
                    *self._address,
                    new_socket=self._new_socket,
                    tls=self._tls,
                    server_name=self._server_name,
                )
        except TimeoutError:
            self.abort()
            return TIMEOUT
        except OSError as failure:
            return code_for(failure)
        return 0

    def send(self, outgoing: Outgoing) -> None:
        """Writes the request straight to the socket, so that the time noted just before is that of sending.

        The transport would collect the writes of one turn of the loop and send them at its end. With TLS it
        must.
        """
        if outgoing is not self._outgoing:
            self._outgoing = outgoing
            # httptools cannot know that the answer to HEAD has no body.
            self._whole_answer = outgoing.reads or outgoing.method == "HEAD"
        request = outgoing.wire
        if self._through_transport and self._transport is not None:
            self._transport.write(request)
            return
        try:
            written = write_now(self._fd, request)
        except OSError:
            self._end(RESET)
            return
        if written != len(request) and self._transport is not None:
            # The rest may still be waiting when an early answer frees the connection: keep the order.
            self._through_transport = True
            self._transport.write(request[written:])

    def abort(self) -> None:
        """Closes the connection without waiting for anything."""
        self._fd = -1
        self.ready = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it.
        self._fresh()
        raw = transport.get_extra_info("socket")
        send_at_once(raw)
        self._fd = raw.fileno()
        self.ready = self.alive = True

    def data_received(self, data: bytes) -> None:
        remembered = self._remembered
        self.bytes_received += len(data)
        if (
            data == remembered.data
            and self._whole
            and self.operation >= 0
            and (not self._whole_answer or self._outgoing is remembered.good_for)
        ):
            self._listener.answered(self, remembered.status)
        elif self.operation < 0:
            # Bytes that nobody asked for: the next answer could not be told from them.
            self.surplus_answers += 1
            self.abort()
        elif self._whole_answer:
            self._read_whole(data)
        else:
            self._read(data)

    def eof_received(self) -> bool:
        self._end(CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(code_at_end(exc))
        self.alive = False
        self._transport = None
        self._listener.closed(self)

    # Reading what is not remembered.

    def _read(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The connection speaks another protocol now.
            self._finals, self._last_status = 1, self._parser.get_status_code()
            self._keeps_alive = False
        except httptools.HttpParserError as error:
            if not self._finals:
                self._end(because(PROTOCOL, str(error)))
                return
            self._surplus = True
        if self._finals:
            self._complete(data, self._keeps_alive and not self._surplus)
        else:
            self._keep(data)

    def _read_whole(self, data: bytes) -> None:
        outgoing = cast(Outgoing, self._outgoing)
        in_one_piece = self._reader is None
        if self._reader is None:
            self._reader = ResponseReader(outgoing.method)
        try:
            response = self._reader.feed(data)
        except BadAnswer as failure:
            self._end(because(PROTOCOL, str(failure)))
            return
        if response is not None:
            reusable = self._reader.reusable
            self._forget_reader()
            self._whole = True
            self._judge(outgoing, response, reusable, data if in_one_piece else b"")
        elif error := ROOM.take(self._read_bytes, len(data)):
            self._end(error)
        else:
            self._read_bytes += len(data)
            self._whole = False

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.forget()
            self._reader = None
        ROOM.give(self._read_bytes)
        self._read_bytes = 0

    def _judge(self, outgoing: Outgoing, response: Response, reusable: bool, whole: bytes = b"") -> None:
        complaint = self._requests.judge(outgoing, response) if outgoing.reads else ""
        error = code_of(complaint) if complaint else 0
        if not reusable:
            operation, self.operation = self.operation, IDLE
            self.ready = False
            self._listener.ended(self, operation, response.status, error)
            self.abort()
        elif error:
            self._listener.failed(self, response.status, error)
        else:
            # An answer to HEAD would be the beginning of one to GET; a chain takes values from each.
            if 0 < len(whole) <= REMEMBERED_BYTES and outgoing.visit is None and outgoing.method != "HEAD":
                self._remembered.keep(whole, response.status, outgoing)
            self._listener.answered(self, response.status)

    def _keep(self, data: bytes) -> None:
        self._whole = False
        if not self._answer:
            self._answer = bytearray(data)
        elif len(self._answer) < HEAD_BYTES:
            self._answer += data

    def _complete(self, data: bytes, reusable: bool) -> None:
        status = self._last_status
        if not reusable:
            self.surplus_answers += self._surplus
            operation, self.operation = self.operation, IDLE
            self._listener.ended(self, operation, status, 0)
            self.abort()
            return
        if self._whole and len(data) <= REMEMBERED_BYTES:
            self._remembered.keep(data, status)
        self._whole = True
        self._finals = 0
        self._answer = b""
        self._listener.answered(self, status)

    def _end(self, error: int) -> None:
        """Ends the operation under way, and the connection, because of `error`."""
        self._fd = -1
        self.ready = False
        operation = self.operation
        if operation >= 0:
            if error == CLOSED and self._reader is not None:
                response = self._reader.eof()
                self._forget_reader()
                if response is not None:
                    self._judge(cast(Outgoing, self._outgoing), response, reusable=False)
                    return
            self.operation = IDLE
            status = 0
            if error == CLOSED and not self._whole:
                status = status_at_close(bytes(self._answer))
            self._listener.ended(self, operation, status, 0 if status else error)
        self._forget_reader()
        self._answer = b""
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
