"""Recorded trials give the outcome they must; a real server gains what each improvement's share allows."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, broken, experiment_of

HERE = experiment_of(__file__)


def test_an_answer_missing_is_no_evidence() -> None:
    kept = HERE.recorded.trial("as_it_was")
    kept["loads"]["reports"]["done_us"][3] = None
    assert HERE.recorded.broken(kept) == ["all_answered"]


def test_too_few_reports_give_no_time() -> None:
    kept = HERE.recorded.trial("many_at_once")
    sample = kept["loads"]["reports"]
    for name in ("intended_us", "sent_us", "done_us"):
        sample[name] = sample[name][:47]
    assert set(HERE.recorded.outcome(kept).metrics) == {"computed_ms", "waiting_share"}


@pytest.mark.system
def test_each_improvement_gains_what_its_share_allows(one_block: OneBlock) -> None:
    trials = one_block(HERE, "capability:two_cores")
    seen: dict[tuple[Any, ...], dict[str, float]] = {}
    for one in trials:
        assert set(broken(one.outcome)) <= {"machine_quiet"}, one.outcome.assumptions
        levels = one.treatment
        seen[levels["change"], levels["workers"], levels["wait_share"]] = one.outcome.metrics
    plain = seen["none", 1, 0.9]
    assert plain["report_ms"] >= 9.9
    assert seen["half_cpu", 1, 0.9]["report_ms"] >= 9.4
    assert 5.4 <= seen["half_wait", 1, 0.9]["report_ms"] < plain["report_ms"]
    assert seen["none", 24, 0.9]["rate_per_s"] > 2 * plain["rate_per_s"]
    assert 0.5 < plain["waiting_share"] < 0.95
    for change in ("none", "half_wait"):
        assert seen[change, 1, 0]["report_ms"] >= 9.9
        assert seen[change, 1, 0]["waiting_share"] < 0.1
    assert seen["half_cpu", 1, 0]["report_ms"] >= 4.9
