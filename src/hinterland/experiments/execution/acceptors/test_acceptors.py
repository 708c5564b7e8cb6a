"""Recorded trials give the outcome they must; real workers leave their own queue behind, and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import Event, History, Operation
from hinterland.model.levels import treatments
from hinterland.model.verdict import Outcome
from hinterland.runner import code
from hinterland.runner.judge import controlled, sides

FOLDER = Path(__file__).parent
RECORDED = sorted((FOLDER / "histories").glob("*.json"))
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((FOLDER / "histories" / f"{name}.json").read_bytes())
    return found


def outcome(kept: dict[str, Any]) -> Outcome:
    """Returns what a recorded trial comes to."""
    parts = {
        "operations": tuple(Operation(**each) for each in kept["operations"]),
        "events": tuple(Event(**each) for each in kept["events"]),
    }
    return CODE.outcome(History(**{**kept, **parts}))


def broken(found: Outcome) -> list[str]:
    return [each.id for each in found.assumptions if not each.held]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_history(file: Path) -> None:
    kept = recorded(file.stem)
    found, wanted = outcome(kept["history"]), kept["outcome"]
    assert found.metrics == pytest.approx(wanted["metrics"], rel=0.001, abs=0.0001)
    assert broken(found) == wanted["broken"]
    kinds = [finding.kind for finding in found.findings]
    assert {kind: kinds.count(kind) for kind in kinds} == wanted["findings"]
    assert found.tries == wanted["tries"]
    assert all(2 <= len(finding.witness) <= 5 for finding in found.findings)


@pytest.mark.parametrize("claim", EXPERIMENT.claim, ids=lambda claim: claim.id)
def test_the_default_design_runs_both_a_claim_and_its_control(claim: Any) -> None:
    planned = treatments(EXPERIMENT, {})
    form = CODE.claims[claim.id]
    for side in (*sides(form), *sides(controlled(form))):
        assert any(side.items() <= treatment.items() for treatment in planned), side


def test_a_client_whose_answer_never_came_is_left_and_not_cut_off() -> None:
    kept = recorded("nothing_stops")["history"]
    last = next(each for each in kept["operations"] if each["kind"] == "knock")
    last.update(outcome="unknown", done_ns=-1, result=None, error="CancelledError")
    metrics = outcome(kept).metrics
    assert metrics["left_share"] == pytest.approx(1 / 120)
    assert metrics["cut_off"] == metrics["answered_late"] == 0


def test_one_client_more_or_less_than_a_share_is_a_finding() -> None:
    kept = recorded("passed_in_turn")["history"]
    assert [each for each in outcome(kept).findings if each.kind == "another_number"] == []
    looked = next(each["t_ns"] for each in kept["events"] if each["name"] == "looked")
    stuck = next(each for each in kept["operations"] if each["error"])
    stuck.update(outcome="ok", done_ns=looked - 1, result=1, error="")
    [found] = [each for each in outcome(kept).findings if each.kind == "another_number"]
    assert found.says.startswith("29 of 120 clients are left waiting")


def test_a_server_that_leaves_a_visitor_out_in_calm_weather_is_no_evidence() -> None:
    kept = recorded("three_serve_for_four")["history"]
    first = next(each for each in kept["operations"] if each["kind"] == "visit")
    first.update(outcome="unknown", done_ns=-1, result=None, error="timeout")
    assert broken(outcome(kept)) == ["served"]


@pytest.mark.parametrize(
    ("way", "workers", "share"),
    [("one", 4, 1), ("reuseport", 4, 0.25), ("passing", 8, 0.125), ("shared", 4, None)],
)
def test_what_belongs_to_one_worker(way: str, workers: int, share: float | None) -> None:
    kept = recorded("nothing_stops")["history"]
    kept["treatment"] |= {"way": way, "workers": workers}
    assert outcome(kept).metrics.get("computed_left") == share


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], dict[str, float]]:
    """What one real block of the default design came to, by arrangement, wait, stall and program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HINTERLAND_BUSY_CORES", "64")
        options = RunOptions(blocks=1, store=tmp_path_factory.mktemp("runs"), seed=1)
        trials = run_experiment(EXPERIMENT, options).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    assert all(set(broken(one.outcome)) <= {"machine_quiet"} for one in trials)
    keys = ("way", "waits", "stall", "program")
    return {tuple(str(one.treatment[key]) for key in keys): one.outcome.metrics for one in trials}


@pytest.mark.system
def test_who_waits_for_a_worker_that_stopped(
    require: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    require("service:nginx")
    seen = request.getfixturevalue("seen")
    for program in ("python", "nginx"):
        assert seen["shared", "epoll", "paused", program]["left_share"] == 0
        assert 0.1 < seen["reuseport", "epoll", "paused", program]["left_share"] < 0.45
    assert seen["passing", "epoll", "paused", "python"]["left_share"] == 0.25
    assert seen["one", "epoll", "paused", "python"]["left_share"] == 1
    assert all(metrics["left_share"] == 0 for levels, metrics in seen.items() if levels[2] == "none")


@pytest.mark.system
def test_who_is_cut_off_and_who_is_answered_late(
    require: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    require("service:nginx")
    seen = request.getfixturevalue("seen")
    for way in ("one", "reuseport", "passing"):
        stuck = seen[way, "epoll", "paused", "python"]
        assert stuck["cut_off"] == pytest.approx(600 * stuck["left_share"])
    kept = seen["reuseport", "epoll", "paused", "nginx"]
    assert kept["cut_off"] == 0
    assert kept["answered_late"] == pytest.approx(600 * kept["left_share"])


@pytest.mark.system
def test_whom_the_kernel_wakes(require: Callable[[str], None], request: pytest.FixtureRequest) -> None:
    require("service:nginx")
    seen = request.getfixturevalue("seen")
    busiest = {way: seen["shared", way, "none", "python"]["busiest_share"] for way in ("epoll", "accept")}
    assert busiest["epoll"] > 1.3 * busiest["accept"]
