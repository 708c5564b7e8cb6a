"""A TCP connection that several lanes share: requests leave together, and all end together when it ends."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, cast

from hinterland.clients.dial import SocketMaker, dial, send_at_once
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.drivers.transport.writing import write_now
from hinterland.load.engine.connection_failures import code_at_end
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.engine.recorder import CLOSED, RESET

if TYPE_CHECKING:
    from hinterland.load.drivers.transport.shared_connection import SharedConnection

# Requests of one turn of the loop leave together, but the first of them does not wait for more than these.
WRITTEN_AT_ONCE = 16


class SharedSocket(asyncio.Protocol):
    """A connection from its opening to its end; another is made after it.

    `greeted` is done with 0 when it takes requests, else with the code of what went wrong. `draining`: it
    takes no further ones. `out` collects what is to be written.
    """

    def __init__(self, shared: SharedConnection) -> None:
        self.greeted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.draining = False
        self.lanes: set[SharedLane] = set()
        self.shared = shared
        self.transport: asyncio.Transport | None = None
        self.out = bytearray()
        self._loop = asyncio.get_running_loop()
        self._fd = -1
        self._collected = 0
        self._reading = self._flush_due = False

    # What a subclass says.

    def greet(self, tls: ssl.SSLObject | None) -> None:
        """The connection is open, with its TLS if there is any: says what comes first."""
        raise NotImplementedError

    def received(self, data: bytes) -> None:
        """Reads what came."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forgets the requests under way."""
        raise NotImplementedError

    def send(self, lane: SharedLane, outgoing: Outgoing) -> None:
        """Adds the request of a lane to `out`."""
        raise NotImplementedError

    def cancel(self, lane: SharedLane) -> bool:
        """Gives up the request of a lane; returns whether the lane may go on here."""
        raise NotImplementedError

    # Opening and closing.

    async def dial(self, new_socket: SocketMaker | None, tls: ssl.SSLContext | None) -> None:
        """Connects. Raises OSError when there is no connection to be had."""
        target = self.shared.target
        await dial(
            lambda: self,
            *target.dialled,
            new_socket=new_socket,
            tls=tls,
            server_name=target.host,
        )

    def abort(self) -> None:
        """Closes the connection without waiting for anything."""
        self._fd = -1
        if self.transport is not None:
            self.transport.abort()
            self.transport = None

    def close(self) -> None:
        """Closes the connection when what was collected is written."""
        self.flush()
        self._fd = -1
        if self.transport is not None:
            self.transport.close()

    def over(self, error: int) -> None:
        """Ends every operation under way, and the connection, because of `error`."""
        self.draining = True
        self.abort()
        if not self.greeted.done():
            self.greeted.set_result(error)
        self.forget()
        self.shared.ended(self)
        lanes, self.lanes = self.lanes, set()
        for lane in sorted(lanes, key=lambda lane: lane.number):
            lane.leave(error)

    # Writing.

    def collected(self) -> None:
        """A request is in `out`: it is written in this turn of the loop, or when enough are together."""
        self._collected += 1
        if self._collected >= WRITTEN_AT_ONCE:
            self.flush()
        elif not (self._reading or self._flush_due):
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Writes what was collected: straight to the socket, but for TLS and behind what waits already."""
        self._flush_due, self._collected = False, 0
        out, transport = self.out, self.transport
        if not out or transport is None:
            return
        self.out = bytearray()
        if self._fd >= 0 and not transport.get_write_buffer_size():
            try:
                written = write_now(self._fd, out)
            except OSError:
                self.over(RESET)
                return
            if written == len(out):
                return
            out = out[written:]
        transport.write(out)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it.
        raw = transport.get_extra_info("socket")
        send_at_once(raw)
        tls = transport.get_extra_info("ssl_object")
        self._fd = raw.fileno() if tls is None else -1
        self.greet(tls)

    def data_received(self, data: bytes) -> None:
        self.shared.received(len(data))
        self._reading = True
        try:
            self.received(data)
        finally:
            self._reading = False
        if self.out:
            self.flush()

    def eof_received(self) -> bool:
        self.over(CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.over(code_at_end(exc))
        self.shared.gone(self)
