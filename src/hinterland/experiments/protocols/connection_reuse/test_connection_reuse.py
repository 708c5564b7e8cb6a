"""Recorded requests are counted as they must be; real ones pay for a new connection, not for a kept one."""

from __future__ import annotations

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_nothing_answered_is_no_evidence() -> None:
    recorded = HERE.recorded.trial("one_unanswered")
    for each in recorded["operations"]:
        each.update(done_us=None, outcome="unknown")
    outcome = HERE.recorded.outcome(recorded)
    assert not outcome.metrics
    assert [each.held for each in outcome.assumptions] == [False]


@pytest.mark.parametrize("name", ["kept", "anew_each_time", "eight_share_one", "eight_from_a_pool"])
def test_a_stall_changes_no_count(name: str) -> None:
    recorded = HERE.recorded.trial(name)
    quiet = HERE.recorded.outcome(recorded).metrics
    asked = recorded["operations"]
    # The last to be answered, and whoever shares their moment, come 90 ms later.
    last_ns = max(each["done_ns"] for each in asked)
    for each in asked:
        each["done_ns"] += 90_000_000 * (each["done_ns"] > last_ns - 30_000_000)
    outcome = HERE.recorded.outcome(recorded)
    assert outcome.findings == ()
    assert outcome.metrics["round_trips"] - quiet["round_trips"] < 0.15
    if (
        name != "eight_from_a_pool"
    ):  # Its sixteen answers are two rows of eight: one stretch, and that is spoilt.
        assert outcome.metrics["requests_per_s"] == pytest.approx(quiet["requests_per_s"], rel=0.15)


@pytest.mark.parametrize(("added_ms", "convicts"), [(-40, True), (-1, False), (30, False), (50, True)])
def test_time_that_is_no_whole_round_trip_is_none(added_ms: int, convicts: bool) -> None:
    recorded = HERE.recorded.trial("anew_each_time")
    for each in recorded["operations"]:
        each["done_ns"] += added_ms * 1_000_000
    assert bool(HERE.recorded.outcome(recorded).findings) == convicts


@pytest.mark.system
def test_a_kept_connection_is_opened_once_and_used_for_all(
    one_block: OneBlock,
) -> None:
    optional = (need.removesuffix("?") for need in HERE.experiment.needs)
    trials = one_block(HERE, *optional)
    # What a busy machine may break; a trial that it disturbed counts no round trips, and the rest must stand.
    busy = {"link_as_asked", "link_on_time", "requests_agree", "machine_quiet"}
    for one in trials:
        levels, outcome = one.treatment, one.outcome
        assert {each.id for each in outcome.assumptions if not each.held} <= busy, outcome
        kept = levels["reuse"] != "each_time" and levels["server_keeps"] == "yes"
        assert outcome.metrics["connections_per_request"] == (0 if kept else 1), one
        # An empty answer over TLS takes a packet each way; a new connection many more.
        assert (outcome.metrics["wire_packets"] <= 4) == kept, one
        deceived = levels["reuse"] == "keep_alive" and levels["server_keeps"] == "no"
        if not one.disturbed:
            assert bool(outcome.findings) == deceived, one
        if levels["rtt_ms"]:
            # Added time can only add: nobody is sooner than that, on any machine.
            least = 3 if deceived else outcome.metrics["expected_round_trips"]
            assert outcome.metrics["round_trips"] > least - 0.05
