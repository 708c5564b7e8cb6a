"""Who a load says it is, and where it connects: a certificate, a name at another address, a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
import uvloop
from aged_certificate import aged
from consent_site import Site, own_address, serving
from greeters import SPOKEN, redis_greeting, websocket_greeting
from misbehaving import HELLO, served

from hinterland.errors import UsageError
from hinterland.load.conductor.consent import admitted
from hinterland.load.conductor.run import run_load
from hinterland.load.conductor.token import token_for
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan
from hinterland.load.report.words import where_says
from hinterland.load.result.result import LoadResult
from hinterland.rig.certificate import Certificate, certificate

pytestmark = pytest.mark.system

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificates"), ["shop.test"])


class Server:
    """Answers well in every protocol; keeps the heads of the requests and the names that were asked for."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.names: set[str | None] = set()

    def context(
        self, signed: Certificate, *, client: Path | None = None, alpn: str = "http/1.1"
    ) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(signed.path, signed.key_path)
        made.set_alpn_protocols([alpn])
        made.sni_callback = lambda _, name, __: self.names.add(name)
        if client is not None:
            made.load_verify_locations(client)
            made.verify_mode = ssl.CERT_REQUIRED
        return made

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(HELLO)

    async def http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        made.initiate_connection()
        writer.write(made.data_to_send())
        while data := await reader.read(65536):
            for event in made.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.heads.append(dict(event.headers)[b":authority"])
                    made.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            writer.write(made.data_to_send())

    async def events(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import time

        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(STREAM)
        for number in range(50):
            writer.write(b'data: {"id": %d, "sent_ns": %d}\n\n' % (number, time.monotonic_ns()))
            await asyncio.sleep(0.02)

    def greets(self, greeting: Handler, protocol: str) -> Handler:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await greeting(reader, writer)
                while await reader.read(65536):
                    writer.write(SPOKEN[protocol].answer)

        return serve

    def handler(self, scheme: str) -> Handler:
        return {
            "ws": self.greets(websocket_greeting, "websocket"),
            "wss": self.greets(websocket_greeting, "websocket"),
            "redis": self.greets(redis_greeting, "redis"), "rediss": self.greets(redis_greeting, "redis"),
            "h2": self.http2, "h2c": self.http2, "sse+http": self.events, "sse+https": self.events,
            "tcp": self.greets(_nothing, "tcp"),
        }.get(scheme, self.http)  # fmt: skip


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """TCP has no greeting."""


BODIES = {"ws": "hello", "wss": "hello", "redis": "GET a", "rediss": "GET a", "tcp": "hello"}


async def load(url: str, **asked: Any) -> LoadResult:
    wanted: dict[str, Any] = {"connections": 2, "timeout_s": 5.0, "processes": 1}
    wanted["body"] = BODIES.get(url.partition(":")[0])
    wanted |= {"duration_s": 0.5} if url.startswith("sse") else {"count": 8, "rate": 100.0}
    return await run_load(plan(url, Asked(**{**wanted, **asked})))


TLS = ("https", "h2", "wss", "rediss", "sse+https")


@pytest.mark.parametrize("scheme", TLS)
def test_a_client_shows_its_certificate_at_another_address(
    tmp_path: Path, signed: Certificate, scheme: str
) -> None:
    cert, key = aged(tmp_path, -1, 1)

    async def whole() -> None:
        server = Server()
        context = server.context(signed, client=cert, alpn="h2" if scheme == "h2" else "http/1.1")
        async with served(server.handler(scheme), ssl=context) as port:
            found = await load(
                f"{scheme}://shop.test/",
                ca=signed.path, cert=cert, key=key, connect_to=f"127.0.0.1:{port}",
            )  # fmt: skip
        assert found.answered > 0
        assert found.open_errors == {}
        assert not {kind for kind in found.errors if kind.startswith("tls")}
        assert server.names == {"shop.test"}
        assert all(b"shop.test" in head and b"127.0.0.1" not in head for head in server.heads)
        assert where_says(found.plan.target) == f" at 127.0.0.1:{port}"

    uvloop.run(whole())


def test_the_certificate_must_name_the_host_of_the_url(signed: Certificate) -> None:
    async def whole() -> None:
        server = Server()
        async with served(server.http, ssl=server.context(signed)) as port:
            found = await load("https://other.test/", ca=signed.path, connect_to=f"127.0.0.1:{port}")
        assert found.errors == {"tls: wrong host name": 8}

    uvloop.run(whole())


@contextlib.asynccontextmanager
async def at_socket(
    path: Path, handler: Handler, context: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(handler, path, ssl=context)
    try:
        yield
    finally:
        server.close()


SCENARIO = 'async def visit(client):\n    await client.get("/")\n'


@pytest.mark.parametrize(
    ("scheme", "asked"),
    [
        ("http", {}), ("http", {"check": ["body contains hello"]}), ("http", {"new_connections": True}),
        ("http", {"pipelining": 2}), ("http", {"scenario": "visit.py"}),
        ("http", {"closed": True, "rate": None}),
        ("https", {}), ("h2c", {}), ("h2", {}), ("ws", {}), ("wss", {}), ("sse+http", {}), ("tcp", {}),
        ("redis", {}),
    ],
)  # fmt: skip
def test_a_load_through_a_unix_socket(
    tmp_path: Path, signed: Certificate, scheme: str, asked: dict[str, Any]
) -> None:
    async def whole() -> None:
        if "scenario" in asked:
            (tmp_path / "visit.py").write_text(SCENARIO)
            asked["scenario"] = tmp_path / "visit.py"
        server, path = Server(), tmp_path / "s"
        secure = scheme in ("https", "h2", "wss")
        context = server.context(signed, alpn="h2" if scheme == "h2" else "http/1.1") if secure else None
        more = {**asked, "ca": signed.path} if secure else asked
        async with at_socket(path, server.handler(scheme), context):
            found = await load(f"{scheme}://shop.test:9/", unix_socket=path, **more)
        assert found.answered > 0
        assert not set(found.errors) - ({"closed"} if scheme.startswith("sse") else set())
        assert all(re.search(rb"shop\.test:9\b", head) for head in server.heads)
        assert where_says(found.plan.target) == f" through {path}"

    uvloop.run(whole())


def test_a_path_that_is_no_socket(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no Unix socket"):
        asyncio.run(load("http://localhost/", unix_socket=tmp_path / "none"))


def test_who_is_connected_to_must_agree(tmp_path: Path) -> None:
    """That the URL names this machine is no consent of another."""

    async def against(site: Site, url: str) -> str:
        address = own_address()
        async with serving(site, address) as port:
            asked = plan(url, Asked(connect_to=f"{address}:{port}"))
            found = (await admitted(asked, state=tmp_path)).target
            assert found.dialled == (address, port)
            return found.host

    with pytest.raises(UsageError, match="has not agreed"):
        asyncio.run(against(Site("no"), "http://127.0.0.1/"))
    site = Site(token_for("shop.test", tmp_path))
    assert asyncio.run(against(site, "http://shop.test/")) == "shop.test"
    assert b"Host: shop.test" in site.asked[0]
    here = plan("http://shop.test/", Asked(connect_to="127.0.0.1:9"))
    assert asyncio.run(admitted(here, state=tmp_path)).target.dialled == ("127.0.0.1", 9)


@pytest.mark.parametrize(
    ("url", "asked", "says"),
    [
        ("https://h", {"key": __file__}, "needs the certificate"),
        ("http://h", {"cert": __file__}, "no TLS is spoken"),
        ("https://h", {"connect_to": "a:1", "unix_socket": "/s"}, "can't stand together"),
        ("udp://h:1", {"unix_socket": "/s"}, "does not go with udp"),
        ("h3://h", {"unix_socket": "/s"}, "does not go with http3"),
        ("http://h", {"connect_to": "a:b"}, "is not HOST:PORT"),
        ("http://h", {"connect_to": ""}, "is not HOST:PORT"),
        ("http://h", {"connect_to": "user@h:1"}, "is not HOST:PORT"),
        ("http://h", {"unix_socket": "/s", "sources": 2}, "sources does not go with unix-socket"),
    ],
)
def test_what_does_not_go_together_is_refused(url: str, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        plan(url, Asked(**asked))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("h:1", "h", 1), (":8443", "", 8443), ("[::1]:9", "::1", 9), ("::1", "::1", 0), ("h", "h", 0)],
)
def test_where_to_connect(text: str, host: str, port: int) -> None:
    target = plan("http://shop.test:7/", Asked(connect_to=text)).target
    assert (target.connect_host, target.connect_port) == (host, port)
    assert target.dialled == (host or "shop.test", port or 7)


def test_a_certificate_that_is_none_is_refused_before_the_load(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("nothing")
    with pytest.raises(UsageError, match="is no certificate with its key"):
        asyncio.run(load("https://127.0.0.1:9/", cert=file))
