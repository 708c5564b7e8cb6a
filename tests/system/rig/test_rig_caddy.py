"""A private Caddy: it serves with and without a certificate, keeps to itself, and says what is wrong."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.clients.http import HttpClient
from hinterland.errors import SetupError, SystemFailure
from hinterland.rig.rig import Rig
from hinterland.rig.services.caddy import caddy

pytestmark = pytest.mark.system


def run(folder: Path, body: Callable[[Rig], Any], **options: Any) -> None:
    async def whole() -> None:
        trial, cache = folder / "trial", folder / "cache"
        trial.mkdir()
        cache.mkdir()
        async with Rig(trial, cache, lambda event: None, **options) as rig:
            await body(rig)

    uvloop.run(whole())


def test_it_serves_plainly_and_comes_back_on_its_port(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:caddy")

    async def body(rig: Rig) -> None:
        server = await rig.start(caddy('respond "hello"'))
        assert server.url == f"http://127.0.0.1:{server.port}"
        async with HttpClient("127.0.0.1", server.port, persistent=False) as client:
            assert (await client.get("/")).body == b"hello"
            assert await rig.kill(server.process)
            await server.process.restart()
            assert (await client.get("/")).body == b"hello"
        assert server.version.split(".")[0].isdigit()

    run(scratch, body)


def test_with_a_certificate_it_speaks_https_and_http3(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:caddy")

    async def body(rig: Rig) -> None:
        own = rig.certificate("server")
        server = await rig.start(caddy('respond "hello"', certificate=own))
        tls = ssl.create_default_context(cafile=str(own.path))
        async with HttpClient("127.0.0.1", server.port, tls=tls, server_name="server") as client:
            answer = await client.get("/")
        assert answer.body == b"hello"
        assert "h3" in answer.headers["alt-svc"]
        # HTTP/3 listens on the same number of UDP.
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
            pytest.raises(OSError, match="in use"),
        ):
            probe.bind(("127.0.0.1", server.port))
        plain = await rig.start(caddy('respond "hello"', certificate=own, protocols="h1", name="plain"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", plain.port))

    run(scratch, body)


def test_nothing_is_left_in_the_home_folder(
    scratch: Path, require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("service:caddy")
    home = scratch / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    async def body(rig: Rig) -> None:
        await rig.start(caddy('respond "hello"', certificate=rig.certificate("server")))

    run(scratch, body)
    assert list(home.iterdir()) == []


def test_it_says_what_is_wrong_with_its_configuration(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:caddy")

    async def body(rig: Rig) -> None:
        with pytest.raises(SystemFailure) as raised:
            await rig.start(caddy("respont hello"))
        assert "respont" in "\n".join(raised.value.log)

    run(scratch, body)


def test_a_missing_caddy_is_a_setup_error_with_the_command(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SetupError, match="caddy") as raised:
            await rig.start(caddy('respond "hello"'))
        assert "apt-get install -y caddy" in str(raised.value)

    run(scratch, body, search_path=[scratch / "nothing"], wheels=False)
