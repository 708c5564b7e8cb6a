"""Recorded trials give the outcome they must; a real server gains what each improvement's share allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.runner import code
from hinterland.runner.recorded import Recorded, broken

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)
RECORDED = Recorded(FOLDER, CODE.outcome)


def test_an_answer_missing_is_no_evidence() -> None:
    kept = RECORDED.trial("as_it_was")
    kept["loads"]["reports"]["done_us"][3] = None
    assert RECORDED.broken(kept) == ["all_answered"]


def test_too_few_reports_give_no_time() -> None:
    kept = RECORDED.trial("many_at_once")
    sample = kept["loads"]["reports"]
    for name in ("intended_us", "sent_us", "done_us"):
        sample[name] = sample[name][:47]
    assert set(RECORDED.outcome(kept).metrics) == {"computed_ms", "waiting_share"}


@pytest.mark.system
def test_each_improvement_gains_what_its_share_allows(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    require("capability:two_cores")
    trials = run_experiment(EXPERIMENT, RunOptions(blocks=1, store=tmp_path, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
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
