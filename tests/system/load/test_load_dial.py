"""A load goes out by the sockets it is given, over TLS when asked, on as many connections as it may."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from inline_load import sample_of
from misbehaving import HELLO, read_request, refused_port, served

from hinterland.clients.http import HttpClient, NotSent
from hinterland.load.engine import arrivals
from hinterland.rig.certificate import certificate

pytestmark = pytest.mark.system

ELSEWHERE = "127.0.0.9"


class Peers:
    """A server that notes from which address each connection comes, and how many are busy at once."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.busy = self.most_busy = 0
        self.gate, self.two_busy = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.addresses.append(writer.get_extra_info("peername")[0])
        while await read_request(reader):
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
            if self.busy == 2:
                self.two_busy.set()
            await self.gate.wait()
            self.busy -= 1
            writer.write(HELLO)
            await writer.drain()


def from_elsewhere() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.bind((ELSEWHERE, 0))
    return made


def with_peers(use: Callable[[Peers, int], Awaitable[Any]]) -> None:
    async def scenario() -> None:
        peers = Peers()
        async with served(peers.serve) as port:
            await asyncio.wait_for(use(peers, port), 60)

    uvloop.run(scenario())


def test_every_driver_uses_the_sockets_it_is_given() -> None:
    async def use(peers: Peers, port: int) -> None:
        peers.gate.set()
        async with HttpClient("127.0.0.1", port, new_socket=from_elsewhere) as client:
            assert (await client.get("/")).status == 200
            assert client.opened == 1
        loads = [
            await sample_of(port, closed=True, count=10, connections=2, new_socket=from_elsewhere),
            await sample_of(
                port, schedule=arrivals.constant(200, 0.05), connections=2, new_socket=from_elsewhere
            ),
        ]
        assert all((load.status == 200).all() for load in loads)
        assert set(peers.addresses) == {ELSEWHERE}
        assert len(peers.addresses) == 5

    with_peers(use)


def test_a_refused_connection_leaves_no_socket() -> None:
    async def use() -> None:
        with refused_port() as port:
            client = HttpClient("127.0.0.1", port, new_socket=from_elsewhere)
            with pytest.raises(NotSent):
                await client.get("/")
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(5):
                with pytest.raises(NotSent) as failure:
                    await client.get("/")
                assert failure.value.error == "refused"
            assert len(os.listdir("/proc/self/fd")) == before

    uvloop.run(use())


def test_a_limit_makes_requests_wait_for_a_connection() -> None:
    async def use(peers: Peers, port: int) -> None:
        async with HttpClient("127.0.0.1", port, limit=2) as client:
            asked = [asyncio.create_task(client.get("/")) for _ in range(6)]
            await peers.two_busy.wait()
            with pytest.raises(NotSent) as failure:
                await client.get("/", timeout_s=0.05)
            assert failure.value.error == "timeout"
            peers.gate.set()
            assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * 6
            assert (peers.most_busy, client.opened) == (2, 2)

    with_peers(use)


def test_tls_is_spoken_with_who_is_trusted_and_nobody_else(tmp_path: Path) -> None:
    own, other = certificate(tmp_path, ["server"]), certificate(tmp_path, ["somebody.example"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.path, own.key_path)
    asked: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(HELLO)
        await writer.drain()

    async def use() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        tls = ssl.create_default_context(cafile=str(own.path))
        for new_socket in (None, from_elsewhere):
            options: dict[str, Any] = {"server_name": "server", "new_socket": new_socket}
            async with HttpClient("127.0.0.1", port, tls=tls, **options) as client:
                assert (await client.get("/")).status == 200
        for trusted, name in ((other, "server"), (own, "somebody.example")):
            tls = ssl.create_default_context(cafile=str(trusted.path))
            client = HttpClient("127.0.0.1", port, tls=tls, server_name=name, new_socket=from_elsewhere)
            with pytest.raises(NotSent) as failure:
                await client.get("/")
            assert failure.value.error == "connect"
        assert len(asked) == 2
        server.close()

    uvloop.run(use())
