"""Recorded trials give the outcome they must; of real servers those that block hold everybody up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.experiment import Level
from hinterland.model.verdict import TrialResult
from hinterland.runner import code
from hinterland.runner.recorded import Recorded, broken

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)
RECORDED = Recorded(FOLDER, CODE.outcome)


def test_one_answer_during_a_blocking_call_is_found() -> None:
    kept = RECORDED.trial("everybody_waits")
    (start_ns, end_ns) = kept["readings"]["calls_ns"][0]
    quick = kept["loads"]["quick"]
    place = next(n for n, due_us in enumerate(quick["intended_us"]) if due_us * 1000 > start_ns)
    quick["done_us"][place] = end_ns // 1000 - 1
    [finding] = [each for each in RECORDED.outcome(kept).findings if each.kind == "overtook"]
    assert finding.says == "a visitor who came during the report was answered before its end"
    assert [event.actor for event in finding.witness] == ["neighbour", "visitor", "visitor", "neighbour"]
    assert [event.t_ms for event in finding.witness] == sorted(event.t_ms for event in finding.witness)


def test_one_visitor_held_up_is_found() -> None:
    kept = RECORDED.trial("nobody_waits")
    (start_ns, end_ns) = kept["readings"]["calls_ns"][0]
    quick = kept["loads"]["quick"]
    place = next(n for n, due_us in enumerate(quick["intended_us"]) if due_us * 1000 > start_ns)
    quick["done_us"][place] = end_ns // 1000 + 1
    [finding] = [each for each in RECORDED.outcome(kept).findings if each.kind == "held_up"]
    assert finding.says == "a visitor who came during the report was answered only after its end"
    assert finding.witness[-1].actor == "visitor"


def test_a_call_that_was_not_made_or_met_nobody_is_no_evidence() -> None:
    kept = RECORDED.trial("nobody_waits")
    kept["readings"]["calls_ns"] = []
    found = RECORDED.outcome(kept)
    assert broken(found) == ["calls_made", "somebody_came"]
    assert found.tries == {}
    kept = RECORDED.trial("nobody_waits")
    start_ns, _ = kept["readings"]["calls_ns"][0]
    kept["readings"]["calls_ns"] = [[start_ns, start_ns + 1000]]
    assert RECORDED.broken(kept) == ["somebody_came"]


def test_a_visitor_who_was_never_answered_is_no_evidence() -> None:
    kept = RECORDED.trial("nobody_waits")
    kept["loads"]["quick"]["done_us"][-1] = None
    found = RECORDED.outcome(kept)
    assert broken(found) == ["all_answered"]
    assert found.metrics["slowest_ms"] == 5000


def test_the_blocking_way_says_so() -> None:
    for program in ("server.py", "server.js"):
        assert "wrong on purpose" in (FOLDER / "systems" / program).read_text()


def run(store: Path, **levels: tuple[Level, ...]) -> dict[tuple[Any, ...], TrialResult]:
    """Returns a real trial of each treatment."""
    trials = run_experiment(EXPERIMENT, RunOptions(set=levels, blocks=1, store=store, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    for one in trials:
        assert set(broken(one.outcome)) <= {"machine_quiet", "on_schedule"}, one.outcome.assumptions
    return {(one.treatment["variant"], one.treatment["runtime"]): one for one in trials}


@pytest.mark.system
def test_blocking_holds_everybody_up_and_the_other_ways_nobody(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in ("python:starlette", "python:uvicorn", "program:node"):
        require(need)
    trials = run(tmp_path, runtime=("python", "node"), calls=(1,))
    trials |= run(tmp_path, runtime=("node",), variant=("to_thread",), calls=(1,))
    assert len(trials) == 6
    for (variant, runtime), one in trials.items():
        found = one.outcome
        overtook = sum(finding.kind == "overtook" for finding in found.findings)
        if variant == "blocking":
            assert overtook == 0, runtime
            assert found.metrics["waited_share"] == 1
            assert found.metrics["slowest_ms"] > 150
        else:
            assert overtook > found.tries["overtook"] / 2, (variant, runtime)
            assert found.metrics["waited_share"] < 0.5
        assert found.metrics["reports_ms"] >= 200


@pytest.mark.system
def test_the_pool_of_threads_runs_out_and_await_does_not(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in ("python:starlette", "python:uvicorn"):
        require(need)
    trials = run(tmp_path, runtime=("python",), variant=("to_thread", "async"), calls=(40,))
    assert trials["to_thread", "python"].outcome.metrics["reports_ms"] >= 400, "at most 32 threads"
    assert trials["async", "python"].outcome.metrics["reports_ms"] >= 200
