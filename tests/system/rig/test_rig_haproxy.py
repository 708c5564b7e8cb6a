"""A private HAProxy: it passes bytes or requests on, comes back on its port, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.clients.http import HttpClient
from hinterland.errors import SetupError, SystemFailure
from hinterland.rig.rig import Rig
from hinterland.rig.services.haproxy import haproxy
from hinterland.rig.services.nginx import nginx

pytestmark = pytest.mark.system


def run(folder: Path, body: Callable[[Rig], Any], **options: Any) -> None:
    async def whole() -> None:
        trial, cache = folder / "trial", folder / "cache"
        trial.mkdir()
        cache.mkdir()
        async with Rig(trial, cache, lambda event: None, **options) as rig:
            await body(rig)

    uvloop.run(whole())


@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_it_passes_on_and_comes_back_on_its_port(
    scratch: Path, require: Callable[[str], None], mode: str
) -> None:
    require("service:haproxy")
    require("service:nginx")

    async def body(rig: Rig) -> None:
        behind = await rig.start(nginx('return 200 "from $server_port";'))
        proxy = await rig.start(haproxy(f"    mode {mode}\n    server behind 127.0.0.1:{behind.port}"))
        assert proxy.url == f"http://127.0.0.1:{proxy.port}"
        async with HttpClient("127.0.0.1", proxy.port, persistent=False) as client:
            assert (await client.get("/")).text == f"from {behind.port}"
            assert await rig.kill(proxy.process)
            await proxy.process.restart()
            assert (await client.get("/")).text == f"from {behind.port}"
        assert proxy.version.split(".")[0].isdigit()

    run(scratch, body)


def test_two_of_them_have_ports_and_folders_of_their_own(
    scratch: Path, require: Callable[[str], None]
) -> None:
    require("service:haproxy")

    async def body(rig: Rig) -> None:
        one, other = [await rig.start(haproxy("    mode tcp\n    server none 127.0.0.1:1")) for _ in range(2)]
        assert one.port != other.port
        assert one.folder != other.folder

    run(scratch, body)


def test_it_says_what_is_wrong_with_its_configuration(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:haproxy")

    async def body(rig: Rig) -> None:
        with pytest.raises(SystemFailure) as raised:
            await rig.start(haproxy("    moode http"))
        assert "moode" in "\n".join(raised.value.log)

    run(scratch, body)


def test_a_missing_haproxy_is_a_setup_error_with_the_command(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SetupError, match="haproxy") as raised:
            await rig.start(haproxy("    mode tcp"))
        assert "apt-get install -y haproxy" in str(raised.value)

    run(scratch, body, search_path=[scratch / "nothing"], wheels=False)
