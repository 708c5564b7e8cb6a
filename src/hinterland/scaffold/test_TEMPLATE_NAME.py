"""The manifest is sound, the checker judges written histories rightly, and a real run decides the claim."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from hinterland import History, RunOptions, run_experiment
from hinterland.catalogue import read
from hinterland.runner import code

FOLDER = Path(__file__).parent
HISTORIES = sorted((FOLDER / "histories").glob("*.json"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_written_history_has_its_outcome(path: Path) -> None:
    written = json.loads(path.read_text())
    history = msgspec.convert(written["history"], History)

    found = code.load(read(FOLDER)).outcome(history).metrics

    expected = {name: float(value) for name, value in written["outcome"].items()}
    assert found == pytest.approx(expected), written["why"]


@pytest.mark.system
def test_a_real_run_decides_the_claim_and_its_control_bites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An effect of fifty times is seen on a busy machine too: other processes need not rest.
    monkeypatch.setenv("HINTERLAND_BUSY_CORES", "64")

    record = run_experiment(read(FOLDER), RunOptions(store=tmp_path))

    verdict = record.verdicts[0]
    assert verdict.verdict == "holds", verdict.cause
    assert verdict.control.verdict == "refuted"
