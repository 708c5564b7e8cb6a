"""UDP datagrams and their echoes as operations, matched by a number that each datagram begins with.

A lane has a socket of its own and one datagram under way. A datagram that was lost, there or back, is an
operation without an answer in time: `timeout`. An echo that comes after that is known by its number and
counted as surplus; it never answers for a later datagram.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from hinterland.clients.dial import SocketMaker
from hinterland.clients.message import Response
from hinterland.errors import UsageError
from hinterland.load.engine.connection_failures import code_for
from hinterland.load.engine.failures import code_of
from hinterland.load.engine.lane import IDLE, Lane, Listener, Stateless
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import REFUSED, RESET, TIMEOUT
from hinterland.load.plan.plan import LoadPlan, Target

NUMBER_BYTES = 8
"""A datagram is its number, big-endian, and the payload behind it."""
NUMBERS = 1 << 8 * NUMBER_BYTES
PAYLOAD_BYTES_MOST = 65507 - NUMBER_BYTES
READ_BYTES = 65536
READ_AT_ONCE = 64
PAUSE_AFTER_REFUSAL_S = 0.01
"""Opening costs nothing here: without a pause, a port where nobody listens would be asked without end."""


class UDPEcho(Stateless):
    """A lane over a connected UDP socket, which so hears when the host says that nobody listens."""

    connects = True

    def __init__(
        self,
        number: int,
        target: Target,
        listener: Listener,
        requests: Requests,
        new_socket: SocketMaker | None = None,
    ) -> None:
        self.number = number
        self.operation = IDLE
        self.ready = self.alive = False
        self.surplus_answers = 0
        self.bytes_received = 0
        self._target, self._listener, self._requests = target, listener, requests
        self._new_socket = new_socket
        self._socket: socket.socket | None = None
        self._refused = False
        # From anywhere, so that no two lanes count alike: an echo that went astray answers nobody.
        self._datagram = secrets.randbits(8 * NUMBER_BYTES)
        self._expected = b""
        self._outgoing: Outgoing | None = None

    async def open(self, timeout_s: float) -> int:
        """Makes the socket. Returns 0 or the code of the error."""
        if self._refused:
            self._refused = False
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_S)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                found = await loop.getaddrinfo(*self._target.dialled, type=socket.SOCK_DGRAM)
        except TimeoutError:
            return TIMEOUT
        except OSError as failure:
            return code_for(failure)
        family, _, _, _, address = found[0]
        made: socket.socket | None = None
        try:
            made = self._make(family)
            made.setblocking(False)
            made.connect(address)
        except OSError as failure:
            if made is not None:
                made.close()
            return code_for(failure)
        self._socket = made
        loop.add_reader(made, self._readable)
        self.ready = self.alive = True
        return 0

    def _make(self, family: int) -> socket.socket:
        if self._new_socket is None:
            return socket.socket(family, socket.SOCK_DGRAM)
        offered = self._new_socket()
        if offered.type == socket.SOCK_DGRAM:
            return offered
        # Makers give sockets for TCP; what counts is the source address that one is bound to.
        with offered:
            source = offered.getsockname()[0]
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.bind((source, 0))
        return made

    def send(self, outgoing: Outgoing) -> None:
        """Sends the next datagram now."""
        self._outgoing = outgoing
        self._datagram = (self._datagram + 1) % NUMBERS
        self._expected = data = self._datagram.to_bytes(NUMBER_BYTES, "big") + outgoing.wire
        if self._socket is None:
            self.end(RESET)
            return
        try:
            self._socket.send(data)
        except BlockingIOError:
            pass  # The socket's buffer is full: a datagram that is not sent is lost, like any other.
        except OSError as failure:
            self._broken(failure)

    def end(self, error: int) -> None:
        """Gives up the datagram under way. After a timeout the lane is as good as before."""
        operation = self.operation
        if error == TIMEOUT and self.ready and operation >= 0:
            self._expected = b""
            self._listener.unanswered(self, TIMEOUT)
            return
        self.ready = False
        if operation >= 0:
            self.operation = IDLE
            self._listener.ended(self, operation, 0, error)
        self.abort()

    def abort(self) -> None:
        """Closes the socket."""
        self.ready = False
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        # As with a connection, the listener hears of it in a turn of its own.
        loop.call_soon(self._closed)

    def _closed(self) -> None:
        self.alive = False
        self._listener.closed(self)

    def _broken(self, failure: OSError) -> None:
        code = code_for(failure)
        self._refused = code == REFUSED
        self.end(code)

    def _readable(self) -> None:
        # Bounded, so that a server that sends without end leaves turns for the others.
        for _ in range(READ_AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                return
            except OSError as failure:
                self._broken(failure)
                return
            self.bytes_received += len(data)
            self._received(data)

    def _received(self, data: bytes) -> None:
        outgoing = self._outgoing
        if self.operation < 0 or outgoing is None or data[:NUMBER_BYTES] != self._expected[:NUMBER_BYTES]:
            self.surplus_answers += 1
        elif outgoing.reads:
            wrong = self._requests.judge(outgoing, Response(0, {}, data[NUMBER_BYTES:]))
            self._finish(code_of(wrong) if wrong else 0)
        else:
            self._finish(0 if data == self._expected else code_of("other bytes came back"))

    def _finish(self, error: int) -> None:
        self._expected = b""
        if error:
            self._listener.failed(self, 0, error)
        else:
            self._listener.answered(self, 0)


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each socket. Raises UsageError for a payload that no datagram holds."""
    constant = requests.constant
    if constant is not None and len(constant.wire) > PAYLOAD_BYTES_MOST:
        raise UsageError(
            f"a message of {len(constant.wire)} bytes does not fit into a datagram.",
            f"Send at most {PAYLOAD_BYTES_MOST} bytes.",
        )
    return [UDPEcho(number, plan.target, listener, requests, new_socket) for number in range(connections)]
