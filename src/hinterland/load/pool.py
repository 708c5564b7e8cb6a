"""The connections of a load: opened before it, again when an operation needs one, and closed after it."""

from __future__ import annotations

import asyncio
import time
from array import array
from typing import Protocol

from hinterland.load.connection import IDLE, Connection, Driver, Remembered
from hinterland.load.dial import SocketMaker
from hinterland.load.recorder import TIMEOUT

# About what the shortest usual backlog of a listening socket (128) takes at once.
OPENED_AT_ONCE = 100


class PoolDriver(Driver, Protocol):
    """What decides which operation a connection carries, and hears how opening it went."""

    def opened(self, connection: Connection) -> None:
        """The connection is open and may carry the operation bound to it."""

    def refused(self, connection: Connection, operation: int, error: int) -> None:
        """The connection could not be opened for its operation."""


class Pool:
    """`size` connections to one address, all carrying the same request. `new_socket` makes their sockets."""

    def __init__(
        self,
        host: str,
        port: int,
        request: bytes,
        method: str,
        *,
        size: int,
        timeout_s: float,
        driver: PoolDriver,
        new_socket: SocketMaker | None = None,
    ) -> None:
        self.opened_again = self.open_failures = 0
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._driver, self._new_socket = driver, new_socket
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        remembered = Remembered()
        self.connections = [Connection(number, driver, request, method, remembered) for number in range(size)]

    @property
    def surplus_answers(self) -> int:
        """How often bytes came that no request had asked for."""
        return sum(connection.surplus_answers for connection in self.connections)

    async def open_all(self) -> None:
        """Opens every connection once. One that fails is left for the operation that needs it."""
        for first in range(0, len(self.connections), OPENED_AT_ONCE):
            batch = self.connections[first : first + OPENED_AT_ONCE]
            errors = await asyncio.gather(*(self._open(connection) for connection in batch))
            self.open_failures += sum(error != 0 for error in errors)

    def open_for(self, connection: Connection) -> None:
        """Opens a closed connection for the operation bound to it; tells the driver how it went."""
        task = asyncio.get_running_loop().create_task(self._open_and_tell(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def watch_timeouts(self, sent: array[int]) -> None:
        """Ends, from now on, each operation that has waited for its answer longer than the timeout.

        They are looked through ten times in a timeout and at most every 5 ms, so one may last a tenth longer.
        """
        limit_ns = round(self._timeout_s * 1e9)
        period_s = min(0.1, max(0.005, self._timeout_s / 10))
        loop = asyncio.get_running_loop()

        def sweep() -> None:
            oldest = time.monotonic_ns() - limit_ns
            for connection in self.connections:
                operation = connection.operation
                if operation >= 0 and 0 <= sent[operation] < oldest:
                    connection.end(TIMEOUT)
            self._sweeper = loop.call_later(period_s, sweep)

        self._sweeper = loop.call_later(period_s, sweep)

    async def close(self) -> None:
        """Closes every connection, leaving operations under way as they are, and waits until all are gone."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in self.connections:
            connection.operation = IDLE
            connection.abort()
        # The transports say goodbye in the loop's next turns.
        for _ in range(10):
            if not any(connection.alive for connection in self.connections):
                return
            await asyncio.sleep(0)

    async def _open(self, connection: Connection) -> int:
        return await connection.open(self._host, self._port, self._timeout_s, self._new_socket)

    async def _open_and_tell(self, connection: Connection) -> None:
        error = await self._open(connection)
        if error:
            self.open_failures += 1
            operation, connection.operation = connection.operation, IDLE
            self._driver.refused(connection, operation, error)
            return
        self.opened_again += 1
        # The server may have closed it already: then its end has been told, and the operation's with it.
        if connection.operation >= 0 and connection.fd >= 0:
            self._driver.opened(connection)
