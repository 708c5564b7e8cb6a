"""Recorded trials give the outcome they must; real cuts lose what no id brings back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import Event, History
from hinterland.model.levels import treatments
from hinterland.runner import code
from hinterland.runner.judge import controlled, sides

FOLDER = Path(__file__).parent
RECORDED = sorted((FOLDER / "histories").glob("*.json"))
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((FOLDER / "histories" / f"{name}.json").read_bytes())
    return found


def history(kept: dict[str, Any]) -> History:
    events = msgspec.convert(kept["events"], tuple[Event, ...])
    return History(treatment=kept["treatment"], seed=kept["seed"], readings=kept["readings"], events=events)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_history(file: Path) -> None:
    kept = recorded(file.stem)
    outcome, wanted = CODE.outcome(history(kept["history"])), kept["outcome"]
    assert outcome.metrics == pytest.approx(wanted["metrics"], rel=0.01, abs=0.01)
    assert sorted({each.kind for each in outcome.findings}) == wanted["findings"]
    assert len(outcome.findings) == wanted["count"]
    assert outcome.tries == wanted["tries"]
    assert [each.id for each in outcome.assumptions if not each.held] == wanted["broken"]
    assert all(2 <= len(finding.witness) <= 5 for finding in outcome.findings)


def broken(kept: dict[str, Any]) -> list[str]:
    return [each.id for each in CODE.outcome(history(kept["history"])).assumptions if not each.held]


def test_a_witness_tells_the_whole_story() -> None:
    outcome = CODE.outcome(history(recorded("began_anew")["history"]))
    story = [each.says for each in outcome.findings[10].witness]
    assert story[0] == "is cut"
    assert "publishes event" in story[1]
    assert story[2] == "is whole again"
    assert "is back, and receives event" in story[3]
    times_ms = [each.t_ms for each in outcome.findings[10].witness]
    assert times_ms == sorted(times_ms)


def test_one_event_that_is_missing_is_found() -> None:
    kept = recorded("named_its_last_event")
    lost = kept["history"]["readings"]["clients"][0]["received"].pop(20)
    [finding] = CODE.outcome(history(kept["history"])).findings
    assert (finding.kind, finding.key) == ("missed", f"client 1, event {lost[0]}")


def test_a_patient_client_that_gave_up_is_no_evidence() -> None:
    kept = recorded("waited_for_tcp")
    assert broken(kept) == []
    kept["history"]["readings"]["clients"][0]["gave_up_ns"] = [1]
    assert broken(kept) == ["cut_was_felt"]


def test_a_cut_that_nobody_felt_is_no_evidence() -> None:
    kept = recorded("began_anew")
    kept["history"]["readings"]["clients"][0]["gave_up_ns"] = []
    assert broken(kept) == ["cut_was_felt"]


def test_a_client_that_was_not_there_at_the_end_is_no_evidence() -> None:
    kept = recorded("named_its_last_event")
    kept["history"]["readings"]["clients"][0]["received"].pop()
    assert broken(kept) == ["there_at_the_end"]


@pytest.mark.parametrize("claim", EXPERIMENT.claim, ids=lambda claim: claim.id)
def test_the_default_design_runs_both_a_claim_and_its_control(claim: Any) -> None:
    planned = treatments(EXPERIMENT, {})
    form = CODE.claims[claim.id]
    for side in (*sides(form), *sides(controlled(form))):
        assert any(side.items() <= treatment.items() for treatment in planned), side


@pytest.mark.system
def test_what_a_cut_costs(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in EXPERIMENT.needs:
        require(need)
    sets: dict[str, Any] = {"variant": ("sse", "websocket"), "clients": (2,)}
    trials = run_experiment(EXPERIMENT, RunOptions(set=sets, blocks=1, store=tmp_path, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    seen = {
        tuple(one.treatment[name] for name in ("variant", "resume", "patience_ms")): one for one in trials
    }
    for variant in ("sse", "websocket"):
        lost = seen[variant, "none", 150].outcome.metrics
        assert lost["missed_events"] >= 0.75 * lost["published_in_cut"]
        assert seen[variant, "ids", 150].outcome.findings == ()
        assert seen[variant, "none", 3000].outcome.metrics["missed_events"] == 0, "TCP sent it again"
    assert {each.kind for each in seen["sse", "replay", 150].outcome.findings} == {"came_twice"}
