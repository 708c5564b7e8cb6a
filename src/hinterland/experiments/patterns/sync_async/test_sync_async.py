"""Recorded trials give the outcome they must; real ones show who waits, who polls and who is called."""

from __future__ import annotations

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_work_that_was_not_done_is_no_evidence() -> None:
    kept = HERE.recorded.trial("polled")
    first = next(iter(kept["readings"]["report"]["jobs"]))
    kept["readings"]["report"]["jobs"][first] = 0
    [all_done] = HERE.recorded.outcome(kept).assumptions
    assert not all_done.held


def test_a_poll_without_an_answer_is_asked_again_and_counts() -> None:
    kept = HERE.recorded.trial("polled")
    place = next(n for n, one in enumerate(kept["operations"]) if one["kind"] == "poll")
    unanswered = {**kept["operations"][place], "outcome": "unknown", "error": "timeout", "done_ns": -1}
    before = HERE.recorded.outcome(kept).metrics
    kept["operations"].insert(place, {name: value for name, value in unanswered.items() if name != "result"})
    after = HERE.recorded.outcome(kept)
    assert not after.findings
    orders = sum(one["kind"] == "order" for one in kept["operations"])
    assert after.metrics["requests"] == pytest.approx(before["requests"] + 1 / orders)


def test_who_gave_up_waited_for_all_its_patience() -> None:
    outcome = HERE.recorded.outcome(HERE.recorded.trial("waited_in_a_burst"))
    assert outcome.metrics["first_answer_ms"] > 150
    assert outcome.metrics["gave_up"] == outcome.metrics["wasted"] > 0
    assert "result_ms" not in outcome.metrics, "a median of those who stayed would flatter"


@pytest.mark.system
def test_a_burst_is_outlasted_with_tickets_and_what_is_there_is_given_at_once(one_block: OneBlock) -> None:
    trials = one_block(HERE)
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
