"""A connection that several lanes share: one at a time, another when it ended."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol

from hinterland.clients.dial import SocketMaker
from hinterland.load.drivers.transport.stream_lane import Carrier, SharedLane
from hinterland.load.engine.connection_failures import code_for
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Requests
from hinterland.load.engine.recorder import CLOSED, TIMEOUT
from hinterland.load.plan.plan import LoadPlan


class MultiplexedConnection(Carrier, Protocol):
    """What is shared, from its opening to its end.

    `greeted` is done with 0 once it takes requests, else with the code of what went wrong. `draining`: it
    takes no further ones. `lanes` are those that send on it.
    """

    greeted: asyncio.Future[int]
    draining: bool
    lanes: set[SharedLane]

    async def dial(self, new_socket: SocketMaker | None, tls: ssl.SSLContext | None) -> None:
        """Connects. Raises OSError when there is no connection to be had."""


class SharedConnection:
    """One connection at a time for its lanes: opened by the first that needs it, and again after it ended.

    `make` makes it, before it is dialled. `opened` counts the connections, `carried_over` the requests that a
    server sent to its next connection.
    """

    def __init__(
        self,
        plan: LoadPlan,
        make: Callable[[SharedConnection], MultiplexedConnection],
        *,
        new_socket: SocketMaker | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.opened = self.carried_over = 0
        self.target = plan.target
        self._timeout_s, self._make = plan.timeout_s, make
        self._new_socket, self._context = new_socket, context
        self._lanes: list[SharedLane] = []
        self._connection: MultiplexedConnection | None = None
        self._living: set[MultiplexedConnection] = set()
        self._opening: asyncio.Task[int] | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    def lane(self, number: int, listener: Listener, requests: Requests) -> SharedLane:
        """Returns a further lane of this connection."""
        made = SharedLane(number, self, listener, requests)
        self._lanes.append(made)
        return made

    async def join(self, lane: SharedLane, timeout_s: float) -> int:
        """Gives the lane a connection that takes requests. Returns 0 or the code of the error."""
        lane.connects = self._connection is None and self._opening is None
        error = await self._connected(timeout_s)
        return error or self._attach(lane)

    def _attach(self, lane: SharedLane) -> int:
        connection = self._connection
        if connection is None:
            return CLOSED
        connection.lanes.add(lane)
        lane.joined(connection)
        return 0

    async def _connected(self, timeout_s: float) -> int:
        """Returns 0 when there is a connection that takes requests, else the code of the error."""
        if self._connection is not None:
            return 0
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open(timeout_s))
        # Other lanes wait for it, too: that one of them is cancelled is nothing to the others.
        return await asyncio.shield(self._opening)

    def abort(self) -> None:
        """Closes the connection, or gives up opening it."""
        for task in (self._opening, *self._carrying):
            if task is not None:
                task.cancel()
        for connection in tuple(self._living):
            connection.abort()

    def received(self, size: int) -> None:
        """So many octets came, for all lanes together: the first one counts them."""
        self._lanes[0].bytes_received += size

    def surplus(self) -> None:
        """Octets came that no request had asked for."""
        self._lanes[0].surplus_answers += 1

    def ended(self, connection: MultiplexedConnection) -> None:
        """The connection takes no further requests."""
        if self._connection is connection:
            self._connection = None

    def gone(self, connection: MultiplexedConnection) -> None:
        """The connection is closed."""
        self.ended(connection)
        self._living.discard(connection)

    def carry_over(self, lanes: list[SharedLane]) -> None:
        """Sends requests of these lanes on the next connection: the server said that it has not done them."""
        if not lanes:
            return
        self.carried_over += len(lanes)
        for lane in lanes:
            lane.carried()
        task = asyncio.get_running_loop().create_task(self._carry(lanes))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, lanes: list[SharedLane]) -> None:
        error = await self._connected(self._timeout_s)
        for lane in lanes:
            # One whose operation ended meanwhile may be open again already, with another.
            if lane.alive and lane.carrier is None:
                failure = error or self._attach(lane)
                if failure:
                    lane.leave(failure)
                elif lane.outgoing is not None:
                    lane.send(lane.outgoing)

    async def _open(self, timeout_s: float) -> int:
        connection = self._make(self)
        self._living.add(connection)
        error = TIMEOUT
        try:
            async with asyncio.timeout(timeout_s):
                await connection.dial(self._new_socket, self._context)
                error = await connection.greeted
        except TimeoutError:
            pass
        except OSError as failure:
            error = code_for(failure)
        finally:
            self._opening = None
            if error:
                connection.abort()
                self._living.discard(connection)
        if not error and not connection.draining:
            self._connection = connection
            self.opened += 1
        return error


def shared_lanes(
    plan: LoadPlan,
    connections: int,
    make: Callable[[], SharedConnection],
    *,
    listener: Listener,
    requests: Requests,
) -> list[Lane]:
    """Returns `plan.multiplexed` lanes for each connection, numbered from 0."""
    made: list[Lane] = []
    for _ in range(connections):
        shared = make()
        numbers = range(len(made), len(made) + plan.multiplexed)
        made.extend(shared.lane(number, listener, requests) for number in numbers)
    return made
