"""Recorded trials give the outcome they must; a real server gains what each improvement's share allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import UNFINISHED, History, LoadSample
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
    loads = {name: load(sample) for name, sample in kept["loads"].items()}
    return CODE.outcome(
        History(treatment=kept["treatment"], seed=kept["seed"], readings=kept["readings"], loads=loads)
    )


def load(kept: dict[str, Any]) -> LoadSample:
    """Returns a recorded load; times were kept in whole microseconds, null where there was none."""
    times: dict[str, Any] = {
        f"{name}_ns": np.array([UNFINISHED if t is None else t * 1000 for t in kept[f"{name}_us"]], np.int64)
        for name in ("intended", "sent", "done")
    }
    count = len(kept["error"])
    return LoadSample(
        **times,
        status=np.zeros(count, np.int16),
        error=np.array(kept["error"], np.int8),
        connection=np.zeros(count, np.int32),
        start_ns=kept["start_us"] * 1000,
        end_ns=kept["end_us"] * 1000,
        loop=kept["loop"],
        errors=tuple(kept["errors"]),
    )


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


def test_an_answer_missing_is_no_evidence() -> None:
    kept = recorded("as_it_was")["history"]
    kept["loads"]["reports"]["done_us"][3] = None
    assert broken(outcome(kept)) == ["all_answered"]


def test_too_few_reports_give_no_time() -> None:
    kept = recorded("many_at_once")["history"]
    sample = kept["loads"]["reports"]
    for name in ("intended_us", "sent_us", "done_us", "error"):
        sample[name] = sample[name][:47]
    assert set(outcome(kept).metrics) == {"computed_ms", "waiting_share"}


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
