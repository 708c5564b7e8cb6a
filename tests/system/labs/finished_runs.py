"""Records in a store as runs leave them, without the minute that a run takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hinterland import catalogue
from hinterland.model.levels import treatments
from hinterland.model.run import BlockStarted, RunFinished, RunInfo, TrialFinished
from hinterland.model.verdict import Evidence, Finding, Outcome, TrialResult, Verdict, WitnessEvent
from hinterland.runner.record.folder import RunFolder

STARTED_S = 1_795_000_000.0
STORY = (
    WitnessEvent(0.0, "client 0", "pays order 7"),
    WitnessEvent(12.5, "the server", "is killed after the charge"),
    WitnessEvent(80.0, "client 0", "pays order 7 again"),
    WitnessEvent(95.0, "the database", "holds 2 charges for order 7"),
)


def keep(
    store: Path, name: str, place: str = "execution/blocked_loop", *, times: float = 1.0, **info: Any
) -> Path:
    """Writes a finished run of two blocks, with made-up metrics that grow with `times`; returns its folder.

    info: what of `run.json` is otherwise.
    """
    experiment = catalogue.find(place)
    about: dict[str, Any] = {
        "seed": 7, "budget_s": experiment.budget_s, "started_at": STARTED_S, "ended_at": STARTED_S + 20,
        "machine": {"cpu": "Example", "cores": 2}, "status": "finished", "version": "0.1.0",
        "treatments": treatments(experiment), "experiment": experiment, **info,
    }  # fmt: skip
    run = RunInfo(id=name, **about)
    folder = RunFolder(store / name)
    folder.path.mkdir(parents=True)
    folder.write("run.json", run)
    for block in (1, 2):
        folder.append(BlockStarted(STARTED_S, block, ()))
        for number, treatment in enumerate(run.treatments, 1):
            metrics = {each: times * (place + number + block) for place, each in enumerate(experiment.metric)}
            folder.append(
                TrialFinished(
                    STARTED_S + block,
                    TrialResult(
                        id=f"b{block:03}-t{number:02}", block=block, treatment=treatment, seed=number,
                        status="done", outcome=Outcome(metrics=metrics), duration_s=0.5,
                    ),
                )
            )  # fmt: skip
    folder.append(RunFinished(STARTED_S + 20, run.status))
    folder.close()
    folder.write("verdicts.json", [verdict(claim, times) for claim in experiment.claim])
    return folder.path


def verdict(claim: Any, times: float) -> Verdict:
    """Returns a verdict with an estimate, an interval and a witness."""
    return Verdict(
        claim=claim.id, says=claim.says, control_says=claim.control, main=claim.main,
        form=next(iter(claim.form)), verdict="holds",
        evidence=Evidence(
            verdict="holds", says="seen", estimate=4 * times, low=3 * times, high=5 * times, unit="x",
            blocks=2,
        ),
        control=Evidence(verdict="refuted", says="seen", estimate=1.0, low=0.9, high=1.1, unit="x"),
        witnesses=(Finding("double_charge", "7", "order 7 was charged twice", STORY),),
    )  # fmt: skip
