"""A slow neighbour answers when it was asked to, several at once, and remembers when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import uvloop

from hinterland.clients.http import HttpClient
from hinterland.lab.neighbour import start_neighbour
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system
HOST, WAIT_MS = "127.0.0.1", 50


def test_it_answers_after_the_time_asked_for_and_notes_both_moments(tmp_path: Path) -> None:
    async def whole() -> None:
        async with Rig(tmp_path, tmp_path / "cache", lambda event: None) as rig:
            neighbour = await start_neighbour(rig)
            async with HttpClient(HOST, neighbour.port) as client:
                before_ns = time.monotonic_ns()
                answer = await client.get(f"/?wait_ms={WAIT_MS}")
                after_ns = time.monotonic_ns()
                assert (answer.status, answer.body) == (204, b"")
                [[received_ns, answered_ns]] = (await client.get("/calls")).json()
                assert before_ns <= received_ns
                assert received_ns + WAIT_MS * 1e6 <= answered_ns <= after_ns
                assert (await client.get("/?wait_ms=long")).status == 400
                assert (await client.get("/")).status == 400

    uvloop.run(whole())


def test_calls_wait_side_by_side(tmp_path: Path) -> None:
    async def whole() -> None:
        async with Rig(tmp_path, tmp_path / "cache", lambda event: None) as rig:
            neighbour = await start_neighbour(rig)
            async with HttpClient(HOST, neighbour.port) as client:
                await asyncio.gather(*(client.get(f"/?wait_ms={WAIT_MS}") for _ in range(20)))
                calls = (await client.get("/calls")).json()
            assert len(calls) == 20
            first_answer_ns = min(answered for _, answered in calls)
            assert sum(received < first_answer_ns for received, _ in calls) > 1
            assert not await rig.kill(neighbour.process) or not neighbour.process.alive

    uvloop.run(whole())
