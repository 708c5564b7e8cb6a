"""The exit status: main claims decide, the worst of them, and an interrupted run says so."""

from __future__ import annotations

import pytest

from hinterland.cli.run.ending import document, exit_status, worst
from hinterland.model.experiment import Experiment, Prediction
from hinterland.model.run import RunInfo, RunRecord, RunStatus
from hinterland.model.verdict import Evidence, Verdict, VerdictWord

EXPERIMENT = Experiment(
    title="", question="", learned="Much.", budget_s=1, trial_s=1, factor={}, metric={}, claim=(),
    prediction=Prediction("number", ""), source=(), id="apis/mine",
)  # fmt: skip


def record(*words: VerdictWord, beside: VerdictWord = "holds", status: RunStatus = "finished") -> RunRecord:
    evidence = Evidence("holds", "")
    verdicts = [Verdict(f"c{n}", "", word, evidence, evidence, "") for n, word in enumerate(words)]
    verdicts.append(Verdict("beside", "", beside, evidence, evidence, "", main=False))
    info = RunInfo("r", EXPERIMENT, 1, 1.0, 0.0, {}, (), status)
    return RunRecord(info, (), tuple(verdicts), (), "/nowhere")


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (record("holds", "holds"), 0),
        (record("holds", beside="refuted"), 0),
        (record("holds", "inconclusive"), 2),
        (record("inconclusive", "refuted"), 1),
        (record(beside="refuted"), 1),
        (record("holds", status="interrupted"), 130),
        (record("holds", status="failed"), 70),
    ],
)
def test_the_exit_status_of_a_run(found: RunRecord, status: int) -> None:
    assert exit_status(found) == status
    assert document(found).exit_status == status


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([], 0), ([0, 2], 2), ([2, 1, 0], 1), ([1, 69], 69), ([69, 70, 64], 70), ([70, 130], 130)],
)
def test_several_runs_end_with_the_worst(statuses: list[int], expected: int) -> None:
    assert worst(statuses) == expected
