"""Recorded trials give the outcome they must; real cuts lose what no id brings back."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_a_witness_tells_the_whole_story() -> None:
    outcome = HERE.recorded.outcome(HERE.recorded.trial("began_anew"))
    story = [each.says for each in outcome.findings[10].witness]
    assert story[0] == "is cut"
    assert "publishes event" in story[1]
    assert story[2] == "is whole again"
    assert "is back, and receives event" in story[3]
    times_ms = [each.t_ms for each in outcome.findings[10].witness]
    assert times_ms == sorted(times_ms)


def test_one_event_that_is_missing_is_found() -> None:
    kept = HERE.recorded.trial("named_its_last_event")
    lost = kept["readings"]["clients"][0]["received"].pop(20)
    [finding] = HERE.recorded.outcome(kept).findings
    assert (finding.kind, finding.key) == ("missed", f"client 1, event {lost[0]}")


def test_a_patient_client_that_gave_up_is_no_evidence() -> None:
    kept = HERE.recorded.trial("waited_for_tcp")
    assert HERE.recorded.broken(kept) == []
    kept["readings"]["clients"][0]["gave_up_ns"] = [1]
    assert HERE.recorded.broken(kept) == ["cut_was_felt"]


def test_a_cut_that_nobody_felt_is_no_evidence() -> None:
    kept = HERE.recorded.trial("began_anew")
    kept["readings"]["clients"][0]["gave_up_ns"] = []
    assert HERE.recorded.broken(kept) == ["cut_was_felt"]


def test_a_client_that_was_not_there_at_the_end_is_no_evidence() -> None:
    kept = HERE.recorded.trial("named_its_last_event")
    kept["readings"]["clients"][0]["received"].pop()
    assert HERE.recorded.broken(kept) == ["there_at_the_end"]


@pytest.mark.system
def test_what_a_cut_costs(one_block: OneBlock) -> None:
    sets: dict[str, Any] = {"variant": ("sse", "websocket"), "clients": (2,)}
    trials = one_block(HERE, **sets)
    seen = {
        tuple(one.treatment[name] for name in ("variant", "resume", "patience_ms")): one for one in trials
    }
    for variant in ("sse", "websocket"):
        lost = seen[variant, "none", 150].outcome.metrics
        assert lost["missed_events"] >= 0.75 * lost["published_in_cut"]
        assert seen[variant, "ids", 150].outcome.findings == ()
        assert seen[variant, "none", 3000].outcome.metrics["missed_events"] == 0, "TCP sent it again"
    assert {each.kind for each in seen["sse", "replay", 150].outcome.findings} == {"came_twice"}
