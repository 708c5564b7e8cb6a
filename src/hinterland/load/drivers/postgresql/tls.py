"""TLS as PostgreSQL begins it: the client asks in the open, and both shake hands on the same connection."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from hinterland.load.drivers.postgresql.messages import TLS_REQUEST

YES, NO = b"S", b"N"


class Negotiation(asyncio.Protocol):
    """Asks whether TLS may be spoken, and later hands on what comes over it.

    `answer` is what the server said, empty where it hung up. A lane outlives its connections and must hear
    only of its own, so `owner` is None until the handshake is done: whatever the loop tells of one that
    failed, the lane is not disturbed.
    """

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.owner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None

    async def handshake(self, tls: ssl.SSLContext, server_name: str, owner: asyncio.Protocol) -> None:
        """Shakes hands after a YES and gives the connection to its owner. Raises OSError."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        made = await loop.start_tls(self._transport, self, tls, server_hostname=server_name)
        if made is None:
            raise ConnectionResetError("the connection was lost in the handshake")
        self.owner = owner
        owner.connection_made(made)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it.
        self._transport.write(TLS_REQUEST)

    def data_received(self, data: bytes) -> None:
        if self.owner is not None:
            self.owner.data_received(data)
        elif not self.answer.done():
            self.answer.set_result(data)

    def eof_received(self) -> bool | None:
        return self.owner.eof_received() if self.owner is not None else False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.owner is not None:
            self.owner.connection_lost(exc)
        elif not self.answer.done():
            self.answer.set_result(b"")
