"""Twenty feeds over HTTP/1.1: each connection carries one answer at a time, so a browser opens six.

    python http1_feed.py serve 127.0.0.1 8080
    python http1_feed.py follow 127.0.0.1 8080 --parts 6     # press Enter twice, then Ctrl-D to end
    curl -N http://127.0.0.1:8080/feed/0-of-1 | head -c 3000 & curl http://127.0.0.1:8080/begin

An answer never ends and comes in chunks. `/feed/2-of-6` is the answer that carries every sixth feed, from
feed 2 on. The text of the protocol is read just far enough for these requests and answers.
"""

from __future__ import annotations

import asyncio

from messages import Newsroom, Notebook, follow, options  # type: ignore[import-not-found]

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BEGUN = b"HTTP/1.1 204 No Content\r\n\r\n"
END = b"\r\n\r\n"


class Server(asyncio.Protocol):
    """One connection of a reader, who asks on it for a part of the feeds."""

    def __init__(self, newsroom: Newsroom) -> None:
        self._newsroom = newsroom
        self._asked = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while END in self._asked:
            request, _, self._asked = self._asked.partition(END)
            path = request.split(b" ")[1].decode()
            if path == "/begin":
                self._transport.write(BEGUN)
                self._newsroom.begin()
            else:
                self._transport.write(HEAD)
                self._newsroom.subscribe(path, self._chunk)

    def _chunk(self, message: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(message), message))


class Client(asyncio.Protocol):
    """One connection to the server, and the one answer that it carries."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._unread = b""
        self.answered = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def ask(self, path: str) -> None:
        self._transport.write(f"GET {path} HTTP/1.1\r\nHost: feeds\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._notebook.arrive()
        self._unread += data
        if not self.answered.is_set() and END in self._unread:
            self._unread = self._unread.partition(END)[2]
            self.answered.set()
        while self.answered.is_set() and (chunk := self._next_chunk()):
            self._notebook.read(self, chunk)

    def _next_chunk(self) -> bytes:
        """Takes the next whole chunk off what is unread; returns nothing while it is not all there."""
        size, line_end, rest = self._unread.partition(b"\r\n")
        if not line_end or len(rest) < int(size, 16) + 2:
            return b""
        self._unread = rest[int(size, 16) + 2 :]
        return rest[: int(size, 16)]


async def main() -> None:
    given = options("Twenty feeds over HTTP/1.1")
    loop = asyncio.get_running_loop()
    if given.role == "serve":
        newsroom = Newsroom(given.count, given.rate)
        server = await loop.create_server(lambda: Server(newsroom), given.address, given.port)
        print("listening", flush=True)
        await server.serve_forever()
    notebook = Notebook(given.count)
    # One more connection, for /begin: those of the feeds are busy with answers that never end.
    where = (given.address, given.port)
    opening = [loop.create_connection(lambda: Client(notebook), *where) for _ in range(given.parts + 1)]
    *clients, spare = [client for _, client in await asyncio.gather(*opening)]
    for part, client in enumerate(clients):
        client.ask(f"/feed/{part}-of-{given.parts}")
    for client in clients:
        await client.answered.wait()

    async def begin() -> None:
        spare.ask("/begin")

    await follow(notebook, given.out, begin)


asyncio.run(main())
