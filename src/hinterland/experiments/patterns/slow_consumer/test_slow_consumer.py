"""Recorded trials give the outcome they must; real servers do with a slow reader what their policy says."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_a_gap_in_the_middle_and_one_at_the_end_are_found() -> None:
    kept = HERE.recorded.trial("kept_it_all")
    last = kept["readings"]["last"][0]
    assert HERE.recorded.outcome(kept).findings == ()
    gone = last["read"].pop(7)[0]
    last["left"] = last["left"][:-3]
    outcome = HERE.recorded.outcome(kept)
    assert [each.kind for each in outcome.findings] == ["gap"] * 4
    assert [each.key for each in outcome.findings][::3] == [
        f"the last, message {gone}",
        "the last, message 320",
    ]
    assert outcome.metrics["slow_missed"] == 4
    assert f"reads message {gone - 1}" in [each.says for each in outcome.findings[0].witness]
    assert "not on its way" in outcome.findings[1].witness[-1].says


def test_who_was_cut_off_has_no_gap_at_the_end() -> None:
    kept = HERE.recorded.trial("cut_the_slow")
    assert {each.kind for each in HERE.recorded.outcome(kept).findings} == {"cut_off"}
    kept["readings"]["last"][0]["cut_ns"] = 0
    assert {each.kind for each in HERE.recorded.outcome(kept).findings} == {"gap"}


def test_what_never_came_counts_with_its_age() -> None:
    late_ms = HERE.recorded.outcome(HERE.recorded.trial("waited_for_the_slow")).metrics["fast_late_ms"]
    assert late_ms > 300
    kept = HERE.recorded.trial("kept_it_all")
    feed, [fast] = kept["readings"]["feed"], kept["readings"]["fast"]
    due_ns = [int(feed["start_ns"] + n * feed["every_s"] * 1e9) for n in range(1, feed["count"] + 1)]
    fast["read"] = [[n, t_ns + 1_000_000] for n, t_ns in enumerate(due_ns, 1)]
    assert HERE.recorded.outcome(kept).metrics["fast_late_ms"] == pytest.approx(1)


def test_a_feed_that_did_not_go_on_is_no_evidence() -> None:
    kept = HERE.recorded.trial("dropped_the_oldest")
    fast = kept["readings"]["fast"][0]
    fast["read"] = fast["read"][:100]
    last = kept["readings"]["last"][0]
    last["read"] = [pair for pair in last["read"] if pair[0] <= 100]
    assert [each.held for each in HERE.recorded.outcome(kept).assumptions] == [False]


@pytest.mark.system
def test_every_policy_makes_somebody_pay(one_block: OneBlock) -> None:
    sets: dict[str, Any] = {"reader": ("slow",), "fast": (2,)}
    trials = one_block(HERE, **sets)
    seen = {one.treatment["variant"]: one.outcome for one in trials}
    kinds = {name: {each.kind for each in outcome.findings} for name, outcome in seen.items()}
    assert kinds == {
        "unbounded": set(),
        "block": set(),
        "drop_oldest": {"gap"},
        "disconnect": {"cut_off"},
        "nats": {"cut_off", "sender_stalled"},
        "nats_no_stall": {"gap"},
    }
    growth = {name: outcome.metrics["growth_mib"] for name, outcome in seen.items()}
    assert growth["unbounded"] > 2 * max(growth[each] for each in ("block", "drop_oldest", "disconnect"))
    assert seen["block"].metrics["fast_read"] < 3 * seen["block"].metrics["slow_read"]
    assert seen["drop_oldest"].metrics["slow_missed"] > 100


@pytest.mark.system
def test_everybody_who_keeps_up_gets_everything(one_block: OneBlock) -> None:
    sets: dict[str, Any] = {"reader": ("keeps_up",), "fast": (2,)}
    trials = one_block(HERE, **sets)
    # A queue of 16 messages can't tell a slow reader from one that a busy machine holds up for 32 ms.
    patient = [one for one in trials if one.treatment["variant"] not in ("drop_oldest", "disconnect")]
    assert [one.outcome.findings for one in patient] == [()] * 4
