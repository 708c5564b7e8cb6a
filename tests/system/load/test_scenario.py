"""Scenarios against a real server over real sockets, driven by both loops."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from misbehaving import refused_port

from hinterland.load.engine.agenda import Agenda
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.loops import FOREVER_NS, ClosedLoop, OpenLoop
from hinterland.load.engine.outgoing import Requests
from hinterland.load.engine.pacing import pacer
from hinterland.load.engine.pool import Pool
from hinterland.load.engine.recorder import Columns, Recorder
from hinterland.load.plan.plan import LoadPlan, Target
from hinterland.load.scenario.lane import lanes
from hinterland.load.scenario.requests import ScenarioRequests

pytestmark = pytest.mark.system

Reply = Callable[[str, dict[str, str], bytes], tuple[int, bytes]]


class Server:
    """A server of one function, which notes what it was asked. `slow_s` is how long /slow takes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.slow_s = 0.0
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")[:-2]
                headers = dict(line.lower().split(": ", 1) for line in lines)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                _, path, _ = first.split(" ")
                self.asked.append((first, headers, body))
                if path == "/hang-up":
                    break
                if path == "/slow":
                    await asyncio.sleep(self.slow_s)
                status = int(path[2:]) if path.startswith("/=") else 200
                content = b'{"token": "t1"}' if path == "/login" else path.encode()
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, int]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    try:
        yield server, listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        # Each sees the end of its connection.
        await asyncio.wait_for(asyncio.gather(*server.tasks), 30)


class Outcome:
    """What a load came to: operations by kind, with times in s from the first due moment."""

    def __init__(self, columns: Columns, requests: Requests, server: Server, took_s: float) -> None:
        self.columns, self.server, self.took_s = columns, server, took_s
        self.first_exception: str = requests.first_exception  # type: ignore[attr-defined]
        self.kinds = [requests.kinds[kind] for kind in columns.kind.tolist()]
        errors = [words_of(int(code)) for code in columns.error.tolist()]
        self.ends = Counter(zip(self.kinds, errors, strict=True))

    def service_s(self, kind: str) -> Any:
        chosen = np.array([one == kind for one in self.kinds])
        return ((self.columns.done_ns - self.columns.sent_ns)[chosen] / 1e9).tolist()

    def response_s(self, kind: str) -> Any:
        chosen = np.array([one == kind for one in self.kinds])
        return ((self.columns.done_ns - self.columns.intended_ns)[chosen] / 1e9).tolist()


async def drive(
    text: str, folder: Path, *, visits: int = 20, connections: int = 4, rate: float = 0, **of: Any
) -> Outcome:
    """Runs visits of a scenario: a closed loop, or with a `rate` an open one."""
    file = folder / "scenario.py"
    file.write_text(dedent(text))
    async with serving() as (server, port):
        server.slow_s = of.pop("slow_s", 0.0)
        address = Target(url="", protocol="http1", host="127.0.0.1", port=of.pop("port", port))
        plan = LoadPlan(target=address, scenario=str(file), connections=connections, seed=1, **of)
        requests, recorder = ScenarioRequests(plan), Recorder(16)
        schedule = (np.arange(visits) * (1e9 / (rate or 1))).astype(np.int64)
        agenda = Agenda(iter([schedule]))
        run = OpenLoop(recorder, requests, agenda) if rate else ClosedLoop(recorder, requests, count=visits)
        pool = Pool(
            lanes(plan, connections, listener=run, requests=requests),
            timeout_s=plan.timeout_s,
            listener=run,
        )
        run.pool = pool
        await pool.open_all()
        pool.watch_timeouts(recorder.sent)
        began = time.monotonic()
        try:
            if isinstance(run, OpenLoop):
                run.start(time.monotonic_ns())
                pace = pacer("tick", run.look)
                pace.start()
            else:
                run.start(FOREVER_NS)
            await asyncio.wait_for(asyncio.shield(run.finished), 30)
            took_s = time.monotonic() - began
        finally:
            if rate:
                pace.stop()
            columns = run.last()
            await pool.close()
    return Outcome(columns, requests, server, took_s)


CHAIN = """
    def setup():
        return "shared"

    async def visit(client):
        login = await client.post("/login", json={"n": client.visit, "by": client.shared})
        token = login.json()["token"]
        assert 0 <= client.random.random() < 1
        page = await client.get(f"/page/{token}", headers={"Authorization": token}, name="page")
        client.check("is the page", page.body == b"/page/t1")
"""


@pytest.mark.parametrize("rate", [0, 500])
def test_each_request_of_a_visit_is_an_operation(tmp_path: Path, rate: float) -> None:
    outcome = asyncio.run(drive(CHAIN, tmp_path, visits=40, rate=rate))

    expected = 40 if rate else 20  # The closed loop was asked for so many operations.
    assert outcome.ends == {("POST /login", ""): expected, ("page", ""): expected}
    logins = [json for first, _, json in outcome.server.asked if first.startswith("POST")]
    assert sorted(logins)[0] == b'{"n":0,"by":"shared"}'
    assert len(set(logins)) == expected
    assert {headers["host"].rpartition(":")[0] for _, headers, _ in outcome.server.asked} == {"127.0.0.1"}
    pages = [headers for first, headers, _ in outcome.server.asked if "/page/t1" in first]
    assert {headers["authorization"] for headers in pages} == {"t1"}
    assert outcome.server.connections <= 4


