"""A client whose requests are operations: each is timed, classified and recorded, and comes back as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hinterland.clients.cookies import parsed
from hinterland.clients.http import HttpClient
from hinterland.clients.operations import Answer, Operations, classify
from hinterland.clients.sources import socket_maker
from hinterland.model.history import Operation

SAFE = ("GET", "HEAD", "OPTIONS")


class Client:
    """Somebody who asks servers over HTTP. `number` tells it from others in the history.

    port: where it asks unless a request says otherwise. source: the address that it comes from. What else
    `HttpClient` knows (`persistent`, `timeout_s`, `tls`, ...) may be given as well.
    """

    def __init__(
        self,
        operations: Operations,
        number: int,
        port: int | None = None,
        *,
        host: str = "127.0.0.1",
        source: str = "",
        **options: Any,
    ) -> None:
        self.number = number
        self._operations = operations
        self._port = port
        self._host = host
        if source:
            options["new_socket"] = socket_maker([source])
        self._options = options
        self._by_port: dict[int, HttpClient] = {}

    async def ask(
        self,
        kind: str,
        key: str,
        method: str,
        path: str,
        *,
        port: int | None = None,
        cookies: Mapping[str, str] | None = None,
        argument: Any = None,
        writes: bool | None = None,
        **options: Any,
    ) -> Operation:
        """Makes one request and returns the operation that it was, once it is recorded.

        kind, key: what it is in the history. writes: whether it changes something, which its method tells
        where it isn't said. What else `HttpClient.request` knows (`json`, `headers`, `timeout_s`) may be
        given as well. Raises nothing for what servers and networks do: that is the operation's outcome.
        """
        changes = method not in SAFE if writes is None else writes
        if cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
            options["headers"] = {**(options.get("headers") or {}), "Cookie": pairs}
        client = self._to(port)

        async def call() -> Answer:
            response = await client.request(method, path, **options)
            outcome, result = classify(response, writes=changes)
            given = {each.name: each.value for each in parsed(response.headers.get("set-cookie", ""))}
            return outcome, {**result, "cookies": given} if given else result

        return await self._operations.perform(
            kind, key, client=self.number, call=call, argument=argument, writes=changes
        )

    def close(self) -> None:
        """Closes its connections."""
        for client in self._by_port.values():
            client.close()

    def _to(self, port: int | None) -> HttpClient:
        to = self._port if port is None else port
        if to is None:
            raise ValueError("ask() needs a port: the client was made without one.")
        if to not in self._by_port:
            self._by_port[to] = HttpClient(self._host, to, **self._options)
        return self._by_port[to]
