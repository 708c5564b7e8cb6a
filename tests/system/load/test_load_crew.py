"""The processes of a generator: watched, stopped early, killed, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import wait_until
from lane_lab import looked_until
from load_lab import Counting, against, at, drive, plan, told_one_story
from misbehaving import served

from hinterland.errors import InternalError, SetupError
from hinterland.load.conductor import crew
from hinterland.load.conductor.run import run_load
from hinterland.load.engine import pacing
from hinterland.load.plan.plan import Arrivals
from hinterland.load.result.result import LoadResult
from hinterland.rig.processes.process_table import descendants, scan
from hinterland.rig.processes.supervision import is_running

pytestmark = pytest.mark.system


def generators(of: int | None = None) -> list[int]:
    """Returns the living processes of generators below a process, ours by default.

    Others may be there: what earlier tests left to the process that adopts orphans.
    """
    found = []
    for each in descendants(scan(), [os.getpid() if of is None else of]):
        # It may end while it is looked at.
        with contextlib.suppress(OSError):
            if b"hinterland.load.worker" in Path(f"/proc/{each.pid}/cmdline").read_bytes():
                found.append(each.pid)
    return found


def test_many_source_addresses() -> None:
    server = Counting()
    against(server, sources=4, connections=8)
    assert len(server.peers) == 4
    assert set(server.peers.values()) == {2}


def test_a_server_that_sends_more_than_the_answer_is_noticed() -> None:
    for sent, surplus in ((b"hello", 12), (b"he", 0)):
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + sent
        result = against(Counting(answer), model="closed", count=12, duration_s=5.0)
        assert (result.answered, result.surplus_answers) == (12, surplus)


def test_watching_sees_a_growing_part() -> None:
    seen: list[LoadResult] = []

    async def scenario() -> LoadResult:
        async with served(Counting()) as port:
            return await run_load(plan(port, duration_s=2.0), watch=seen.append)

    result = drive(scenario)
    counts = [each.operations for each in seen]
    assert len(seen) >= 2
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= result.operations
    assert 0 < seen[-1].window_s <= 2.0


def test_a_cancelled_load_tells_what_it_has() -> None:
    async def scenario() -> LoadResult:
        server = Counting()
        async with served(server) as port:
            task = asyncio.ensure_future(run_load(plan(port, duration_s=60)))
            await server.has(100)
            task.cancel()
            result = await task
            sent = result.operations - result.errors.get("unsent", 0)
            assert abs(sent - server.requests) <= 5, "those that were under way"
            return result

    result = drive(scenario)
    told_one_story(result)
    assert result.partial == "interrupted"
    assert result.window_s < 10
    assert generators() == []


def test_a_load_that_is_cancelled_before_it_began() -> None:
    async def scenario() -> LoadResult:
        task = asyncio.ensure_future(run_load(plan(1, duration_s=60, processes=3)))
        # They are started one after the other: the first one is there before the last.
        await looked_until(lambda: bool(generators()))
        task.cancel()
        return await task

    result = drive(scenario)
    assert result.partial == "interrupted"
    assert result.operations == 0
    assert generators() == []


def test_when_a_process_is_killed_what_was_measured_is_told_and_why_there_is_no_more() -> None:
    async def scenario() -> LoadResult:
        server = Counting()
        async with served(server) as port:
            task = asyncio.ensure_future(run_load(plan(port, duration_s=30, processes=2)))
            await server.has(400)
            os.kill(generators()[0], signal.SIGKILL)
            return await task

    result = drive(scenario)
    told_one_story(result)
    assert "ended by itself (status -9)" in result.partial
    assert result.operations > 0
    assert result.window_s < 20
    # The other one told the rest of its own.
    assert len(result.generator.processes) == 2
    assert generators() == []


def test_a_process_that_is_killed_before_anything_was_measured_is_an_error() -> None:
    async def scenario() -> None:
        server = Counting()
        async with served(server) as port:
            task = asyncio.ensure_future(run_load(plan(port, duration_s=30, warm_up_s=30)))
            await server.has(20)
            os.kill(generators()[0], signal.SIGKILL)
            with pytest.raises(InternalError, match="ended by itself"):
                await task

    drive(scenario)


TRIPS = """
import asyncio

async def visit(client):
    await client.get("/")
    if client.visit == 100:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
"""


def test_an_exception_that_nobody_caught_ends_the_load_and_is_told(tmp_path: Path) -> None:
    scenario = tmp_path / "trips.py"
    scenario.write_text(TRIPS)
    result = against(Counting(), scenario=str(scenario), duration_s=30)
    assert result.partial.startswith("a process of the generator failed: ZeroDivisionError")
    assert "Traceback" in result.first_exception
    assert 0 < result.operations < 10_000


def test_a_trace_that_goes_wrong_in_the_middle_says_in_which_line(tmp_path: Path) -> None:
    trace = tmp_path / "arrivals.txt"
    # Further than what is worked out before the start: 16,384 at 10,000 a second.
    trace.write_text("".join(f"{place / 10_000}\n" for place in range(17_000)) + "soon\n")
    result = against(Counting(), arrivals=Arrivals(shape="trace", file=str(trace)), duration_s=30)
    assert result.partial == f"{trace}:17001: 'soon' is not a number."
    assert 0 < result.operations <= 17_000


ALONE = """
import asyncio, sys
from hinterland.load.plan.plan import Arrivals, LoadPlan, Target
from hinterland.load.conductor.run import run_load
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
            workers = generators(parent.pid)
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
    # More processes are no way out where none of them could start.
    monkeypatch.setattr(crew, "_file_limit", lambda: 30)
    with pytest.raises(SetupError, match="needs more than 200 open files; this machine allows 30") as caught:
        crew.share(plan(1, connections=4))
    assert "processes" not in caught.value.next_step


def test_the_end_of_the_processes_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    # Asked to kill a process that has just ended, asyncio takes its status from its own watcher.
    server = Counting()
    for _ in range(3):
        against(server, processes=6, connections=6, duration_s=0.2)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_a_busy_machine_is_not_spun_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "cores", lambda: 2)
    asked = plan(1, scheduler=None)
    assert crew.share(asked, 2.0).scheduler == "spin"
    assert crew.share(asked, 0.7).scheduler == "timerfd"
    assert crew.share(plan(1, scheduler="spin"), 0.0).scheduler == "spin"


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


WASTES = """
async def visit(client):
    await client.get("/")
    itself = [bytearray(50_000)]
    itself.append(itself)
"""


def test_what_visits_leave_behind_is_collected_while_the_load_runs(tmp_path: Path) -> None:
    scenario = tmp_path / "wastes.py"
    scenario.write_text(WASTES)
    result = against(Counting(), scenario=str(scenario), arrivals=at(500), duration_s=4)
    # 2,000 visits leave 100 MB in circles that only the collector finds; a quarter of a second leaves 6 MB.
    assert result.operations == 2000
    assert result.generator.processes[0].max_rss_bytes < 150e6


def test_a_process_has_what_it_needs_and_no_more() -> None:
    script = (
        "import sys, hinterland.load.worker.__main__; print('pyarrow' in sys.modules, 'scipy' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]
