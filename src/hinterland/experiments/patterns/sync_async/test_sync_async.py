"""Recorded trials give the outcome they must; real ones show who waits, who polls and who is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.runner import code
from hinterland.runner.recorded import Recorded

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)
RECORDED = Recorded(FOLDER, CODE.outcome)


def test_work_that_was_not_done_is_no_evidence() -> None:
    kept = RECORDED.trial("polled")
    first = next(iter(kept["readings"]["report"]["jobs"]))
    kept["readings"]["report"]["jobs"][first] = 0
    [all_done] = RECORDED.outcome(kept).assumptions
    assert not all_done.held


def test_a_poll_without_an_answer_is_asked_again_and_counts() -> None:
    kept = RECORDED.trial("polled")
    place = next(n for n, one in enumerate(kept["operations"]) if one["kind"] == "poll")
    unanswered = {**kept["operations"][place], "outcome": "unknown", "error": "timeout", "done_ns": -1}
    before = RECORDED.outcome(kept).metrics
    kept["operations"].insert(place, {name: value for name, value in unanswered.items() if name != "result"})
    after = RECORDED.outcome(kept)
    assert not after.findings
    orders = sum(one["kind"] == "order" for one in kept["operations"])
    assert after.metrics["requests"] == pytest.approx(before["requests"] + 1 / orders)


def test_who_gave_up_waited_for_all_its_patience() -> None:
    outcome = RECORDED.outcome(RECORDED.trial("waited_in_a_burst"))
    assert outcome.metrics["first_answer_ms"] > 150
    assert outcome.metrics["gave_up"] == outcome.metrics["wasted"] > 0
    assert "result_ms" not in outcome.metrics, "a median of those who stayed would flatter"


@pytest.mark.system
def test_a_burst_is_outlasted_with_tickets_and_what_is_there_is_given_at_once(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    trials = run_experiment(EXPERIMENT, RunOptions(blocks=1, store=tmp_path, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held} - {"machine_quiet"}
        assert not broken, one.outcome.assumptions
    seen = {
        (one.treatment["variant"], one.treatment["clients"], one.treatment["work_ms"]): one.outcome.metrics
        for one in trials
    }
    waiting, polling, called = (seen[way, 60, 60] for way in ("synchronous", "polling", "callback"))
    assert waiting["gave_up"] == waiting["wasted"] > 20
    assert polling["gave_up"] == called["gave_up"] == 0
    assert waiting["held"] > 5 * max(polling["held"], called["held"])
    assert waiting["first_answer_ms"] > 2 * polling["first_answer_ms"]
    assert (waiting["requests"], called["requests"]) == (1, 2)
    assert polling["requests"] > 3
    assert 25 < polling["heard_after_ms"] < 100
    assert called["heard_after_ms"] < polling["heard_after_ms"] / 2
    assert seen["polling", 1, 0]["result_ms"] > 5 * seen["synchronous", 1, 0]["result_ms"]