def test_time_between_requests_belongs_to_none_of_them(tmp_path: Path) -> None:
    text = """
        import asyncio

        async def visit(client):
            await client.get("/a")
            await asyncio.sleep(0.5)
            await client.get("/b")
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=4, rate=100))

    assert outcome.ends == {("GET /a", ""): 4, ("GET /b", ""): 4}
    for kind in ("GET /a", "GET /b"):
        # The pause would be in all of them; what a busy machine adds is not in each.
        assert min(outcome.response_s(kind)) < 0.5
    assert outcome.took_s > 0.5


def test_the_first_request_was_due_when_the_visit_was(tmp_path: Path) -> None:
    text = """
        async def visit(client):
            await client.get("/slow")
            await client.get("/b")
    """
    # One visit at a time, and each is slower than they come: they wait for the lane.
    outcome = asyncio.run(drive(text, tmp_path, visits=6, rate=1000, connections=1, slow_s=0.05))

    assert outcome.ends == {("GET /slow", ""): 6, ("GET /b", ""): 6}
    assert max(outcome.response_s("GET /slow")) > 0.25
    response_s = median(outcome.response_s("GET /slow"))
    assert median(outcome.service_s("GET /slow")) < response_s / 2
    assert median(outcome.response_s("GET /b")) < response_s / 2


def test_checks_statuses_and_expectations_are_counted(tmp_path: Path) -> None:
    text = """
        async def visit(client):
            a = await client.get("/a")
            assert not client.check("never", a.status == 999)
            await client.get("/=404")
            await client.get("/=404", expect=404, name="absent")
            await client.get("/=200", expect=201, name="made")
            await client.get("/b")
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=15, rate=500))

    assert outcome.ends == {
        ("GET /a", "check never"): 15,
        ("GET /=404", "status 404"): 15,
        ("absent", ""): 15,
        ("made", "check status = 201"): 15,
        ("GET /b", ""): 15,
    }


def test_an_exception_is_its_last_requests_error(tmp_path: Path) -> None:
    text = """
        async def visit(client):
            answer = await client.get("/a")
            return answer.headers["nothing"]
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=10, rate=500))

    assert outcome.ends == {("GET /a", "KeyError in line 4"): 10}
    assert outcome.first_exception.count("Traceback") == 1
    assert 'answer.headers["nothing"]' in outcome.first_exception


def test_an_exception_apart_from_requests_is_an_operation_more(tmp_path: Path) -> None:
    text = """
        import asyncio

        async def visit(client):
            if client.visit % 2:
                raise ValueError("odd")
            await client.get("/a")
            await asyncio.sleep(0.01)
            raise OverflowError
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=10, rate=500))

    assert outcome.ends == {
        ("other requests", "ValueError in line 6"): 5,
        ("GET /a", ""): 5,
        ("GET /a", "OverflowError in line 9"): 5,
    }


def test_a_visit_without_requests_is_none(tmp_path: Path) -> None:
    outcome = asyncio.run(drive("async def visit(client):\n    pass\n", tmp_path, visits=5, rate=500))

    assert outcome.ends == {("other requests", "no request"): 5}


def test_a_server_that_hangs_up_is_an_error_that_a_visit_may_survive(tmp_path: Path) -> None:
    text = """
        from hinterland.clients.http import Unanswered

        async def visit(client):
            try:
                await client.get("/hang-up")
            except Unanswered:
                pass
            await client.get("/a")
            await client.get("/hang-up", name="last")
            await client.get("/never")
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=8, rate=200))

    assert outcome.ends == {("GET /hang-up", "closed"): 8, ("GET /a", ""): 8, ("last", "closed"): 8}


def test_an_answer_that_never_comes_ends_at_the_timeout(tmp_path: Path) -> None:
    text = """
        async def visit(client):
            await client.get("/a")
            await client.get("/slow")
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=4, rate=100, slow_s=1.5, timeout_s=0.3))

    assert outcome.ends == {("GET /a", ""): 4, ("GET /slow", "timeout"): 4}


def test_a_visit_that_never_asks_ends_at_the_timeout_too(tmp_path: Path) -> None:
    text = """
        import asyncio

        async def visit(client):
            await asyncio.sleep(60)
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=3, rate=100, timeout_s=0.3))

    assert outcome.ends == {("other requests", "timeout"): 3}


def test_a_server_that_is_not_there_refuses_each_visit(tmp_path: Path) -> None:
    with refused_port() as port:
        outcome = asyncio.run(drive(CHAIN, tmp_path, visits=6, rate=200, port=port))

    assert outcome.ends == {("other requests", "refused"): 6}


def test_a_check_comes_right_behind_its_request(tmp_path: Path) -> None:
    text = """
        import asyncio

        async def visit(client):
            await client.get("/c")
            await asyncio.sleep(0.01)
            client.check("late", False)
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=3, rate=500))

    assert outcome.ends == {("GET /c", ""): 3, ("GET /c", "RuntimeError in line 7"): 3}
    assert "no await between" in outcome.first_exception


def test_requests_side_by_side_are_a_mistake_that_spoils_no_other_visit(
    tmp_path: Path,
) -> None:
    text = """
        import asyncio

        async def visit(client):
            if client.visit == 0:
                await asyncio.gather(client.get("/slow"), client.get("/b"))
            await client.get("/c")
            await client.get("/d")
    """
    outcome = asyncio.run(drive(text, tmp_path, visits=200, rate=1000, connections=1, slow_s=0.05))

    failed = {end: count for end, count in outcome.ends.items() if end[1]}
    assert list(failed.values()) == [1]
    assert next(iter(failed))[1].startswith("RuntimeError")
    assert outcome.ends[("GET /c", "")] == outcome.ends[("GET /d", "")] == 199
    assert "one request at a time" in outcome.first_exception
