"""HTTP/3 through both loops: against servers of aioquic and Caddy, and against what goes wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from lane_lab import DUE, PATIENT_S, Load, closed, opened, plan_for, request
from msgspec import structs

from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import Check, RequestPlan, Weighted
from hinterland.load.runs import LoadRun, run_load_async
from hinterland.rig.certificate import Certificate, certificate
from hinterland.rig.rig import Rig
from hinterland.rig.services.caddy import caddy

pytestmark = pytest.mark.system

Drive = Callable[..., Awaitable[Load]]
LOOPS = pytest.mark.parametrize("drive", [closed, opened], ids=["closed", "open"])
SHARED = {"connections": 2, "multiplexed": 5, "timeout_s": PATIENT_S}
BIG = b"b" * 200_000


class Server(QuicConnectionProtocol):
    """Answers by the path of the request; `heard` counts the octets of all requests' bodies."""

    heard = 0

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._http = H3Connection(self._quic)
        self._paths: dict[int, str] = {}

    def quic_event_received(self, event: Any) -> None:
        for happened in self._http.handle_event(event):
            stream = getattr(happened, "stream_id", 0)
            if isinstance(happened, HeadersReceived):
                self._paths[stream] = dict(happened.headers)[b":path"].decode()
            if isinstance(happened, DataReceived):
                Server.heard += len(happened.data)
            if isinstance(happened, HeadersReceived | DataReceived) and happened.stream_ended:
                self._answer(stream, self._paths.pop(stream))
        self.transmit()

    def _answer(self, stream: int, path: str) -> None:
        http = self._http
        if path == "/silent":
            return
        if path == "/reset":
            self._quic.reset_stream(stream, 0x102)
        elif path == "/close":
            self.close(error_code=0x100)
        elif path == "/cut":
            http.send_headers(stream, [(b":status", b"200"), (b"content-length", b"5")])
            http.send_data(stream, b"abc", end_stream=True)
        elif path == "/garbage":
            self._quic.send_stream_data(stream, b"\x00\x01" * 20, end_stream=True)
        elif path == "/call":
            http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"application/grpc")])
            http.send_data(stream, bytes(5), end_stream=False)
            http.send_headers(stream, [(b"grpc-status", b"13")], end_stream=True)
        elif path == "/early":
            http.send_headers(stream, [(b":status", b"103")])
            http.send_headers(stream, [(b":status", b"204")], end_stream=True)
        else:
            body = BIG if path == "/big" else b"hello"
            http.send_headers(stream, [(b":status", b"200"), (b"content-length", b"%d" % len(body))])
            http.send_data(stream, body, end_stream=True)


@asynccontextmanager
async def serving(own: Certificate, alpn: str = "h3") -> AsyncIterator[int]:
    configuration = QuicConfiguration(is_client=False, alpn_protocols=[alpn])
    configuration.load_cert_chain(own.path, own.key_path)
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server = await serve("127.0.0.1", port, configuration=configuration, create_protocol=Server)
    try:
        yield port
    finally:
        server.close()


def against(
    folder: Path, drive: Drive, path: str, *, alpn: str = "h3", count: int = DUE, **options: Any
) -> Load:
    parts = {key: options.pop(key) for key in ("method", "body", "reads") if key in options}

    async def scenario() -> Load:
        own = certificate(folder, ["server"])
        async with serving(own, alpn) as port:
            given = {"ca_file": str(own.path), "host": "server", "address": "127.0.0.1", **SHARED, **options}
            outgoing = request(port, path=path, **parts)
            return await asyncio.wait_for(
                drive(plan_for(port, "http3", tls=True, **given), outgoing, count=count), PATIENT_S
            )

    return uvloop.run(scenario())


@LOOPS
@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/big", 200), ("/early", 204)])
def test_each_request_is_answered(drive: Drive, path: str, status: int, tmp_path: Path) -> None:
    load = against(tmp_path, drive, path)
    assert (load.errors, load.statuses) == ({"": DUE}, {status: DUE})


def test_a_body_arrives_and_an_answer_is_read(tmp_path: Path) -> None:
    Server.heard = 0
    load = against(tmp_path, closed, "/", method="POST", body=BIG, reads=True, count=10)
    assert load.errors == {"": 10}
    assert Server.heard == 10 * len(BIG)


@LOOPS
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/silent", "timeout"),
        ("/reset", "reset"),
        ("/close", "closed"),
        ("/cut", "protocol"),
        ("/garbage", "protocol"),
    ],
)
def test_each_failure_has_its_name(drive: Drive, path: str, error: str, tmp_path: Path) -> None:
    timeout_s = 0.5 if error == "timeout" else PATIENT_S
    load = against(tmp_path, drive, path, count=8, timeout_s=timeout_s)
    assert set(load.errors) <= {error, "closed", "timeout"}
    assert load.errors[error] > 0


def test_why_there_is_no_connection(tmp_path: Path) -> None:
    other = certificate(tmp_path, ["other.example"])
    load = against(tmp_path, closed, "/", ca_file=str(other.path), count=4)
    assert next(iter(load.errors)).startswith("tls: unknown CA")
    assert against(tmp_path, closed, "/", host="elsewhere", count=4).errors == {"tls: wrong host name": 4}
    load = against(tmp_path, closed, "/", alpn="hq-interop", count=4)
    assert load.errors == {"tls: no shared protocol: the server does not offer h3": 4}
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    plan = plan_for(port, "http3", tls=True, **SHARED)
    assert uvloop.run(closed(plan, count=4)).errors == {"refused": 4}


def test_caddy_answers(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:caddy")

    async def scenario() -> None:
        trial, cache = scratch / "trial", scratch / "cache"
        trial.mkdir()
        cache.mkdir()
        own = certificate(scratch, ["127.0.0.1"])
        async with Rig(trial, cache, lambda event: None) as rig:
            server = await rig.start(caddy('respond "hello"', certificate=own))
            for protocol in ("http2", "http3"):
                plan = plan_for(server.port, protocol, tls=True, ca_file=str(own.path), **SHARED)
                load = await asyncio.wait_for(closed(plan, count=200), PATIENT_S)
                assert (load.errors, load.statuses) == ({"": 200}, {200: 200})
            # The same by processes of their own.
            checked = (Weighted(requests=(RequestPlan(checks=(Check(of="body", value="hello"),)),)),)
            asked = {"model": "closed", "mix": checked, "count": 100, "duration_s": PATIENT_S, "processes": 2}
            plan = structs.replace(plan, **asked)
            result = await asyncio.wait_for(run_load(plan), PATIENT_S)
            assert (result.answered, result.statuses, result.errors) == (100, {"200": 100}, {})
            assert len(result.generator.processes) == 2

    uvloop.run(scenario())


def test_a_call_whose_trailers_say_that_it_failed_is_no_good_answer(tmp_path: Path) -> None:
    async def scenario() -> LoadRun:
        async with serving(certificate(tmp_path, ["server"])) as port:
            return await run_load_async(
                f"h3://127.0.0.1:{port}/call",
                store=tmp_path,
                rate=50,
                count=4,
                connections=1,
                insecure=True,
                header=["Content-Type: application/grpc"],
            )

    found = uvloop.run(scenario())
    assert found.result.errors == {"grpc-status 13 INTERNAL": 4}
    assert found.result.statuses == {"200": 4}
