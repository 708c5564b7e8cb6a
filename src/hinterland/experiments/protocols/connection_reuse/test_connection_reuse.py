"""Recorded requests are counted as they must be; real ones pay for a new connection, not for a kept one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.runner import code
from hinterland.runner.recorded import Recorded

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
CODE = code.load(EXPERIMENT)
RECORDED = Recorded(FOLDER, CODE.outcome)


def test_nothing_answered_is_no_evidence() -> None:
    recorded = RECORDED.trial("one_unanswered")
    for each in recorded["operations"]:
        each.update(done_us=None, outcome="unknown")
    outcome = RECORDED.outcome(recorded)
    assert not outcome.metrics
    assert [each.held for each in outcome.assumptions] == [False]


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
