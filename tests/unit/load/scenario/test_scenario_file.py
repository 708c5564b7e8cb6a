"""Scenario files: what their requests are called, and what is said of one that can't be run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent

import pytest

from hinterland.errors import UsageError
from hinterland.load.plan.plan import Data, LoadPlan, Protocol, Target
from hinterland.load.scenario.file import OTHER, Scenario
from hinterland.load.scenario.requests import ScenarioRequests


def write(folder: Path, text: str, name: str = "scenario.py") -> str:
    file = folder / name
    file.write_text(dedent(text))
    return str(file)


def plan(file: str, protocol: Protocol = "http1", **of: object) -> LoadPlan:
    target = Target(url="", protocol=protocol, host="127.0.0.1", port=8080)
    return LoadPlan(target=target, scenario=file, **of)  # type: ignore[arg-type]


def test_each_place_of_a_request_is_a_kind(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        async def login(someone):
            await someone.post("/login", name="log in", json={})

        async def visit(client):
            await login(client)
            for item in range(3):
                await client.get(f"/items/{item + 1}?x=1")
            await client.request("PUT", "/cart")
            await client.delete(
                "/cart",
            )
            await client.get("/items/{item + 1}?x=1")
            path = {"a": 1}.get("a")
            await client.get(path)
            await client.head(path="/")
        """,
    )
    scenario = Scenario(file)

    assert scenario.kinds == (
        "log in",
        "GET /items/{item + 1}?x=1",
        "PUT /cart",
        "DELETE /cart",
        "GET {path}",
        "HEAD /",
        OTHER,
    )
    assert scenario.kind_of(file, 3) == 0
    assert scenario.kind_of(file, 8) == scenario.kind_of(file, 13) == 1
    assert scenario.kind_of(file, 4) == scenario.kind_of("other.py", 3) == len(scenario.kinds) - 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("async def visit(client:\n    pass\n", r"scenario\.py:1: "),
        ("x = 1\n\ndef f(:\n", r"scenario\.py:3: "),
        ("x = 1\n", r"scenario\.py has no visit"),
        ("x = 1\ndef visit(client):\n    pass\n", r"scenario\.py:2: visit is not an async function"),
        ("visit = 3\n", r"scenario\.py:1: visit is not an async function"),
        ("async def visit():\n    pass\n", r"scenario\.py:1: visit can't be called with a client"),
        ("async def visit(client, more):\n    pass\n", r"scenario\.py:1: visit can't be called"),
        ("import json\n\njson.nothing()\n", r"scenario\.py:3: the file itself: AttributeError: "),
        ("import no_such_module_here\n", r"scenario\.py:1: the file itself: ModuleNotFoundError: "),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path, text)

    with pytest.raises(UsageError, match=says) as told:
        ScenarioRequests(plan(file))
    assert told.value.next_step


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        Scenario(str(tmp_path / "none.py"))
    (tmp_path / "binary.py").write_bytes(b"\xff\0")
    with pytest.raises(UsageError, match="can't be read"):
        Scenario(str(tmp_path / "binary.py"))


def test_a_scenario_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "WORD = 'beside'\n", "scenario_words_beside.py")
    file = write(
        tmp_path, "from scenario_words_beside import WORD\nasync def visit(client):\n    return WORD\n"
    )

    assert asyncio.run(Scenario(file).visit(None)) == "beside"  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["def", "async def"])
def test_setup_runs_once_and_its_result_is_shared(tmp_path: Path, how: str) -> None:
    file = write(
        tmp_path,
        f"""
        runs = []
        {how} setup():
            runs.append(1)
            return runs
        async def visit(client):
            pass
        """,
    )

    async def ready() -> object:
        scenario = Scenario(file)
        await asyncio.gather(*(scenario.make_ready() for _ in range(5)))
        await scenario.make_ready()
        return scenario.shared

    assert asyncio.run(ready()) == [1]


def test_a_setup_that_fails_is_the_persons_to_mend(tmp_path: Path) -> None:
    file = write(
        tmp_path, "async def visit(client):\n    pass\ndef setup():\n    x = {}\n    return x['a']\n"
    )

    with pytest.raises(UsageError, match=r"scenario\.py:5: setup\(\): KeyError: 'a'"):
        asyncio.run(Scenario(file).make_ready())


def test_the_first_exception_is_kept_from_the_file_on(tmp_path: Path) -> None:
    file = write(tmp_path, "async def visit(client):\n    return client['a']\n")
    scenario = Scenario(file)
    counted = []
    for visitor in ({"b": 1}, None):
        try:
            asyncio.run(scenario.visit(visitor))  # type: ignore[arg-type]
        except Exception as failure:
            counted.append(scenario.explain(failure))

    assert counted == ["KeyError in line 2", "TypeError in line 2"]
    shown = scenario.first_exception
    assert shown.count("Traceback") == shown.count("  File ") == 1
    assert "return client['a']" in shown
    assert shown.endswith("KeyError: 'a'\n")


def test_only_http1_has_scenarios(tmp_path: Path) -> None:
    file = write(tmp_path, "async def visit(client):\n    pass\n")

    with pytest.raises(UsageError, match=r"a scenario speaks HTTP/1\.1"):
        ScenarioRequests(plan(file, protocol="http2"))


def test_a_visit_has_its_row(tmp_path: Path) -> None:
    file = write(tmp_path, "async def visit(client):\n    pass\n")
    (tmp_path / "a.csv").write_text("user,n\nann,1\nbob,2\n")

    in_turn = ScenarioRequests(plan(file, data=Data(rows=str(tmp_path / "a.csv"))))
    assert [in_turn.row(visit)["user"] for visit in range(3)] == ["ann", "bob", "ann"]
    drawn = [
        ScenarioRequests(plan(file, data=Data(rows=str(tmp_path / "a.csv"), order="random")), processes=each)
        for each in (1, 3)
    ]
    rows = [[one.row(visit)["user"] for visit in range(40)] for one in drawn]
    assert rows[0] == rows[1]
    assert set(rows[0]) == {"ann", "bob"}
    assert ScenarioRequests(plan(file)).row(5) == {}
