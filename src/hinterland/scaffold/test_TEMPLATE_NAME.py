"""The manifest is sound, the checker judges written histories rightly, and a real run decides the claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from hinterland.lab.testing import RunOptions, experiment_of, run_experiment

HERE = experiment_of(__file__)


@pytest.mark.parametrize("name", HERE.recorded.names)
def test_a_written_history_has_its_outcome(name: str) -> None:
    assert not HERE.recorded.differences(name)


@pytest.mark.system
def test_a_real_run_decides_the_claim_and_its_control_bites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An effect of fifty times is seen on a busy machine too: other processes need not rest.
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")

    record = run_experiment(HERE.experiment, RunOptions(store=tmp_path, blocks=8, budget_s=120))

    assert {one.status for one in record.trials} == {"done"}
    verdict = record.verdicts[0]
    with_wait, without = verdict.evidence.estimate, verdict.control.estimate
    assert with_wait is not None
    assert without is not None
    assert with_wait > 2 * without
    # Where the hypervisor took the machine away, a claim may stay open; noise turns none over.
    assert verdict.verdict != "refuted"
    if not any(one.disturbed for one in record.trials):
        assert verdict.verdict == "holds", verdict.cause
        assert verdict.control.verdict == "refuted"
