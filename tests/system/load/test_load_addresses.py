"""A name with several addresses: each is tried, in order, whatever is spoken, and the one used is known."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from consent_site import Site, own_address, serving
from misbehaving import HELLO, read_request, refused_port

from hinterland.clients.http import HttpClient
from hinterland.load.conductor.consent import admitted
from hinterland.load.conductor.run import run_load
from hinterland.load.conductor.token import token_for
from hinterland.load.options.addresses import first_open, resolved
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.report.words import where_says

pytestmark = pytest.mark.system

STREAMS = ("http", "https", "h2c", "h2", "ws", "wss", "sse+http", "tcp", "postgresql", "redis", "rediss")
DATAGRAMS = ("udp", "h3")


@pytest.fixture(autouse=True)
def _both_families() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 on its loopback")


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Makes the name `both.test` lead to these, in this order, in the loop that runs."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def found(host: Any, port: Any, **how: Any) -> Any:
        if host != "both.test":
            return await real(host, port, **how)
        return [entry for each in addresses for entry in await real(each, port, **how)]

    monkeypatch.setattr(loop, "getaddrinfo", found)


@pytest.fixture(params=["127.0.0.1", "::1"])
def port(request: pytest.FixtureRequest) -> Iterator[tuple[str, int, int]]:
    """Gives an address, and the ports of a listener of TCP and of one of UDP there and nowhere else."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    listening = socket.create_server((request.param, 0), family=family)
    with listening as stream, socket.socket(family, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((request.param, 0))
        yield request.param, stream.getsockname()[1], datagrams.getsockname()[1]


@pytest.mark.parametrize("scheme", [*STREAMS, *DATAGRAMS])
def test_the_address_where_somebody_listens_is_the_one(
    monkeypatch: pytest.MonkeyPatch, port: tuple[str, int, int], scheme: str
) -> None:
    address, stream, datagrams = port

    async def whole() -> LoadPlan:
        leads_to(monkeypatch, *sorted(("127.0.0.1", "::1"), key=lambda each: each == address))
        number = datagrams if scheme in DATAGRAMS else stream
        return await admitted(plan(f"{scheme}://both.test:{number}", Asked(body="x")))

    target = asyncio.run(whole()).target
    assert target.address == address
    assert set(target.addresses) == {"127.0.0.1", "::1"}
    assert where_says(target) == f" at {address}"


def test_a_load_goes_to_the_second_address_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await read_request(reader):
                writer.write(HELLO)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        number = server.sockets[0].getsockname()[1]
        leads_to(monkeypatch, "::1", "127.0.0.1")
        found = await run_load(plan(f"http://both.test:{number}/", Asked(count=20, rate=200)))
        assert (found.answered, found.errors) == (20, {})
        assert found.plan.target.address == "127.0.0.1"
        server.close()

    uvloop.run(whole())


def test_where_nobody_listens_all_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from hinterland.load.report.hints import hints

    async def whole() -> None:
        with refused_port() as number:
            leads_to(monkeypatch, "::1", "127.0.0.1")
            found = await run_load(plan(f"http://both.test:{number}/", Asked(count=5, rate=200)))
        assert found.errors == {"refused": 5}
        assert f"nothing listens on both.test:{number} (tried ::1, 127.0.0.1)" in hints(found)[0]

    asyncio.run(whole())


def test_many_source_addresses_need_one_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> str:
        leads_to(monkeypatch, "::1", "127.0.0.1")
        return (await admitted(plan("http://both.test:9/", Asked(sources=2)))).target.address

    assert asyncio.run(whole()) == "127.0.0.1"


@pytest.mark.parametrize("second", ["agrees", "does not agree"])
def test_each_address_agrees_for_itself(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, second: str) -> None:
    """The first one is no way; what the second says counts for the second alone."""
    from hinterland.errors import UsageError

    address = own_address()

    async def whole() -> LoadPlan:
        site = Site(token_for("both.test", tmp_path) if second == "agrees" else "no")
        async with serving(site, address) as number:
            leads_to(monkeypatch, "192.0.2.1" if second == "agrees" else "127.0.0.2", address)
            monkeypatch.setattr("hinterland.load.conductor.consent.PATIENCE_S", 0.3)
            return await admitted(plan(f"http://both.test:{number}/", Asked()), state=tmp_path)

    if second == "agrees":
        assert asyncio.run(whole()).target.address == address
    else:
        with pytest.raises(UsageError, match="has not agreed"):
            asyncio.run(whole())


def test_a_single_address_is_not_asked() -> None:
    """A connection that only looks would be counted by the server."""

    async def whole() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            target = plan(f"http://127.0.0.1:{server.getsockname()[1]}/", Asked()).target
            assert await first_open(await resolved(target), target) == "127.0.0.1"
            with pytest.raises(BlockingIOError):
                server.accept()

    asyncio.run(whole())


def test_a_socket_of_ones_own_making_tries_each_address_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(HELLO)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.3", 0)
        number = server.sockets[0].getsockname()[1]
        leads_to(monkeypatch, "127.0.0.2", "127.0.0.3")
        async with HttpClient(
            "both.test", number, new_socket=lambda: socket.socket(socket.AF_INET)
        ) as client:
            assert (await client.get("/")).body == b"hello"
        server.close()

    asyncio.run(whole())
