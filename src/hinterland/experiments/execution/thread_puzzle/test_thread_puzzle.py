"""Recorded trials give the outcome they must; real servers overlap waiting, and compute on their cores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.experiment import Level
from hinterland.model.history import UNFINISHED, History, LoadSample
from hinterland.model.levels import treatments
from hinterland.model.verdict import Outcome, TrialResult
from hinterland.rig.needs import check
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


def test_a_trial_under_another_lock_than_meant_is_no_evidence() -> None:
    kept = recorded("one_lock_one_core")["history"]
    kept["readings"]["build"]["lock"] = False
    assert broken(outcome(kept)) == ["lock_as_meant"]
    kept["treatment"]["variant"] = "free_threads"
    assert broken(outcome(kept)) == []


def test_a_trial_on_other_cores_or_with_an_answer_missing_is_no_evidence() -> None:
    kept = recorded("four_locks_two_cores")["history"]
    kept["readings"]["build"]["cores"] = 1
    assert broken(outcome(kept)) == ["cores_as_asked"]
    kept = recorded("four_locks_two_cores")["history"]
    kept["loads"]["requests"]["done_us"][-1] = None
    assert broken(outcome(kept)) == ["all_answered"]


def test_the_weak_server_says_so() -> None:
    assert "Weak on purpose" in (FOLDER / "systems" / "one_by_one.py").read_text()


def run(store: Path, **levels: tuple[Level, ...]) -> dict[tuple[Any, ...], TrialResult]:
    """Returns a real trial of each treatment."""
    trials = run_experiment(EXPERIMENT, RunOptions(set=levels, blocks=1, store=store, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    for one in trials:
        assert set(one.outcome.metrics) == set(EXPERIMENT.metric)
        assert set(broken(one.outcome)) <= {"machine_quiet"}, one.outcome.assumptions
    keys = ("variant", "computing_share", "cores")
    return {tuple(one.treatment[key] for key in keys): one for one in trials}


@pytest.mark.system
def test_whoever_waits_for_four_at_once_answers_more_and_the_lock_keeps_to_one_core(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    require("capability:two_cores")
    variants = ("one_by_one", "threads", "processes", "event_loop")
    seen = {key: one.outcome.metrics for key, one in run(tmp_path, variant=variants).items()}
    alone = seen["one_by_one", 0, 2]["rate_per_s"]
    for variant in variants[1:]:
        assert seen[variant, 0, 2]["rate_per_s"] > 2 * alone, variant
    for variant in ("one_by_one", "threads", "event_loop"):
        assert seen[variant, 1, 2]["cores_busy"] < 1.15, variant
    assert seen["processes", 1, 1]["cores_busy"] < 1.15


@pytest.mark.system
def test_without_the_lock_threads_compute_on_two_cores(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    require("capability:two_cores")
    if not check("capability:free_threaded_python").available:
        pytest.skip("no free-threaded Python is here, and no distribution's package brings one everywhere")
    trials = run(tmp_path, variant=("free_threads", "free_threads_locked"))
    assert trials["free_threads_locked", 1, 2].outcome.metrics["cores_busy"] < 1.15
    assert trials["free_threads", 1, 1].outcome.metrics["cores_busy"] < 1.15
    assert trials["free_threads", 1, 2].outcome.metrics["cores_busy"] > 0
