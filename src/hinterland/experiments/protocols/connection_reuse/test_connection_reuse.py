"""Recorded requests are counted as they must be; real ones pay for a new connection, not for a kept one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import UNFINISHED, History, Operation
from hinterland.model.levels import treatments
from hinterland.runner import code
from hinterland.runner.judge import controlled, sides

FOLDER = Path(__file__).parent
RECORDED = sorted((FOLDER / "histories").glob("*.json"))
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)


def history(recorded: dict[str, Any]) -> History:
    """Returns a recorded trial; times were kept in whole microseconds, null where there was none."""
    operations = tuple(
        Operation(
            kind=each["kind"],
            key="",
            client=each["client"],
            intended_ns=each["sent_us"] * 1000,
            sent_ns=each["sent_us"] * 1000,
            done_ns=UNFINISHED if each["done_us"] is None else each["done_us"] * 1000,
            outcome=each["outcome"],
            error=each["error"],
        )
        for each in recorded["operations"]
    )
    parts = {name: recorded[name] for name in ("treatment", "seed", "readings")}
    return History(**parts, operations=operations)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_history(file: Path) -> None:
    recorded = msgspec.json.decode(file.read_bytes())
    outcome, wanted = CODE.outcome(history(recorded["history"])), recorded["outcome"]
    assert outcome.metrics == pytest.approx(wanted["metrics"], abs=0.001)
    assert [each.says for each in outcome.findings] == wanted["findings"]
    assert [each.id for each in outcome.assumptions if not each.held] == wanted["broken"]


def test_nothing_answered_is_no_evidence() -> None:
    recorded = msgspec.json.decode((FOLDER / "histories" / "one_unanswered.json").read_bytes())["history"]
    for each in recorded["operations"]:
        each.update(done_us=None, outcome="unknown")
    outcome = CODE.outcome(history(recorded))
    assert not outcome.metrics
    assert [each.held for each in outcome.assumptions] == [False]


@pytest.mark.parametrize("claim", EXPERIMENT.claim, ids=lambda claim: claim.id)
def test_the_default_design_runs_both_a_claim_and_its_control(claim: Any) -> None:
    planned = treatments(EXPERIMENT, {})
    form = CODE.claims[claim.id]
    for side in (*sides(form), *sides(controlled(form))):
        assert any(side.items() <= treatment.items() for treatment in planned), side


@pytest.mark.system
def test_a_kept_connection_is_opened_once_and_used_for_all(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    for need in EXPERIMENT.needs:
        require(need.removesuffix("?"))
    trials = run_experiment(EXPERIMENT, RunOptions(blocks=1, store=tmp_path, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    # What disturbs the clock on a busy machine voids a trial; the rest of it must stand.
    timed = {"link_as_asked", "requests_agree", "machine_quiet"}
    sound = 0
    for one in trials:
        levels, outcome = one.treatment, one.outcome
        assert {each.id for each in outcome.assumptions if not each.held} <= timed, outcome
        kept = levels["reuse"] != "each_time" and levels["server_keeps"] == "yes"
        assert outcome.metrics["connections_per_request"] == (0 if kept else 1), one
        # An empty answer over TLS takes a packet each way; a new connection many more.
        assert (outcome.metrics["wire_packets"] <= 3) == kept, one
        if all(each.held for each in outcome.assumptions):
            sound += 1
            deceived = levels["reuse"] == "keep_alive" and levels["server_keeps"] == "no"
            assert bool(outcome.findings) == deceived, one
    assert sound > len(trials) / 2
