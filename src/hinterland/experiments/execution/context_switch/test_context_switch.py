"""Recorded trials give the outcome they must; real parties switch as often as they hand over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import History
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
    return CODE.outcome(History(**kept))


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


def test_a_switch_is_what_is_left_of_a_turn_batch_by_batch() -> None:
    kept = recorded("threads_in_c")["history"]
    kept["readings"]["ring"] |= {"turn_ns": [9000, 5000, 4000], "alone_ns": [6000, 1000, 2000]}
    metrics = outcome(kept).metrics
    assert (metrics["turn_us"], metrics["work_us"], metrics["switch_us"]) == (5, 2, 3)


def test_what_can_not_be_told_from_nothing_is_not_negative() -> None:
    kept = recorded("generators")["history"]
    kept["readings"]["ring"] |= {"turn_ns": [100, 100], "alone_ns": [150, 120]}
    assert outcome(kept).metrics["switch_us"] == 0.001


def test_a_token_that_hardly_went_round_is_no_evidence() -> None:
    kept = recorded("cold_coroutines")["history"]
    kept["readings"]["ring"]["turns"] = 32
    assert broken(outcome(kept)) == ["went_round"]


def run(store: Path, **levels: tuple[Any, ...]) -> dict[tuple[Any, ...], dict[str, float]]:
    """Returns the metrics of one real block, by who, whose memory and how much of it."""
    trials = run_experiment(EXPERIMENT, RunOptions(set=levels, blocks=1, store=store, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    for one in trials:
        assert set(broken(one.outcome)) <= {"machine_quiet"}, one.outcome.assumptions
    keys = ("who", "whose", "memory_kib")
    return {tuple(one.treatment[key] for key in keys): one.outcome.metrics for one in trials}


def check(seen: dict[tuple[Any, ...], dict[str, float]]) -> None:
    """What must be so in either language."""
    for who in ("threads", "processes"):
        assert 0.7 < seen[who, "own", 1]["kernel_switches"] < 1.5, who
        assert seen[who, "own", 1]["turn_us"] > 1.5 * seen["coroutines", "own", 1]["turn_us"], who
    assert seen["coroutines", "own", 1]["kernel_switches"] < 0.05
    assert seen["coroutines", "own", 256]["turn_us"] > 10 * seen["coroutines", "own", 1]["turn_us"]


@pytest.mark.system
def test_a_ring_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    seen = run(tmp_path, language=("python",))
    check(seen)
    assert seen["event_loop", "own", 1]["kernel_switches"] < 0.1
    assert seen["event_loop", "own", 1]["turn_us"] > seen["coroutines", "own", 1]["turn_us"]


@pytest.mark.system
def test_a_ring_in_c(require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    require("program:gcc")
    seen = run(tmp_path, language=("c",))
    check(seen)
    assert seen["coroutines", "own", 256]["turn_us"] > 1.1 * seen["coroutines", "shared", 256]["turn_us"]


@pytest.mark.system
@pytest.mark.parametrize("language", ["python", "c"])
def test_programs_that_ask_for_nonsense_say_so(
    language: str, require: Callable[[str], None], tmp_path: Path
) -> None:
    program = [sys.executable, str(FOLDER / "systems" / "ring.py")]
    if language == "c":
        require("program:gcc")
        program = [str(tmp_path / "ring")]
        source = str(FOLDER / "systems" / "ring.c")
        warnings = subprocess.run(
            ["gcc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", *program, source],
            capture_output=True,
            text=True,
            check=True,
        )
        assert warnings.stderr == ""
    done = subprocess.run([*program, "threads"], capture_output=True, check=False, timeout=20)
    assert done.returncode != 0
    assert b"ready" not in done.stdout
