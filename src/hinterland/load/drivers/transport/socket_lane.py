"""What the lanes that own a TCP connection share: opening, greeting, writing at once, and every way to end.

A subclass says how it greets (`greet`, `greeting`), what it writes (`send`), how it reads (`received`), and
how it undoes what a visit has left (`undo`, `undone`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

from hinterland.clients.dial import SocketMaker, dial, send_at_once
from hinterland.clients.message import Response
from hinterland.load.drivers.transport.writing import write_now
from hinterland.load.engine.connection_failures import code_at_end, code_for
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.lane import IDLE, Listener
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, RESET, TIMEOUT
from hinterland.load.plan.plan import LoadPlan

KEPT_BYTES = 1 << 20
"""How much of an answer is kept for a check, and how long one piece of a protocol (a line, a head) may be."""
REMEMBERED_BYTES = 4096
DOES_NOT_READ = "the server does not read"
NO_GREETING = "timeout in the greeting"


P = TypeVar("P", bound=asyncio.BaseProtocol)


class SocketLane(asyncio.Protocol):
    """A lane over one TCP connection, with TLS where the target asks for it.

    It is `ready` between its greeting and its end, but for the time in which it is made clean. `alive` is
    True from there until the event loop let go of the connection; one whose greeting fails never was alive.
    With the mode `new` each visit has a connection of its own, opened when it is due.
    """

    connects = True

    def __init__(
        self,
        number: int,
        plan: LoadPlan,
        listener: Listener,
        requests: Requests,
        *,
        new_socket: SocketMaker | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.number = number
        self.operation = IDLE
        self.ready = self.alive = self.dirty = False
        self.surplus_answers = 0
        self.bytes_received = 0
        self._target, self._listener, self._requests = plan.target, listener, requests
        self._new_socket, self._tls = new_socket, tls
        self._timeout_s, self._only_once = plan.timeout_s, plan.mode == "new"
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self._through_transport = False
        self._greeted: asyncio.Future[int] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._outgoing: Outgoing | None = None
        self._farewell = 0
        self._cleaning: asyncio.TimerHandle | None = None

    # What a subclass says.

    def greet(self) -> bytes:
        """Returns what a new connection sends first, empty if nothing; the lane is ready then."""
        return b""

    def greeting(self, data: bytes) -> None:
        """Reads the answer to the greeting; calls `welcome` or `refuse` when it is clear."""

    def received(self, data: bytes) -> None:
        """Reads bytes of a lane that is ready."""
        raise NotImplementedError

    def send(self, outgoing: Outgoing) -> None:
        """Sends the request now."""
        raise NotImplementedError

    def undo(self) -> bytes:
        """Returns what tells the server to undo what a visit has left, empty where it can't be told."""
        return b""

    def undone(self, data: bytes) -> None:
        """Reads the answer to that; calls `cleaned` when all is well, `abort` when not."""

    def first_request(self) -> Outgoing:
        """Returns the request that a connection which only listens, or shakes hands, takes its words from."""
        return self._requests.constant or self._requests.begin(self.number)

    # Opening.

    async def open(self, timeout_s: float) -> int:
        """Connects and greets. Returns 0 or the code of what went wrong (`failures.words_of`)."""
        if self._only_once and self.operation == IDLE:
            return 0
        loop = asyncio.get_running_loop()
        self._greeted, self._gone = loop.create_future(), None
        error = TIMEOUT
        try:
            async with asyncio.timeout(timeout_s):
                await self.connect()
                # Whoever listens there may speak another protocol, and wait for us to go on in it.
                error = code_of(NO_GREETING)
                error = await self._greeted
        except TimeoutError:
            pass
        except OSError as failure:
            error = code_for(failure)
        finally:
            if not self.alive:
                await self._let_go()
        return error

    async def connect(self) -> None:
        """Connects; where there is TLS, its handshake is part of it."""
        await self.dial(lambda: self, self._tls)

    async def dial(self, protocol: Callable[[], P], tls: ssl.SSLContext | None = None) -> P:
        """Returns the protocol of a new connection to the target."""
        target = self._target
        return await dial(
            protocol,
            *target.dialled,
            new_socket=self._new_socket,
            tls=tls,
            server_name=target.host if tls else "",
        )

    async def _let_go(self) -> None:
        """Returns when the connection that came to nothing is gone, so that another may take its place."""
        self._greeted = None
        if self._transport is not None and self._gone is not None:
            self._transport.abort()
            await asyncio.shield(self._gone)

    def welcome(self) -> None:
        """The greeting is complete: operations may be sent."""
        if self._greeted is not None and not self._greeted.done():
            self.ready = self.alive = True
            self.dirty = self._only_once
            self._greeted.set_result(0)

    def refuse(self, error: int) -> None:
        """The greeting failed."""
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_result(error)

    # Between two visits.

    def clean(self) -> None:
        """Lets the server undo what the visit has left; where it can't, another connection has nothing."""
        words = b"" if self._only_once or not self.ready else self.undo()
        if not words:
            self.abort()
            return
        self.ready = False
        self._cleaning = asyncio.get_running_loop().call_later(self._timeout_s, self.abort)
        self.write(words)

    def cleaned(self) -> None:
        """Nothing is left of the visit."""
        if self._cleaning is not None:
            self._cleaning.cancel()
            self._cleaning = None
            self.ready, self.dirty = True, False
            self._listener.cleaned(self)

    # Sending and ending.

    def write(self, data: bytes) -> None:
        """Writes straight to the socket, so that the time noted just before is that of sending.

        The transport would collect the writes of one turn of the loop and send them at its end; with TLS it
        must.
        """
        if self._through_transport:
            if self._transport is not None:
                self._transport.write(data)
            return
        try:
            written = write_now(self._fd, data)
        except OSError:
            self.end(RESET)
            return
        if written != len(data) and self._transport is not None:
            # The rest may still be waiting when an early answer frees the lane: keep the order.
            self._through_transport = True
            self._transport.write(data[written:])

    def reply(self, data: bytes) -> None:
        """Writes what the protocol wants in answer to what came. Who asks on and never reads is left."""
        if self._transport is not None and self._transport.get_write_buffer_size() > KEPT_BYTES:
            self.end(code_of(DOES_NOT_READ))
        else:
            self.write(data)

    def done(self) -> None:
        """The operation under way has its answer."""
        self._listener.answered(self, 0)

    def fail(self, error: int) -> None:
        """The operation under way was answered, but not well; the lane is free."""
        self._listener.failed(self, 0, error)

    def end(self, error: int) -> None:
        """Ends the operation under way, and the connection, because of `error`."""
        self.ready = False
        operation = self.operation
        if operation >= 0:
            self.operation = IDLE
            self._listener.ended(self, operation, 0, error)
        self.abort()

    def judge(self, response: Response) -> None:
        """The operation under way was answered so: a check of its own decides, where it has one."""
        outgoing = self._outgoing
        if outgoing is not None and outgoing.reads:
            wrong = self._requests.judge(outgoing, response)
            if wrong:
                self.fail(code_of(wrong))
                return
        self.done()

    def surplus(self) -> None:
        """Bytes came that nobody asked for: the next answer could not be told from them."""
        self.surplus_answers += 1
        self.end(because(PROTOCOL, "more came than was asked for"))

    def abort(self) -> None:
        """Closes the connection without waiting for anything."""
        self.ready = False
        self._fd = -1
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it.
        self._gone = asyncio.get_running_loop().create_future()
        self._through_transport = self._tls is not None
        raw = transport.get_extra_info("socket")
        send_at_once(raw)
        self._fd = raw.fileno()
        self._outgoing = None
        self._farewell = 0
        self.begin()

    def begin(self) -> None:
        """Greets, now that the connection is made."""
        words = self.greet()
        if not words:
            self.welcome()
        elif self._transport is not None:
            self._transport.write(words)

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        if self.ready:
            self.received(data)
        elif self._cleaning is not None:
            self.undone(data)
        elif not self.alive and self._greeted is not None and not self._greeted.done():
            self.greeting(data)

    def eof_received(self) -> bool:
        self._over(CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._cleaning is not None:
            self._cleaning.cancel()
            self._cleaning = None
        self._over(code_at_end(exc))
        self._transport = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self.alive:
            self.alive = False
            self._listener.closed(self)

    def farewell(self, error: int) -> None:
        """The server said why it will close the connection: that is the error of what its end cuts off."""
        self._farewell = error

    def _over(self, error: int) -> None:
        """The connection ends from the other side."""
        error = self._farewell or error
        if self.alive:
            self.end(error)
        else:
            self.refuse(error)


def not_spoken(protocol: str, data: bytes) -> int:
    """Returns the code for an answer that is another protocol's, with its first bytes."""
    start = data[:24].split(b"\r\n")[0]
    return code_of(f"protocol: this is not {protocol}, it begins {start!r}")
