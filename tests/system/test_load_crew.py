"""The processes of a generator: watched, stopped early, killed, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest
from command_line import wait_until
from load_lab import Counting, against, at, drive, plan, told_one_story
from misbehaving import served

from hinterland.errors import InternalError, SetupError
from hinterland.load import pacing
from hinterland.model.load_result import LoadResult
from hinterland.rig.process_table import descendants_of
from hinterland.rig.supervision import is_running
from hinterland.runner.load import crew
from hinterland.runner.load.run import run_load

pytestmark = pytest.mark.system


def test_many_source_addresses() -> None:
    server = Counting()
    against(server, sources=4, connections=8)
    assert len(server.peers) == 4
    assert set(server.peers.values()) == {2}


def test_watching_sees_a_growing_part() -> None:
    seen: list[LoadResult] = []

    async def scenario() -> LoadResult:
        async with served(Counting()) as port:
            return await run_load(plan(port, duration_s=1.2), watch=seen.append)

    result = drive(scenario)
    counts = [each.operations for each in seen]
    assert len(seen) >= 3
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= result.operations
    assert 0 < seen[-1].window_s <= 1.2


def test_a_cancelled_load_tells_what_it_has() -> None:
    async def scenario() -> LoadResult:
        server = Counting()
        async with served(server) as port:
            task = asyncio.ensure_future(run_load(plan(port, duration_s=60)))
            await server.has(100)
            task.cancel()
            result = await task
            assert server.requests - 5 <= result.operations <= server.requests + 1
            return result

    result = drive(scenario)
    told_one_story(result)
    assert result.partial == "interrupted"
    assert result.window_s < 10
    assert descendants_of(os.getpid()) == []


def test_a_load_that_is_cancelled_before_it_began() -> None:
    async def scenario() -> LoadResult:
        task = asyncio.ensure_future(run_load(plan(1, duration_s=60)))
        await asyncio.sleep(0.05)
        task.cancel()
        return await task

    result = drive(scenario)
    assert result.partial == "interrupted"
    assert result.operations == 0


def test_a_process_that_is_killed_is_an_error_with_its_status() -> None:
    async def scenario() -> None:
        server = Counting()
        async with served(server) as port:
            task = asyncio.ensure_future(run_load(plan(port, duration_s=30, processes=2)))
            await server.has(20)
            os.kill(descendants_of(os.getpid())[0], signal.SIGKILL)
            with pytest.raises(InternalError, match="ended by itself"):
                await task

    drive(scenario)
    assert descendants_of(os.getpid()) == []


ALONE = """
import asyncio, sys
from hinterland.model.load import Arrivals, LoadPlan, Target
from hinterland.runner.load.run import run_load
target = Target(url="", protocol="http1", host="127.0.0.1", port=int(sys.argv[1]))
plan = LoadPlan(target=target, arrivals=Arrivals(rate_per_s=200), duration_s=60, processes=2)
asyncio.run(run_load(plan))
"""


def test_the_processes_die_with_their_parent() -> None:
    async def scenario() -> list[int]:
        server = Counting()
        async with served(server) as port:
            parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ALONE, str(port))
            await server.has(20)
            workers = descendants_of(parent.pid)
            parent.kill()
            await parent.wait()
            return workers

    workers = drive(scenario)
    assert len(workers) == 2
    wait_until(lambda: not any(map(is_running, workers)))


def test_a_process_needs_files_for_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_file_limit", lambda: 1200)
    assert crew.share(plan(1, connections=900)).connections == (900,)
    assert crew.share(plan(1, connections=2500)).connections == (834, 833, 833)
    with pytest.raises(SetupError, match="2,500 connections in 2 processes need 1,450 open files") as caught:
        crew.share(plan(1, connections=2500, processes=2))
    assert "--processes 3" in caught.value.next_step


def test_a_high_rate_takes_more_processes_where_cores_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "cores", lambda: 8)
    few, many = (plan(1, arrivals=at(rate), connections=64, scheduler=None) for rate in (20_000, 200_000))
    assert crew.share(few).connections == (64,)
    assert len(crew.share(many).connections) == 4
    assert crew.share(many).scheduler == "spin"
    # The same on two cores: one for the server, so one for the generator.
    monkeypatch.setattr(pacing, "cores", lambda: 2)
    assert crew.share(many).connections == (64,)
    assert crew.share(plan(1, processes=3, scheduler=None)).scheduler == "timerfd"
