"""TLS of a load, over HTTP/1.1 and HTTP/2: it works with who is trusted, and says why where it does not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aged_certificate import aged
from lane_lab import PATIENT_S, Load, closed, plan_for
from misbehaving import never_answers, served

from hinterland.rig.certificate import certificate
from hinterland.rig.rig import Rig
from hinterland.rig.services.nginx import nginx

pytestmark = pytest.mark.system

PROTOCOLS = pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("http1", {}),
        ("http1", {"mode": "new"}),
        ("http1", {"mode": "pipelining", "multiplexed": 2}),
        ("http2", {"multiplexed": 2}),
    ],
    ids=["keep_alive", "new", "pipelining", "http2"],
)


def server_context(files: tuple[Path, Path]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    return made


async def complains(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers whatever comes, as a server of plain HTTP answers a handshake."""
    if await reader.read(65536):
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def plain_server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    async with served(complains, ssl=context) as port:
        yield port


def failure(context: ssl.SSLContext | None, protocol: str, **options: Any) -> str:
    """Returns the one word of error of a load against such a server."""

    async def scenario() -> Load:
        async with plain_server(context) as port:
            plan = plan_for(port, protocol, tls=True, address="127.0.0.1", **{"host": "server", **options})
            return await asyncio.wait_for(closed(plan, count=4), PATIENT_S)

    errors = uvloop.run(scenario()).errors
    assert sum(errors.values()) == 4
    assert len(errors) == 1
    return next(iter(errors))


@PROTOCOLS
def test_each_reason_is_said(protocol: str, options: dict[str, Any], tmp_path: Path) -> None:
    own, other = certificate(tmp_path, ["server"]), certificate(tmp_path, ["other.example"])
    trusted = server_context((own.path, own.key_path))
    options = {"ca_file": str(own.path), **options}
    old = aged(tmp_path, -20, -10)
    expired = {**options, "ca_file": str(old[0])}
    assert failure(server_context(old), protocol, **expired) == "tls: certificate expired"
    unborn = aged(tmp_path, 10, PATIENT_S)
    assert failure(server_context(unborn), protocol, **expired) == "tls: certificate not valid yet"
    said = failure(trusted, protocol, **{**options, "ca_file": str(other.path)})
    assert said.startswith("tls: unknown CA")
    said = failure(server_context((other.path, other.key_path)), protocol, **options)
    assert said.startswith("tls: unknown CA")
    assert failure(trusted, protocol, **options, host="elsewhere") == "tls: wrong host name"
    assert failure(None, protocol, **options) == "tls: the server does not speak TLS here"
    modern = server_context((own.path, own.key_path))
    modern.set_alpn_protocols(["http/1.1"])
    if protocol == "http2":
        refused = failure(modern, protocol, **options)
        assert refused == "tls: no shared protocol: the server does not offer h2"


@PROTOCOLS
def test_a_server_that_never_shakes_hands(protocol: str, options: dict[str, Any]) -> None:
    async def scenario() -> Load:
        async with served(never_answers) as port:
            plan = plan_for(port, protocol, tls=True, timeout_s=0.2, **options)
            return await asyncio.wait_for(closed(plan, count=4), PATIENT_S)

    assert uvloop.run(scenario()).errors == {"timeout": 4}


@PROTOCOLS
def test_nginx_is_loaded_over_tls(
    protocol: str, options: dict[str, Any], scratch: Path, require: Callable[[str], None]
) -> None:
    require("service:nginx")

    async def scenario() -> None:
        trial, cache = scratch / "trial", scratch / "cache"
        trial.mkdir()
        cache.mkdir()
        own = certificate(scratch, ["server"])
        async with Rig(trial, cache, lambda event: None) as rig:
            port = rig.free_port()
            speaks = "ssl http2" if protocol == "http2" else "ssl"
            await rig.start(
                nginx(
                    f"listen 127.0.0.1:{port} {speaks}; ssl_certificate {own.path};"
                    f'ssl_certificate_key {own.key_path}; location / {{ return 200 "hello"; }}'
                )
            )
            for trust in ({"ca_file": str(own.path)}, {"verify_tls": False}):
                plan = plan_for(
                    port, protocol, tls=True, host="server", address="127.0.0.1",
                    **trust, **options,
                )  # fmt: skip
                load = await asyncio.wait_for(closed(plan, count=100), PATIENT_S)
                assert (load.errors, load.statuses) == ({"": 100}, {200: 100})

    uvloop.run(scenario())
