"""Recorded trials give the outcome they must; real proxies show what they open, keep and tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.model.history import Event, History, LoadSample, Operation
from hinterland.model.levels import treatments
from hinterland.runner import code
from hinterland.runner.judge import controlled, sides

FOLDER = Path(__file__).parent
RECORDED = sorted((FOLDER / "histories").glob("*.json"))
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)


def history(kept: dict[str, Any]) -> History:
    """Returns a recorded trial."""
    return History(
        treatment=kept["treatment"],
        seed=kept["seed"],
        readings=kept["readings"],
        events=msgspec.convert(kept["events"], tuple[Event, ...]),
        operations=msgspec.convert(kept["operations"], tuple[Operation, ...]),
        loads={name: sample(times_us) for name, times_us in kept["loads_us"].items()},
    )


def sample(times_us: list[float]) -> LoadSample:
    """Returns a load of one client whose answers took so long."""
    count = len(times_us)
    done_ns = (1000 * np.cumsum(times_us)).astype(np.int64)
    sent_ns = np.concatenate([[0], done_ns[:-1]]).astype(np.int64)
    return LoadSample(
        intended_ns=sent_ns,
        sent_ns=sent_ns,
        done_ns=done_ns,
        status=np.full(count, 200, np.int16),
        error=np.zeros(count, np.int8),
        connection=np.zeros(count, np.int32),
        start_ns=0,
        end_ns=int(done_ns[-1]),
        loop="closed",
    )


def recorded(name: str) -> dict[str, Any]:
    """Returns the history that is kept under a name, to be changed at will."""
    kept: dict[str, Any] = msgspec.json.decode((FOLDER / "histories" / f"{name}.json").read_bytes())[
        "history"
    ]
    return kept


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_history(file: Path) -> None:
    kept = msgspec.json.decode(file.read_bytes())
    outcome, wanted = CODE.outcome(history(kept["history"])), kept["outcome"]
    assert outcome.metrics == pytest.approx(wanted["metrics"], rel=0.01, abs=0.002)
    assert [[one.kind, one.key] for one in outcome.findings] == wanted["findings"]
    assert all(2 <= len(one.witness) <= 5 for one in outcome.findings)
    assert outcome.tries == wanted["tries"]
    assert [each.id for each in outcome.assumptions if not each.held] == wanted["broken"]


def test_only_the_last_address_of_a_header_is_the_proxy_s_word() -> None:
    kept = recorded("passed_on_by_nginx")
    one = kept["operations"][0]
    told = one["result"]["body"]
    told["forwarded"] = f"10.1.2.3, {told['forwarded']}"
    assert not CODE.outcome(history(kept)).findings, "what the client claims of itself stands before it"
    told["forwarded"] = f"{one['key']}, 10.1.2.3"
    [finding] = CODE.outcome(history(kept)).findings
    assert finding.key == one["key"]


def test_an_upload_without_an_answer_is_no_evidence() -> None:
    kept = recorded("passed_on_by_nginx")
    kept["readings"]["uploads_ms"].pop()
    assert [each.held for each in CODE.outcome(history(kept)).assumptions] == [False]


def test_a_hop_is_measured_against_the_straight_way_of_the_same_trial() -> None:
    kept = recorded("passed_on_by_nginx")
    quick = {"straight_0": [20.0, 20.0, 900.0], "entrance_0": [40.0, 40.0, 40.0]}
    slow_but_alike = {"straight_1": [200.0, 200.0], "entrance_1": [420.0, 420.0]}
    disturbed = {"straight_2": [20.0, 20.0], "entrance_2": [2000.0, 2000.0]}
    kept["loads_us"] = {**quick, **slow_but_alike, **disturbed}
    metrics = CODE.outcome(history(kept)).metrics
    assert metrics["times_as_long"] == pytest.approx(2.1)
    assert metrics["latency_ms"] == pytest.approx(0.42)


@pytest.mark.parametrize("claim", EXPERIMENT.claim, ids=lambda claim: claim.id)
def test_the_default_design_runs_both_a_claim_and_its_control(claim: Any) -> None:
    planned = treatments(EXPERIMENT, {})
    form = CODE.claims[claim.id]
    for side in (*sides(form), *sides(controlled(form))):
        assert any(side.items() <= treatment.items() for treatment in planned), side


@pytest.mark.system
def test_proxies_open_keep_and_tell_what_they_must(
    require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for need in EXPERIMENT.needs:
        require(need)
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")
    trials = run_experiment(EXPERIMENT, RunOptions(blocks=1, store=tmp_path, seed=1)).trials
    assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held} - {"machine_quiet"}
        assert not broken, one.outcome.assumptions
    seen = {tuple(one.treatment.values()): one.outcome.metrics for one in trials}
    for variant in ("haproxy_http", "nginx"):
        assert seen[variant, 8, 20, 0]["connections"] <= 8
        assert seen[variant, 100, 20, 0]["connections"] > 40
        assert seen[variant, 8, 20, 0]["strangers"] == 0
    for variant in ("direct", "haproxy_tcp"):
        # One more where the proxy passes on the connection with which it was asked whether it is ready.
        assert seen[variant, 8, 20, 0]["connections"] in (100, 101)
    assert seen["haproxy_h2", 100, 20, 0]["connections"] <= 4
    assert seen["haproxy_tcp", 8, 20, 0]["strangers"] == 100
    assert seen["direct", 8, 20, 0]["strangers"] == seen["haproxy_h2", 8, 20, 0]["strangers"] == 0
    slow = {
        variant: seen[variant, 8, 0, 300]["busy_ms"] for variant in ("haproxy_tcp", "haproxy_http", "nginx")
    }
    assert min(slow["haproxy_tcp"], slow["haproxy_http"]) > 250
    assert slow["nginx"] < 100
    assert seen["haproxy_http", 8, 0, 300]["times_as_long"] > 1.1
