"""The manifest is sound, the checker judges written histories rightly, and a real run decides the claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from hinterland import RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.runner import code
from hinterland.runner.recorded import Recorded

FOLDER = Path(__file__).parent
EXPERIMENT = read(FOLDER)
RECORDED = Recorded(FOLDER, code.load(EXPERIMENT).outcome)


@pytest.mark.parametrize("name", RECORDED.names)
def test_a_written_history_has_its_outcome(name: str) -> None:
    assert not RECORDED.differences(name)


@pytest.mark.system
def test_a_real_run_decides_the_claim_and_its_control_bites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An effect of fifty times is seen on a busy machine too: other processes need not rest.
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")

    record = run_experiment(EXPERIMENT, RunOptions(store=tmp_path))

    verdict = record.verdicts[0]
    assert verdict.verdict == "holds", verdict.cause
    assert verdict.control.verdict == "refuted"
