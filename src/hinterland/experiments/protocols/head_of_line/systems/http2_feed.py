"""Twenty feeds over HTTP/2: twenty answers at once, frame by frame, on one TCP connection.

    python http2_feed.py serve 127.0.0.1 8080
    python http2_feed.py follow 127.0.0.1 8080     # press Enter twice, then Ctrl-D to end

The protocol is real (the `h2` package), without TLS, so that its frames can be read in a packet capture.
TLS would change nothing here: its records travel in the same one stream of bytes.
"""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, ResponseReceived
from h2.settings import SettingCodes
from messages import Newsroom, Notebook, follow, options  # type: ignore[import-not-found]

WINDOW_BYTES = 1 << 24
"""Flow control is no part of this experiment: a reader lets more through than will ever be sent."""


class Endpoint(asyncio.Protocol):
    """What both ends do: bytes of the connection into events, and frames into bytes."""

    def __init__(self, client_side: bool) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=client_side))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self.happened(event)
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())

    def happened(self, event: Event) -> None:
        raise NotImplementedError


class Server(Endpoint):
    def __init__(self, newsroom: Newsroom) -> None:
        super().__init__(client_side=False)
        self._newsroom = newsroom

    def happened(self, event: Event) -> None:
        if not isinstance(event, RequestReceived):
            return
        path, stream = dict(event.headers)[b":path"].decode(), event.stream_id
        if path == "/begin":
            self.h2.send_headers(stream, [(":status", "204")], end_stream=True)
            self._newsroom.begin()
        else:
            self.h2.send_headers(stream, [(":status", "200")])
            self._newsroom.subscribe(path, lambda message: self._frame(stream, message))

    def _frame(self, stream: int, message: bytes) -> None:
        self.h2.send_data(stream, message)
        self.flush()


class Client(Endpoint):
    def __init__(self, notebook: Notebook) -> None:
        super().__init__(client_side=True)
        self._notebook = notebook
        self._answers: set[int] = set()
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES})
        self.h2.increment_flow_control_window(WINDOW_BYTES)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self._notebook.arrive()
        super().data_received(data)

    def happened(self, event: Event) -> None:
        if isinstance(event, DataReceived):
            self._notebook.read(event.stream_id, event.data)
        elif isinstance(event, ResponseReceived):
            self._answers.add(event.stream_id)
            self._changed.set()

    def ask(self, path: str) -> None:
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "feeds"), (":path", path)]
        self.h2.send_headers(self.h2.get_next_available_stream_id(), head, end_stream=True)
        self.flush()

    async def answered(self, count: int) -> None:
        while len(self._answers) < count:
            self._changed.clear()
            await self._changed.wait()

    async def begin(self) -> None:
        self.ask("/begin")


async def main() -> None:
    given = options("Twenty feeds over HTTP/2")
    loop = asyncio.get_running_loop()
    if given.role == "serve":
        newsroom = Newsroom(given.count, given.rate)
        server = await loop.create_server(lambda: Server(newsroom), given.address, given.port)
        print("listening", flush=True)
        await server.serve_forever()
    notebook = Notebook(given.count)
    _, client = await loop.create_connection(lambda: Client(notebook), given.address, given.port)
    for part in range(given.parts):
        client.ask(f"/feed/{part}-of-{given.parts}")
    await client.answered(given.parts)
    await follow(notebook, given.out, client.begin)


asyncio.run(main())
