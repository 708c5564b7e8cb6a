"""A backend that tells how requests arrive: over how many connections, from whom, and how long each takes.

    python backend.py 8080 8081
    curl 'http://127.0.0.1:8080/?work_ms=30'        # {"peer": "127.0.0.1", "forwarded": "", "head_bytes": 83}
    curl -d 'some text' http://127.0.0.1:8080/upload
    curl http://127.0.0.1:8081/seen                 # {"connections": 3, "uploads_ms": [0.2]}
    curl -X POST http://127.0.0.1:8081/forget       # counts from zero again

It speaks HTTP/1.1, and HTTP/2 to whoever begins with its preface (without TLS: "prior knowledge"). A request
keeps it busy from its first byte until the answer is written: so long a worker, a thread or a process of a
common server would belong to this one client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFACE = b"PRI * HTTP/2.0"


class Seen:
    """What has arrived so far."""

    def __init__(self) -> None:
        self.carrying: set[Connection] = set()
        self.uploads_ms: list[float] = []

    def forget(self) -> None:
        self.carrying.clear()
        self.uploads_ms.clear()

    def told(self) -> dict[str, Any]:
        """Returns over how many connections requests came, and how long each upload took."""
        return {"connections": len(self.carrying), "uploads_ms": self.uploads_ms}


seen = Seen()


def work_s(path: str) -> float:
    """Returns how long the answer to a path takes: as long as it asks for."""
    return float(parse_qs(urlsplit(path).query).get("work_ms", ["0"])[0]) / 1e3


def told(peer: str, headers: dict[str, str], head_bytes: int) -> bytes:
    """Returns who the backend believes has asked."""
    forwarded = headers.get("x-forwarded-for", "")
    return json.dumps({"peer": peer, "forwarded": forwarded, "head_bytes": head_bytes}).encode()


def note(method: str, begun_s: float) -> None:
    if method == "POST":
        seen.uploads_ms.append((time.monotonic() - begun_s) * 1e3)


class Connection(asyncio.Protocol):
    """One connection, of either protocol."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.peer = transport.get_extra_info("peername")[0]
        self.unread = b""
        self.begun_s = 0.0
        self.http2: Any = None
        self.asked: dict[int, tuple[float, dict[str, str]]] = {}

    def data_received(self, data: bytes) -> None:
        if self.http2 is not None:
            self.frames(data)
            return
        if not self.unread:
            self.begun_s = time.monotonic()
        self.unread += data
        if self.unread.startswith(PREFACE):
            # Imported only where somebody speaks it, for it takes a while.
            from h2.config import H2Configuration
            from h2.connection import H2Connection

            self.http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
            self.http2.initiate_connection()
            self.frames(self.unread)
        else:
            self.request()

    def request(self) -> None:
        """Answers a request of HTTP/1.1 once all of it is there. Nobody here sends the next one before."""
        head, end, body = self.unread.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        if not end or len(body) < int(headers.get("content-length", 0)):
            return
        self.unread = b""
        seen.carrying.add(self)
        method, path, _ = first.split(" ")
        answer = told(self.peer, headers, len(head) + 4)
        delay_s = work_s(path)
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.answer, method, answer)
        else:
            self.answer(method, answer)

    def answer(self, method: str, body: bytes) -> None:
        fields = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
        self.transport.write(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + body)
        note(method, self.begun_s)

    def frames(self, data: bytes) -> None:
        """Answers the requests that these bytes of HTTP/2 complete, each on its own stream."""
        from h2.events import DataReceived, RequestReceived, StreamEnded

        for event in self.http2.receive_data(data):
            if isinstance(event, RequestReceived):
                seen.carrying.add(self)
                # Text, for that is the header encoding asked for.
                fields: Any = event.headers
                self.asked[event.stream_id] = (time.monotonic(), dict(fields))
            elif isinstance(event, DataReceived):
                self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                delay_s = work_s(self.asked[event.stream_id][1][":path"])
                asyncio.get_running_loop().call_later(delay_s, self.answer_stream, event.stream_id)
        self.transport.write(self.http2.data_to_send())

    def answer_stream(self, stream: int) -> None:
        begun_s, headers = self.asked.pop(stream)
        body = told(self.peer, headers, 0)
        self.http2.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
        self.http2.send_data(stream, body, end_stream=True)
        self.transport.write(self.http2.data_to_send())
        note(headers[":method"], begun_s)


class Desk(asyncio.Protocol):
    """Where the counts can be asked for, so that asking is not counted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST /forget "):
            seen.forget()
        body = json.dumps(seen.told()).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def main(port: int, desk: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Desk, "127.0.0.1", desk)
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
