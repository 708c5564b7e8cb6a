"""Drives a server with HTTP/1.1, a new connection for each request.

A connection is opened when its request is due, so that its time is part of the response time, and of the
figures on connecting; the service time begins when the request is sent.
"""

from __future__ import annotations

import re

from hinterland.clients.message import Response
from hinterland.load.drivers.http1.connection import Http1Connection
from hinterland.load.engine.lane import IDLE
from hinterland.load.engine.outgoing import Outgoing

_HAS_CONNECTION = re.compile(rb"\r\nconnection[ \t]*:", re.IGNORECASE)
_SAYS_CLOSE = b"\r\nConnection: close"


class NewConnection(Http1Connection):
    """A connection for one request, which asks the server to close it."""

    async def open(self, timeout_s: float) -> int:
        """Opens the connection for the operation bound to it; without one there is nothing to open yet."""
        return 0 if self.operation == IDLE else await super().open(timeout_s)

    def send(self, outgoing: Outgoing) -> None:
        """Sends the request, with a `Connection: close` if it has no `Http1Connection` of its own."""
        if outgoing.built is None:
            outgoing.wire = outgoing.built = _closing(outgoing.wire)
        super().send(outgoing)

    # Whatever the server makes of it, the connection ends with its first answer.

    def _complete(self, data: bytes, reusable: bool) -> None:
        super()._complete(data, False)

    def _judge(self, outgoing: Outgoing, response: Response, reusable: bool, whole: bytes = b"") -> None:
        super()._judge(outgoing, response, False)


def _closing(wire: bytes) -> bytes:
    """Returns a request with the header that asks for the end of its connection."""
    head, end, body = wire.partition(b"\r\n\r\n")
    return wire if _HAS_CONNECTION.search(head) else head + _SAYS_CLOSE + end + body
