"""`run_load` over each driver that is not HTTP: processes, loops, and the figures that come of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
import websockets.asyncio.server
from lane_lab import target
from misbehaving import read_request, served

from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import Arrivals, LoadPlan, RequestPlan, Target, Weighted
from hinterland.load.result.result import LoadResult
from hinterland.rig.rig import Rig
from hinterland.rig.services.postgresql import postgresql as postgresql_service
from hinterland.rig.services.redis import redis as redis_service

pytestmark = pytest.mark.system


def mix(*bodies: str) -> tuple[Weighted, ...]:
    return tuple(Weighted(requests=(RequestPlan(body=body),)) for body in bodies)


def opened(to: Target, *bodies: str, **more: Any) -> LoadPlan:
    arrivals = Arrivals(rate_per_s=400)
    return LoadPlan(
        target=to, mix=mix(*bodies), arrivals=arrivals, duration_s=0.5, connections=8, processes=1, **more
    )


def check(result: LoadResult, *, kinds: int) -> None:
    assert result.errors == {}
    assert result.answered == result.operations == 200
    assert [kind.answered > 0 for kind in result.kinds] == [True] * kinds
    assert result.response.least_ns > 0
    assert result.bytes_received > 200


@contextlib.asynccontextmanager
async def echoes(protocol: str) -> AsyncIterator[Target]:
    """A server that echoes, over the protocol."""
    if protocol == "websocket":

        async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
            async for message in connection:
                await connection.send(message)

        async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0) as server:
            yield target("websocket", next(iter(server.sockets)).getsockname()[1])
    elif protocol == "tcp":

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)

        async with served(handle) as port:
            yield target("tcp", port)
    else:

        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, address: object) -> None:
                self.transport.sendto(data, address)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        try:
            yield target("udp", transport.get_extra_info("sockname")[1])
        finally:
            transport.close()


@pytest.mark.parametrize("protocol", ["websocket", "tcp", "udp"])
@pytest.mark.parametrize("sources", [1, 3])
def test_echoes(protocol: str, sources: int) -> None:
    async def whole() -> None:
        async with echoes(protocol) as to:
            check(await run_load(opened(to, "hello", "visit {visit}", sources=sources)), kinds=2)

    uvloop.run(whole())


def test_redis_and_postgresql(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:redis")
    require("service:postgresql")

    async def whole() -> None:
        (scratch / "trial").mkdir()
        async with Rig(scratch / "trial", scratch / "cache", lambda event: None) as rig:
            redis = await rig.start(redis_service())
            to = target("redis", redis.port)
            check(await run_load(opened(to, 'SET k{key} "visit {visit}"', "GET k{key}", "PING")), kinds=3)
            postgresql = await rig.start(postgresql_service())
            to = target(
                "postgresql",
                postgresql.port,
                user="postgres",
                password=postgresql.password,
                database="postgres",
            )
            check(await run_load(opened(to, "select {key}::int + 1", "select 1")), kinds=2)
            wrong = await run_load(opened(to, "select 1/0", "select 1"))
            assert wrong.errors.keys() == {"SQLSTATE 22012"}
            assert wrong.answered + wrong.errors["SQLSTATE 22012"] == 200
            assert list(wrong.reasons["SQLSTATE 22012"]) == ["division by zero"]

    uvloop.run(whole())


@pytest.mark.parametrize("protocol", ["websocket", "event_stream"])
def test_subscribers(protocol: str) -> None:
    period_s = 0.02

    def event(number: int) -> str:
        return json.dumps({"id": number, "sent_ns": time.monotonic_ns()})

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(1000):
            writer.write(f"data: {event(number)}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(period_s)

    async def socket(connection: websockets.asyncio.server.ServerConnection) -> None:
        for number in range(1000):
            # Each fifth is never sent.
            if number % 5:
                await connection.send(event(number))
            await asyncio.sleep(period_s)

    async def whole() -> LoadResult:
        async with contextlib.AsyncExitStack() as stack:
            if protocol == "websocket":
                server = await stack.enter_async_context(
                    websockets.asyncio.server.serve(socket, "127.0.0.1", 0)
                )
                port = next(iter(server.sockets)).getsockname()[1]
            else:
                port = await stack.enter_async_context(served(stream))
            plan = LoadPlan(
                target=target(protocol, port, path="/events"),  # type: ignore[arg-type]
                subscribe=True,
                connections=4,
                processes=1,
                duration_s=1.0,
            )
            return await run_load(plan)

    result = uvloop.run(whole())
    expected = 4 * 1.0 / period_s
    # The machine may be slow: fewer events then, but never more.
    assert expected / 3 <= result.operations <= expected * 1.1
    if protocol == "websocket":
        assert result.errors.keys() == {"lost"}
        assert 0.1 < result.errors["lost"] / result.operations < 0.3
    else:
        assert result.errors == {}
    assert result.answered + sum(result.errors.values()) == result.operations
