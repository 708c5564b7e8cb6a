"""Recorded trials give the outcome they must; of real servers those that block hold everybody up."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.lab import Level
from hinterland.lab.testing import OneBlock, TrialResult, broken, experiment_of

HERE = experiment_of(__file__)


def test_one_answer_during_a_blocking_call_is_found() -> None:
    kept = HERE.recorded.trial("everybody_waits")
    (start_ns, end_ns) = kept["readings"]["calls_ns"][0]
    quick = kept["loads"]["quick"]
    place = next(n for n, due_us in enumerate(quick["intended_us"]) if due_us * 1000 > start_ns)
    quick["done_us"][place] = end_ns // 1000 - 1
    [finding] = [each for each in HERE.recorded.outcome(kept).findings if each.kind == "overtook"]
    assert finding.says == "a visitor who came during the report was answered before its end"
    assert [event.actor for event in finding.witness] == ["neighbour", "visitor", "visitor", "neighbour"]
    assert [event.t_ms for event in finding.witness] == sorted(event.t_ms for event in finding.witness)


def test_one_visitor_held_up_is_found() -> None:
    kept = HERE.recorded.trial("nobody_waits")
    (start_ns, end_ns) = kept["readings"]["calls_ns"][0]
    quick = kept["loads"]["quick"]
    place = next(n for n, due_us in enumerate(quick["intended_us"]) if due_us * 1000 > start_ns)
    quick["done_us"][place] = end_ns // 1000 + 1
    [finding] = [each for each in HERE.recorded.outcome(kept).findings if each.kind == "held_up"]
    assert finding.says == "a visitor who came during the report was answered only after its end"
    assert finding.witness[-1].actor == "visitor"


def test_a_call_that_was_not_made_or_met_nobody_is_no_evidence() -> None:
    kept = HERE.recorded.trial("nobody_waits")
    kept["readings"]["calls_ns"] = []
    found = HERE.recorded.outcome(kept)
    assert broken(found) == ["calls_made", "somebody_came"]
    assert found.tries == {}
    kept = HERE.recorded.trial("nobody_waits")
    start_ns, _ = kept["readings"]["calls_ns"][0]
    kept["readings"]["calls_ns"] = [[start_ns, start_ns + 1000]]
    assert HERE.recorded.broken(kept) == ["somebody_came"]


def test_a_visitor_who_was_never_answered_is_no_evidence() -> None:
    kept = HERE.recorded.trial("nobody_waits")
    kept["loads"]["quick"]["done_us"][-1] = None
    found = HERE.recorded.outcome(kept)
    assert broken(found) == ["all_answered"]
    assert found.metrics["slowest_ms"] == 5000


def test_the_blocking_way_says_so() -> None:
    for program in ("server.py", "server.js"):
        assert "wrong on purpose" in (HERE.folder / "systems" / program).read_text()


def run(one_block: OneBlock, **levels: tuple[Level, ...]) -> dict[tuple[Any, ...], TrialResult]:
    """Returns a real trial of each treatment."""
    needs = ["program:node"] if "node" in levels["runtime"] else []
    trials = one_block(HERE, *needs, **levels)
    for one in trials:
        assert set(broken(one.outcome)) <= {"machine_quiet", "on_schedule"}, one.outcome.assumptions
    return {(one.treatment["variant"], one.treatment["runtime"]): one for one in trials}


@pytest.mark.system
def test_blocking_holds_everybody_up_and_the_other_ways_nobody(one_block: OneBlock) -> None:
    trials = run(one_block, runtime=("python", "node"), calls=(1,))
    trials |= run(one_block, runtime=("node",), variant=("to_thread",), calls=(1,))
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
def test_the_pool_of_threads_runs_out_and_await_does_not(one_block: OneBlock) -> None:
    trials = run(one_block, runtime=("python",), variant=("to_thread", "async"), calls=(40,))
    assert trials["to_thread", "python"].outcome.metrics["reports_ms"] >= 400, "at most 32 threads"
    assert trials["async", "python"].outcome.metrics["reports_ms"] >= 200
