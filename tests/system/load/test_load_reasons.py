"""Whoever knew why an operation failed is heard, whatever is spoken: each reason, and how often it was it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
import uvloop
import websockets
import websockets.asyncio.server
from greeters import postgresql_greeting, redis_greeting, websocket_greeting
from misbehaving import read_request, served

from hinterland.load.conductor.run import run_load
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan
from hinterland.load.report.hints import hints
from hinterland.load.result.result import LoadResult
from hinterland.rig.certificate import Certificate, certificate

pytestmark = pytest.mark.system

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LF = b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
BOTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
GREETINGS = {"redis": redis_greeting, "postgresql": postgresql_greeting, "ws": websocket_greeting}
SCENARIO = 'async def visit(client):\n    await client.get("/")\n'


async def load(url: str, **asked: Any) -> LoadResult:
    wanted = {"count": 6, "rate": 100.0, "connections": 2, "timeout_s": 2.0, "processes": 1, **asked}
    return await run_load(plan(url, Asked(**wanted)))


def reason(found: LoadResult, kind: str) -> str:
    """Returns the one reason of the one kind of error that there was, which the summary shows as well."""
    assert found.errors.keys() == {kind}
    (words,) = found.reasons[kind]
    assert f"{kind}: {words}" in hints(found)
    return words


def answers(what: bytes) -> Handler:
    """Returns a server that sends this for each request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            writer.write(what)

    return serve


def against(server: Handler, scheme: str, **asked: Any) -> LoadResult:
    async def whole() -> LoadResult:
        async with served(server) as port:
            return await load(f"{scheme}://127.0.0.1:{port}/", **asked)

    found: LoadResult = uvloop.run(whole())
    return found


@pytest.mark.parametrize("way", ["kept", "read", "new", "pipelining", "scenario"])
@pytest.mark.parametrize(
    ("answer", "says"),
    [(LF, ("CR after", "LF alone")), (BOTH, ("Transfer-Encoding can't be", "both a length and a coding"))],
    ids=["lf", "both"],
)
def test_the_rule_that_an_answer_breaks(
    tmp_path: Path, way: str, answer: bytes, says: tuple[str, str]
) -> None:
    file = tmp_path / "visit.py"
    file.write_text(SCENARIO)
    asked: dict[str, Any] = {
        "kept": {}, "read": {"check": ["body contains ok"]}, "new": {"new_connections": True},
        "pipelining": {"pipelining": 3}, "scenario": {"scenario": file},
    }[way]  # fmt: skip
    found = against(answers(answer), "http", **asked)
    # Who waits behind such an answer is given up, and says so.
    assert found.errors.keys() - {"given up behind an answer that is none"} == {"protocol"}
    assert all(any(part in words for part in says) for why in found.reasons.values() for words in why)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("scheme", "answer", "says"),
    [
        ("redis", b"?what\r\n", "no reply of RESP2"),
        ("postgresql", b"?what\r\n", "no message of PostgreSQL"),
        ("ws", b"\x7f\x00", "a frame that begins with 0x7f"),
    ],
)
def test_what_is_wrong_with_another_protocol(scheme: str, answer: bytes, says: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await GREETINGS[scheme](reader, writer)
        await reader.read(1)
        writer.write(answer)
        await reader.read()

    assert says in reason(against(serve, scheme, body="PING"), "protocol")


def test_what_is_wrong_with_an_event_stream() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM + b"2\r\n:\n\r\n")
        await asyncio.sleep(0.3)
        writer.write(b"zz\r\n")
        await reader.read()

    found = against(serve, "sse+http", count=None, rate=None, duration_s=1.0)
    assert reason(found, "protocol") == "Invalid character in chunk size"


class Http2Server:
    """A server of h2's that ends each stream, or the connection, in one way."""

    def __init__(self, how: str) -> None:
        self._how = how

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        made.initiate_connection()
        writer.write(made.data_to_send())
        while data := await reader.read(65536):
            for event in made.receive_data(data):
                if not isinstance(event, h2.events.RequestReceived):
                    continue
                if self._how == "stream":
                    made.reset_stream(event.stream_id, error_code=0x2)
                elif self._how == "connection":
                    made.close_connection(error_code=0xB, additional_data=b"too_many_pings")
                else:
                    made.send_headers(event.stream_id, [(":status", "200"), ("content-length", "50")])
                    made.send_data(event.stream_id, b"short", end_stream=True)
            writer.write(made.data_to_send())
            if self._how == "connection" and made.state_machine.state.name == "CLOSED":
                return


@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        ("stream", "reset", "RST_STREAM INTERNAL_ERROR"),
        ("connection", "closed", "GOAWAY ENHANCE_YOUR_CALM: too_many_pings"),
        ("length", "protocol", "the body had 5 bytes, not 50"),
    ],
)
def test_the_codes_and_words_of_http2(how: str, kind: str, says: str) -> None:
    assert reason(against(Http2Server(how).serve, "h2c"), kind) == says


def test_the_words_of_a_close_frame() -> None:
    async def whole() -> LoadResult:
        async def leaves(connection: websockets.asyncio.server.ServerConnection) -> None:
            await connection.recv()
            await connection.close(4001, "the session has expired")

        async with websockets.asyncio.server.serve(leaves, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await load(f"ws://127.0.0.1:{port}/", body="x")

    assert reason(uvloop.run(whole()), "closed 4001") == "the session has expired"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificates"), ["127.0.0.1"])


WANTS = "tls: the server wants a certificate of the client"


@pytest.mark.parametrize(
    ("scheme", "asked"),
    [
        ("https", {}), ("https", {"new_connections": True}), ("https", {"pipelining": 2}),
        ("https", {"scenario": ""}),
        ("h2", {}), ("wss", {"body": "x"}), ("rediss", {"body": "PING"}),
    ],
    ids=["kept", "new", "pipelining", "scenario", "h2", "wss", "rediss"],
)  # fmt: skip
def test_an_alert_that_comes_after_the_handshake(
    tmp_path: Path, signed: Certificate, scheme: str, asked: dict[str, Any]
) -> None:
    """In TLS 1.3 the client is done before the server has looked at its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.path, signed.key_path)
    context.load_verify_locations(signed.path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"] if scheme == "h2" else ["http/1.1"])
    if "scenario" in asked:
        file = tmp_path / "visit.py"
        file.write_text(SCENARIO)
        asked = {"scenario": file}

    with alerting(context) as port:
        found = uvloop.run(load(f"{scheme}://127.0.0.1:{port}/", ca=signed.path, **asked))
    assert found.errors.keys() == {WANTS}


@contextlib.contextmanager
def alerting(context: ssl.SSLContext) -> Iterator[int]:
    """Serves nobody who has no certificate. An event loop's server would hang up before its alert is out."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse(raw: socket.socket) -> None:
            with raw, contextlib.suppress(OSError):
                raw.settimeout(5)
                context.wrap_socket(raw, server_side=True)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=refuse, args=listening.accept()[:1]).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
