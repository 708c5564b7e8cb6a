"""Echoes over WebSocket, TCP and UDP, in the open and over TLS; servers that echo well and badly."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop
import websockets.asyncio.server
from lane_lab import PATIENT_S, Driven, InTurn, bodies, drive, target
from misbehaving import refused_port, served

from hinterland.errors import UsageError
from hinterland.load.drivers.tcp import driver as tcp_echo
from hinterland.load.drivers.udp import driver as udp_echo
from hinterland.load.drivers.udp.driver import NUMBER_BYTES, PAYLOAD_BYTES_MOST
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import LoadPlan
from hinterland.rig.certificate import Certificate, certificate

pytestmark = pytest.mark.system

Connection = websockets.asyncio.server.ServerConnection
Handler = Callable[[Connection], Awaitable[None]]
PAYLOADS = [b"hello", b"", b"\xff\xfe\x00binary", "gr\u00fc\u00dfe".encode() * 40, b"x" * 70_000]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("cache"), ["127.0.0.1"])


def server_side(signed: Certificate) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(signed.path, signed.key_path)
    return made


# WebSocket.


async def echo(connection: Connection) -> None:
    async for message in connection:
        await connection.send(message)


async def echo_in_fragments(connection: Connection) -> None:
    async for message in connection:
        await connection.ping()
        await connection.send([message[:1], message[1:2], message[2:]])


@contextlib.asynccontextmanager
async def websocket(
    handler: Handler, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    async with websockets.asyncio.server.serve(handler, "127.0.0.1", 0, ssl=tls, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


def over_websocket(handler: Handler, requests: InTurn, *, count: int = 60, **options: Any) -> Driven:
    async def whole() -> Driven:
        async with websocket(handler, **options) as port:
            return await drive(LoadPlan(target=target("websocket", port)), requests, count=count)

    return uvloop.run(whole())


@pytest.mark.parametrize("handler", [echo, echo_in_fragments])
@pytest.mark.parametrize("reads", [False, True])
def test_messages_and_their_echoes(handler: Handler, reads: bool) -> None:
    seen: list[bytes] = []
    payloads = [payload for payload in PAYLOADS if payload or handler is echo]
    requests = InTurn(*(Outgoing(payload, reads=reads) for payload in payloads), judge=bodies(seen))
    driven = over_websocket(handler, requests)
    assert driven.outcomes == Counter(ok=60)
    assert (driven.surplus, driven.opened_again) == (0, 0)
    assert set(seen) == (set(payloads) if reads else set())


def test_a_server_that_talks_of_its_own_accord_is_no_hindrance() -> None:
    async def chat(connection: Connection) -> None:
        await connection.send("welcome")
        async for message in connection:
            await connection.send("somebody is typing")
            await connection.send(message)

    driven = over_websocket(chat, InTurn(Outgoing(b"hello")))
    assert driven.outcomes == Counter(ok=60)
    assert driven.surplus >= 60


def test_a_wrong_echo_is_not_an_answer() -> None:
    async def deaf(connection: Connection) -> None:
        async for _ in connection:
            await connection.send("what?")

    async def whole() -> Driven:
        async with websocket(deaf) as port:
            plan = LoadPlan(target=target("websocket", port))
            return await drive(plan, InTurn(Outgoing(b"hello")), count=8, timeout_s=0.5)

    assert uvloop.run(whole()).outcomes == Counter({"no echo, other messages": 8})


def test_the_library_s_own_pings_are_answered() -> None:
    async def watchful(connection: Connection) -> None:
        async for message in connection:
            async with asyncio.timeout(60):
                await (await connection.ping())
            await connection.send(message)

    assert over_websocket(watchful, InTurn(Outgoing(b"hello"))).outcomes == Counter(ok=60)


def test_a_handshake_with_headers_and_one_that_is_refused() -> None:
    async def check(connection: Connection, request: websockets.http11.Request) -> object:
        if request.headers.get("Authorization") != "Bearer t" or request.path != "/":
            return connection.respond(401, "who are you?")
        return None

    known = Outgoing(b"hello", headers=(("Authorization", "Bearer t"),))
    assert over_websocket(echo, InTurn(known), process_request=check).outcomes == Counter(ok=60)
    stranger = over_websocket(echo, InTurn(Outgoing(b"hello")), process_request=check, count=8)
    assert stranger.outcomes == Counter({"handshake: status 401": 8})


def test_a_server_that_closes_after_each_three() -> None:
    async def tired(connection: Connection) -> None:
        for _ in range(3):
            await connection.send(await connection.recv())
        await connection.recv()
        await connection.close(1013, "later")

    async def whole() -> Driven:
        async with websocket(tired) as port:
            plan = LoadPlan(target=target("websocket", port))
            return await drive(plan, InTurn(Outgoing(b"hello")), count=60, connections=1)

    assert uvloop.run(whole()).outcomes == Counter({"ok": 45, "closed 1013": 15})


# TCP.


async def echo_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def test_bytes_and_their_echoes() -> None:
    async def whole() -> Driven:
        async with served(echo_bytes) as port:
            payloads = (b"hello", b"x" * 300_000, b"\0\xff")
            requests = InTurn(*(Outgoing(payload, reads=True) for payload in payloads))
            return await drive(LoadPlan(target=target("tcp", port)), requests, count=60)

    driven = uvloop.run(whole())
    assert driven.outcomes == Counter(ok=60)
    assert driven.opened_again == 0


def test_nothing_has_no_echo() -> None:
    nobody: Any = None
    plan, requests = LoadPlan(target=target("tcp", 1)), InTurn(Outgoing(b""))
    with pytest.raises(UsageError, match="nothing to send"):
        tcp_echo.lanes(plan, 1, listener=nobody, requests=requests)


# UDP.


class UDPServer(asyncio.DatagramProtocol):
    """Answers each datagram with what `answers` makes of it and its place."""

    def __init__(self, answers: Callable[[int, bytes], list[bytes]]) -> None:
        self.answers, self.received = answers, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        for answer in self.answers(self.received, data):
            self.transport.sendto(answer, address)  # type: ignore[attr-defined]
        self.received += 1


def over_udp(answers: Callable[[int, bytes], list[bytes]], *payloads: bytes, **options: float) -> Driven:
    async def whole() -> Driven:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: UDPServer(answers), local_addr=("127.0.0.1", 0)
        )
        try:
            port = transport.get_extra_info("sockname")[1]
            requests = InTurn(*map(Outgoing, payloads))
            plan = LoadPlan(target=target("udp", port))
            return await drive(
                plan, requests, count=40, connections=4, timeout_s=options.get("timeout_s", PATIENT_S)
            )
        finally:
            transport.close()

    return uvloop.run(whole())


def test_datagrams_and_their_echoes() -> None:
    driven = over_udp(lambda place, data: [data], b"hello", b"", b"x" * PAYLOAD_BYTES_MOST)
    assert driven.outcomes == Counter(ok=40)
    assert driven.opened_again == 0


def test_a_lost_datagram_is_a_timeout_and_the_lane_goes_on() -> None:
    driven = over_udp(lambda place, data: [data] if place % 4 else [], b"hello", timeout_s=0.5)
    assert driven.outcomes == Counter(ok=30, timeout=10)
    assert driven.opened_again == 0


def test_an_echo_that_comes_late_or_twice_answers_for_nothing_else() -> None:
    late: list[bytes] = []

    def behind(place: int, data: bytes) -> list[bytes]:
        """Sends an echo only with the next datagram, before that one's own."""
        late.append(data)
        return [late.pop(0)] if len(late) > 1 else []

    driven = over_udp(behind, b"hello", timeout_s=0.02)
    # The echo goes to whoever asked next, so no lane ever gets the one that it waits for.
    assert driven.outcomes == Counter(timeout=40)
    assert driven.surplus > 0
    twice = over_udp(lambda place, data: [data, data], b"hello")
    assert twice.outcomes == Counter(ok=40)
    assert twice.surplus >= 30


