"""Twenty feeds as UDP datagrams: no order, no repair, and so nobody to wait for.

python udp_feed.py serve 127.0.0.1 8080
python udp_feed.py follow 127.0.0.1 8080     # press Enter twice, then Ctrl-D to end
"""

from __future__ import annotations

import asyncio
from typing import Any

from messages import Newsroom, Notebook, follow, options  # type: ignore[import-not-found]

HELLO, BEGIN = b"hello", b"begin"
Address = tuple[str | Any, int]


class Server(asyncio.DatagramProtocol):
    """Answers "hello", and at "begin" sends the feeds to whoever said it."""

    def __init__(self, newsroom: Newsroom) -> None:
        self._newsroom = newsroom

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, address: Address) -> None:
        self._transport.sendto(data, address)
        if data == BEGIN:
            self._newsroom.subscribe("/feed/0-of-1", lambda message: self._transport.sendto(message, address))
            self._newsroom.begin()


class Client(asyncio.DatagramProtocol):
    """Reads messages in the order in which the network brings them."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self.answered = asyncio.Event()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, address: Address) -> None:
        self._notebook.arrive()
        if data in (HELLO, BEGIN):
            self.answered.set()
        else:
            # A source of its own: nothing is put together from two datagrams.
            self._notebook.read(self._notebook.arrivals, data)

    async def begin(self) -> None:
        self.transport.sendto(BEGIN)


async def main() -> None:
    given = options("Twenty feeds over UDP")
    loop, where = asyncio.get_running_loop(), (given.address, given.port)
    if given.role == "serve":
        newsroom = Newsroom(given.count, given.rate)
        await loop.create_datagram_endpoint(lambda: Server(newsroom), local_addr=where)
        print("listening", flush=True)
        await asyncio.Event().wait()
    notebook = Notebook(given.count)
    notebook.lossy = True
    _, client = await loop.create_datagram_endpoint(lambda: Client(notebook), remote_addr=where)
    client.transport.sendto(HELLO)
    await client.answered.wait()
    await follow(notebook, given.out, client.begin)


asyncio.run(main())
