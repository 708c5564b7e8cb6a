"""An HTTP client for correctness: it says of every failure whether the request may have happened.

The line is drawn at the first byte: before it was handed to the kernel the request certainly did not
happen (`NotSent`); after it anything may be true (`Unanswered`). It never sends a request twice by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec

from hinterland.clients.dial import SocketMaker, dial
from hinterland.clients.message import Headers, Request, Response
from hinterland.clients.reader import BadAnswer, ResponseReader

CONNECTION_CLOSED = "closed"


class NotSent(Exception):
    """The request certainly did not happen. `error`: `refused`, `timeout` or `connect`."""

    def __init__(self, error: str, says: str = "") -> None:
        super().__init__(says or error)
        self.error = error


class Unanswered(Exception):
    """The request may have happened. `error`: `timeout`, `reset`, `closed` or `protocol`."""

    def __init__(self, error: str, says: str = "") -> None:
        super().__init__(says or error)
        self.error = error


class HttpClient:
    """A client of one server. Concurrent requests each get a connection of their own.

    With `persistent`, an idle connection is used again; otherwise every request opens a fresh one and
    asks for it to be closed. `timeout_s` bounds a request from connecting to the last byte. With a `limit` a
    request waits until fewer connections are busy. `tls` makes it HTTPS, with `server_name` as the name that
    the certificate must have; `new_socket` makes the sockets. `opened` counts the connections.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        persistent: bool = True,
        timeout_s: float = 5.0,
        limit: int | None = None,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        new_socket: SocketMaker | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.persistent, self.timeout_s = persistent, timeout_s
        self.opened = 0
        self._dial: dict[str, Any] = {"tls": tls, "server_name": server_name, "new_socket": new_socket}
        self._free = None if limit is None else asyncio.Semaphore(limit)
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        body: bytes = b"",
        json: Any = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Returns the answer, whatever its status. `json` is sent as body when it is not None.

        Raises NotSent or Unanswered; UsageError for a request that can't be written.
        """
        pairs = dict(headers or {})
        if json is not None:
            body = msgspec.json.encode(json)
            if not any(name.lower() == "content-type" for name in pairs):
                pairs["Content-Type"] = "application/json"
        if not self.persistent:
            pairs.setdefault("Connection", "close")
        data = Request(method, path, pairs, body).encode(self.host, self.port)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.timeout_s if timeout_s is None else timeout_s)
        async with self._turn(deadline):
            connection = self._take_idle() or await self._connect(deadline)
            self._busy.add(connection)
            try:
                async with asyncio.timeout_at(deadline):
                    return await connection.ask(method, data)
            except TimeoutError:
                raise Unanswered("timeout", f"{method} {path} was not answered in time") from None
            finally:
                self._busy.discard(connection)
                if self.persistent and connection.reusable:
                    self._idle.append(connection)
                else:
                    connection.abort()

    async def connect(self, timeout_s: float | None = None) -> None:
        """Opens a connection for the next request, unless one is idle. Raises NotSent."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.timeout_s if timeout_s is None else timeout_s)
        if self.persistent and not self.idle_connections:
            connection = await self._connect(deadline)
            connection.reusable = True
            self._idle.append(connection)

    async def get(self, path: str, **options: Any) -> Response:
        """Returns the answer to a GET; options as for `request`."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Response:
        """Returns the answer to a POST; options as for `request`."""
        return await self.request("POST", path, **options)

    @property
    def idle_connections(self) -> int:
        """How many open connections wait for a request."""
        return sum(connection.reusable for connection in self._idle)

    def close(self) -> None:
        """Closes every connection at once; a request under way ends as Unanswered."""
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    @contextlib.asynccontextmanager
    async def _turn(self, deadline: float) -> AsyncIterator[None]:
        """Holds one of the places that the limit allows."""
        if self._free is None:
            yield
            return
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            raise NotSent("timeout", "no connection became free in time") from None
        try:
            yield
        finally:
            self._free.release()

    async def _connect(self, deadline: float) -> _Connection:
        try:
            async with asyncio.timeout_at(deadline):
                connection = await dial(_Connection, self.host, self.port, **self._dial)
        except TimeoutError:
            raise NotSent("timeout", f"no connection to {self.host}:{self.port} in time") from None
        except ConnectionRefusedError:
            raise NotSent("refused", f"{self.host}:{self.port} refused the connection") from None
        except OSError as error:
            raise NotSent("connect", f"{self.host}:{self.port}: {error}") from None
        self.opened += 1
        return connection


class _Connection(asyncio.Protocol):
    """One connection, carrying one request at a time."""

    def __init__(self) -> None:
        self.reusable = False
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._lost: str = ""

    async def ask(self, method: str, data: bytes) -> Response:
        """Returns the answer. Raises NotSent where no byte was written, Unanswered for all else."""
        self.reusable = False
        transport = self._transport
        if transport is None or transport.is_closing() or self._lost:
            raise NotSent("connect", "the connection was gone before the request was written")
        self._reader = ResponseReader(method)
        self._answer = asyncio.get_running_loop().create_future()
        transport.write(data)
        try:
            return await self._answer
        finally:
            self._answer = self._reader = None

    def abort(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it.
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done() or self._reader is None:
            self.abort()  # Bytes that nobody asked for: the next answer could not be told from them.
            return
        try:
            response = self._reader.feed(data)
        except BadAnswer as error:
            self._fail(Unanswered("protocol", f"the answer is not HTTP: {error}"))
            return
        if response is not None:
            self.reusable = self._reader.reusable
            self._answer.set_result(response)

    def eof_received(self) -> bool:
        self._end(CONNECTION_CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(CONNECTION_CLOSED if exc is None else "reset", exc)

    def _end(self, error: str, cause: Exception | None = None) -> None:
        self.reusable = False
        self._lost = error
        if self._answer is None or self._answer.done():
            return
        response = self._reader.eof() if self._reader and error == CONNECTION_CLOSED else None
        if response is not None:
            self._answer.set_result(response)
        else:
            unanswered = Unanswered(error, f"the connection was {error} before the answer was complete")
            unanswered.__cause__ = cause
            self._fail(unanswered)

    def _fail(self, error: Unanswered) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