def test_wrong_bytes_and_short_datagrams() -> None:
    wrong = over_udp(lambda place, data: [data[:NUMBER_BYTES] + b"HELLO"], b"hello")
    assert wrong.outcomes == Counter({"other bytes came back": 40})
    short = over_udp(lambda place, data: [b"", data[:3]], b"hello", timeout_s=0.02)
    assert short.outcomes == Counter(timeout=40)


def test_a_port_where_nobody_listens_is_refused_and_not_stormed() -> None:
    with refused_port() as port:
        driven = uvloop.run(
            drive(LoadPlan(target=target("udp", port)), InTurn(Outgoing(b"hello")), count=40, connections=4)
        )
    assert driven.outcomes == Counter(refused=40)
    # Ten on each lane, with a pause of 10 ms after each.
    assert driven.lasted_s >= 0.08


def test_a_message_too_long_for_a_datagram() -> None:
    nobody: Any = None
    plan = LoadPlan(target=target("udp", 1))
    requests = InTurn(Outgoing(b"x" * (PAYLOAD_BYTES_MOST + 1)))
    with pytest.raises(UsageError, match="does not fit"):
        udp_echo.lanes(plan, 1, listener=nobody, requests=requests)
    # One of several, whose length is only known when it is sent, is an error of its own.
    driven = over_udp(lambda place, data: [data], b"hello", b"x" * (PAYLOAD_BYTES_MOST + 1))
    assert driven.outcomes["ok"] == 20
    assert driven.outcomes.total() == 40


# Over TLS.


def test_websocket_and_tcp_over_tls(signed: Certificate) -> None:
    async def whole() -> None:
        for trusted in (True, False):
            more = {"ca_file": str(signed.path)} if trusted else {}
            expected = {"ok": 20} if trusted else {"tls: unknown CA (the certificate signed itself)": 20}
            async with websocket(echo, server_side(signed)) as port:
                plan = LoadPlan(target=target("websocket", port, tls=True), **more)  # type: ignore[arg-type]
                driven = await drive(plan, InTurn(Outgoing(b"hello"), Outgoing(b"x" * 50_000)), count=20)
                assert driven.outcomes == Counter(expected)
            server = await asyncio.start_server(echo_bytes, "127.0.0.1", 0, ssl=server_side(signed))
            async with server:
                port = server.sockets[0].getsockname()[1]
                plan = LoadPlan(target=target("tcp", port, tls=True), **more)  # type: ignore[arg-type]
                driven = await drive(plan, InTurn(Outgoing(b"hello"), Outgoing(b"x" * 50_000)), count=20)
                assert driven.outcomes == Counter(expected)

    asyncio.run(whole())


def test_what_speaks_no_tls_is_told(signed: Certificate) -> None:
    async def whole() -> None:
        async with served(echo_bytes) as port:
            plan = LoadPlan(target=target("tcp", port, tls=True), ca_file=str(signed.path))
            driven = await drive(plan, InTurn(Outgoing(b"hello")), count=4, timeout_s=1)
            (says,) = driven.outcomes
            assert says.startswith("tls: ") or says == "timeout"

    uvloop.run(whole())
