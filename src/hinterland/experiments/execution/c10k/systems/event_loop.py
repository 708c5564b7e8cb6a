"""One thread for all connections: an event loop that wakes only for clients with something to say.

The same program runs on two loops: `asyncio` (Python's own) and `uvloop` (libuv, in C).

    python event_loop.py 8080 uvloop
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Client(asyncio.Protocol):
    """What the loop keeps for each connection: this object and its transport, no stack."""

    __slots__ = ("transport", "unread")

    def __init__(self) -> None:
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, received: bytes) -> None:
        *requests, self.unread = (self.unread + received).split(b"\r\n\r\n")
        self.transport.write(ANSWER * len(requests))


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Client, "127.0.0.1", port, backlog=4096, reuse_port=True)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[2:] == ["uvloop"]:
        import uvloop

        uvloop.run(main(int(sys.argv[1])))
    else:
        asyncio.run(main(int(sys.argv[1])))
