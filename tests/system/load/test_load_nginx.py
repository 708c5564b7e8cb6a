"""The load engine against a real nginx: it says what the server counted, and a stall is not omitted."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvloop
from inline_load import sample_of

from hinterland.lab.summary import summarise
from hinterland.load.engine import arrivals
from hinterland.load.engine.pacing import Pacing
from hinterland.rig.machine.needs import check
from hinterland.rig.rig import Rig
from hinterland.rig.services.nginx import Nginx
from hinterland.rig.services.nginx import nginx as nginx_service

pytestmark = pytest.mark.system

COUNTED = """
location / { return 200 "hello"; }
location /number { return 200 "$connection_requests"; }
location /missing { return 404; }
location /status { stub_status; }
"""


def with_nginx(tmp_path: Path, use: Callable[[Rig, Nginx], Awaitable[Any]]) -> Any:
    if not check("service:nginx").available:
        if os.environ.get("CI") == "true":
            pytest.fail("nginx is missing")
        pytest.skip("nginx is missing")

    async def scenario() -> Any:
        scratch, cache = tmp_path / "scratch", tmp_path / "cache"
        scratch.mkdir()
        cache.mkdir()
        async with Rig(scratch, cache, lambda event: None) as rig:
            return await asyncio.wait_for(use(rig, await rig.start(nginx_service(COUNTED))), 60)

    return uvloop.run(scenario())


async def requests_counted(nginx: Nginx) -> int:
    """Returns nginx's own count of requests, this one included."""
    reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
    writer.write(b"GET /status HTTP/1.0\r\n\r\n")
    page = (await reader.read()).decode()
    writer.close()
    numbers = page.split("requests\n")[1].split("\n")[0].split()
    return int(numbers[2])


def test_nginx_counts_the_same_requests(tmp_path: Path) -> None:
    async def use(rig: Rig, nginx: Nginx) -> None:
        for path, status in (("/", 200), ("/number", 200), ("/missing", 404)):
            before = await requests_counted(nginx)
            sample = await sample_of(nginx.port, path, closed=True, connections=16, duration_s=0.3)
            assert await requests_counted(nginx) - before - 1 == len(sample.done_ns)
            summary = summarise(sample)
            assert summary.by_status == {status: summary.operations}
            assert summary.by_error == {}
            assert sample.detail["opened_again"] == 0

    with_nginx(tmp_path, use)


@pytest.mark.parametrize("pace", ["spin", "timerfd", "tick"])
def test_open_loop_sends_each_operation_once_and_never_early(tmp_path: Path, pace: Pacing) -> None:
    async def use(rig: Rig, nginx: Nginx) -> None:
        schedule = arrivals.poisson(3000, 0.5, seed=5)
        before = await requests_counted(nginx)
        sample = await sample_of(nginx.port, schedule=schedule, connections=16, scheduler=pace)
        assert await requests_counted(nginx) - before - 1 == len(schedule)
        assert np.array_equal(sample.intended_ns - sample.start_ns, schedule)
        assert np.all(sample.sent_ns >= sample.intended_ns)
        assert np.all(sample.done_ns > sample.sent_ns)
        assert sample.detail["pacing"] == pace
        # Little's law: mean number of operations in the system = rate x mean response time.
        summary = summarise(sample)
        span_s = (sample.done_ns.max() - sample.intended_ns[0]) / 1e9
        moments = np.linspace(sample.intended_ns[0], sample.done_ns.max(), 4000)
        present = [np.sum((sample.intended_ns <= t) & (sample.done_ns > t)) for t in moments]
        assert np.mean(present) == pytest.approx(
            len(schedule) / span_s * summary.response_s.mean(), rel=0.5, abs=0.05
        )

    with_nginx(tmp_path, use)


def test_a_stall_reaches_every_operation_that_was_due_in_it(tmp_path: Path) -> None:
    """What was due while the server stood still waited for its end; only an open loop shows it."""

    async def use(rig: Rig, nginx: Nginx) -> None:
        async def stall() -> tuple[int, int]:
            await asyncio.sleep(0.3)
            await rig.pause(nginx.process)
            paused_ns = time.monotonic_ns()
            await asyncio.sleep(0.4)
            resumed_ns = time.monotonic_ns()
            await rig.resume(nginx.process)
            return paused_ns, resumed_ns

        stalling = asyncio.ensure_future(stall())
        sample = await sample_of(nginx.port, schedule=arrivals.constant(2000, 1.2), connections=16)
        paused_ns, resumed_ns = await stalling
        response_s = summarise(sample).response_s
        within = (sample.intended_ns > paused_ns) & (sample.intended_ns < resumed_ns)
        assert within.sum() > 0.75 * 2000 * (resumed_ns - paused_ns) / 1e9
        truth_s = (resumed_ns - sample.intended_ns[within]) / 1e9
        assert np.all(response_s[within] >= truth_s - 1e-4)
        assert sample.detail["waited"] >= within.sum() - 16

        stalling = asyncio.ensure_future(stall())
        sample = await sample_of(nginx.port, closed=True, connections=16, duration_s=1.2)
        await stalling
        # A closed loop asks nothing while it waits: the stall is at most one operation a connection. A busy
        # machine may stand still a time or two more.
        assert np.sum(summarise(sample).response_s > 0.2) < within.sum() / 5

    with_nginx(tmp_path, use)
