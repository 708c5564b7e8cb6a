"""`run_load`: what a whole load says, against real servers that count what they get."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from load_lab import Counting, against, at, drive, plan, told_one_story
from misbehaving import HELLO, answers, never_answers, refused_port, served

from hinterland.errors import UsageError
from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import Arrivals, RequestPlan, Weighted
from hinterland.load.result.result import LoadResult
from hinterland.statistics.histogram import Histogram

pytestmark = pytest.mark.system

OVERLOADED = b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"
SAYS_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


@pytest.mark.parametrize("processes", [1, 3])
def test_the_server_counts_the_same(tmp_path: Path, processes: int) -> None:
    server = Counting()
    result = against(server, tmp_path / "operations", processes=processes)
    assert result.operations == result.answered == server.requests == 200
    assert result.statuses == {"200": 200}
    assert result.asked_per_s == pytest.approx(500)
    assert result.bytes_received == 200 * len(HELLO)
    assert result.connections_opened == 4
    audit = result.generator
    assert [process.number for process in audit.processes] == list(range(processes))
    assert sum(process.operations for process in audit.processes) == 200
    assert audit.lateness is not None
    assert audit.lateness.counts.sum() == 200
    files = sorted((tmp_path / "operations").glob("*.parquet"))
    assert [file.name for file in files] == [f"{number}.parquet" for number in range(processes)]
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert len(rows) == 200
    # Together the processes kept one schedule, a request every 2 ms.
    due = np.sort([row["intended_ns"] for row in rows])
    assert set(np.diff(due).tolist()) == {2_000_000}
    assert all(row["intended_ns"] <= row["sent_ns"] <= row["done_ns"] for row in rows)
    assert {(row["status"], row["error"]) for row in rows} == {(200, "")}


def test_a_closed_loop_shares_its_count() -> None:
    server = Counting()
    result = against(server, model="closed", count=101, processes=2, duration_s=5)
    assert result.operations == server.requests == 101
    assert result.asked_per_s is None
    assert result.generator.lateness is None


def test_a_closed_loop_ends_with_its_time() -> None:
    server = Counting()
    result = against(server, model="closed", duration_s=0.3)
    assert result.operations == server.requests > 100
    assert result.window_s == pytest.approx(0.3)
    # Four connections that are never idle are four operations under way: Little's law.
    assert result.generator.in_flight_mean == pytest.approx(4, abs=1)
    assert result.generator.little == pytest.approx(4, abs=1)


def test_the_warm_up_is_sent_and_left_out() -> None:
    server = Counting()
    result = against(server, warm_up_s=1.0, duration_s=0.4)
    assert server.requests == 700
    assert result.operations == 200
    assert [second.due for second in result.seconds] == [500, 200]


@pytest.mark.parametrize("model", ["open", "closed"])
def test_a_status_that_is_an_error_is_no_good_answer(model: str) -> None:
    result = against(answers(HELLO, OVERLOADED), model=model, connections=1, count=40)
    assert result.errors == {"status 503": 20}
    assert result.statuses == {"200": 20, "503": 20}
    assert Histogram.from_counts(result.response).percentile(0.51) == float("inf")


def test_a_server_that_never_answers() -> None:
    result = against(never_answers, timeout_s=0.15, drain_s=0.3, arrivals=at(100))
    assert result.operations == 40
    assert result.answered == 0
    assert set(result.errors) <= {"timeout", "unsent", "unfinished"}
    assert result.errors["timeout"] >= 8
    assert result.errors["unsent"] >= 8


def test_a_server_that_is_not_there() -> None:
    async def scenario() -> LoadResult:
        with refused_port() as port:
            return await run_load(plan(port))

    result = drive(scenario)
    told_one_story(result)
    assert result.errors == {"refused": 200}
    assert result.open_errors["refused"] >= 204
    assert result.connections_opened == 0


def test_a_server_that_restarts_in_the_middle() -> None:
    missed = asyncio.Event()

    def look(part: LoadResult) -> None:
        if part.errors.get("refused", 0) >= 10:
            missed.set()

    async def scenario() -> LoadResult:
        first = Counting()
        async with served(first) as port:
            asked = plan(port, duration_s=2.5, arrivals=at(200))
            task = asyncio.ensure_future(run_load(asked, watch=look))
            await first.has(50)
        # Nobody listens now, until the same port is served again.
        await asyncio.wait([task, asyncio.ensure_future(missed.wait())], return_when="FIRST_COMPLETED")
        again = await asyncio.start_server(Counting(), "127.0.0.1", port)
        async with again:
            return await task

    result = drive(scenario)
    told_one_story(result)
    assert result.errors["refused"] >= 10
    assert set(result.errors) <= {"refused", "closed", "reset"}
    assert result.seconds[-1].answered > 0


@pytest.mark.parametrize("model", ["open", "closed"])
@pytest.mark.parametrize("close", [False, True], ids=["kept", "closed_after_each"])
def test_a_chain_goes_on_where_the_connection_does_not(model: str, close: bool) -> None:
    server = Counting(SAYS_CLOSE if close else HELLO, close=close)
    steps = tuple(RequestPlan(name=name, path=f"/{name}") for name in ("first", "second", "third"))
    result = against(
        server, mix=(Weighted(requests=steps),), model=model, connections=1, arrivals=at(100), count=30
    )
    assert result.errors == {}
    counted = Counter(server.paths)
    assert {kind.name: kind.operations for kind in result.kinds} == {
        "first": counted[b"/first"],
        "second": counted[b"/second"],
        "third": counted[b"/third"],
    }
    # A closed loop counts operations: 30 of them are ten visits of its one connection.
    visits = 30 if model == "open" else 10
    assert set(counted.values()) == {visits}


def test_a_visit_ends_with_a_bad_answer() -> None:
    server = Counting(OVERLOADED)
    steps = (RequestPlan(name="first", path="/first"), RequestPlan(name="second", path="/second"))
    result = against(server, mix=(Weighted(requests=steps),), arrivals=at(100))
    assert set(server.paths) == {b"/first"}
    assert result.errors == {"status 503": 40}


@pytest.mark.parametrize("scheduler", ["spin", "timerfd", "tick"])
def test_each_scheduler_sends_everything_and_nothing_early(tmp_path: Path, scheduler: Any) -> None:
    result = against(
        Counting(), tmp_path, scheduler=scheduler, arrivals=Arrivals(shape="poisson", rate_per_s=400)
    )
    assert result.errors == {}
    assert result.generator.processes[0].scheduler == scheduler
    rows = pq.read_table(tmp_path / "0.parquet").to_pylist()
    assert len(rows) == result.operations
    assert all(row["intended_ns"] <= row["sent_ns"] for row in rows)


def test_operations_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        against(Counting(), tmp_path / "file")
    # A folder whose file can't be made: the process finds out.
    (tmp_path / "folder" / "0.parquet").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"0\.parquet"):
        against(Counting(), tmp_path / "folder")


@pytest.mark.parametrize(
    "options", [{"connections": 0}, {"duration_s": 0.0}, {"timeout_s": -1}, {"sources": 0}]
)
def test_impossible_plans_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be"):
        drive(lambda: run_load(plan(1, **options)))


async def quick_or_never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers `/quick`, and nothing else."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.split()[1] == b"/quick":
                writer.write(HELLO)


TWO_KINDS = (
    Weighted(requests=(RequestPlan(path="/quick"),)),
    Weighted(requests=(RequestPlan(path="/never"),)),
)


@pytest.mark.parametrize("model", ["open", "closed"])
def test_what_is_left_without_an_answer_is_counted_to_its_kind(model: str) -> None:
    result = against(quick_or_never, model=model, mix=TWO_KINDS, connections=200, drain_s=1.0, timeout_s=30.0)
    by_name = {kind.name: kind for kind in result.kinds}
    assert by_name["GET /quick"].errors == {}
    assert by_name["GET /never"].errors == {"unfinished": by_name["GET /never"].operations}
    assert by_name["GET /never"].operations > 20


def test_what_never_began_is_counted_to_the_kind_that_it_would_have_been() -> None:
    # All four connections soon wait for good: the rest of the 200 never begins.
    result = against(quick_or_never, mix=TWO_KINDS, drain_s=0.1)
    unsent = {kind.name: kind.errors.get("unsent", 0) for kind in result.kinds}
    assert sum(unsent.values()) > 100
    assert min(unsent.values()) > 30


def test_the_wait_for_the_last_answers_does_not_dilute_what_the_generator_used() -> None:
    # It spins for 0.4 s and then has nothing to do for longer than a second.
    result = against(never_answers, scheduler="spin", timeout_s=1.2)
    (process,) = result.generator.processes
    assert process.cpu_share + process.run_delay_share > 0.7


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ({"count": 2, "arrivals": at(4)}, 4),
        ({"count": 1, "arrivals": at(100)}, 100),
        ({"duration_s": 0.05, "arrivals": at(4)}, 4),
        ({"count": 3, "arrivals": Arrivals(shape="trace", times_s=(0.0, 0.2, 0.4))}, 5),
        ({"count": 4, "connections": 2, "processes": 2, "arrivals": at(10)}, 10),
    ],
)
def test_a_few_operations_reach_no_more_than_was_asked(asked: dict[str, Any], reached: float) -> None:
    result = against(Counting(), **asked)
    assert result.asked_per_s == pytest.approx(reached, rel=0.02)
    assert result.reached_per_s <= reached * 1.02
