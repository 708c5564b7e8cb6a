"""Small experiments and trial results for the runner's tests."""

from __future__ import annotations

from typing import Any

from hinterland.model.experiment import (
    ClaimDeclaration,
    Experiment,
    Factor,
    FindingKind,
    Metric,
    Prediction,
)
from hinterland.model.verdict import Assumption, Finding, Outcome, TrialResult
from hinterland.model.weather import Weather


def experiment(*claims: str, **changes: Any) -> Experiment:
    """Returns an experiment with a factor of each kind and the given claims."""
    fields: dict[str, Any] = {
        "id": "apis/sample",
        "title": "Sample",
        "question": "Which?",
        "learned": "This one.",
        "budget_s": 10.0,
        "trial_s": 0.5,
        "factor": {
            "variant": Factor(levels=("right", "wrong"), says="the system"),
            "share": Factor(
                levels=(0.0, 0.5, 1.0), minimum=0, maximum=1, says="reads", hint="Give a share, such as 0.95."
            ),
            "clients": Factor(levels=(1, 10), minimum=1, says="clients"),
            "tls": Factor(levels=(False,), choices=(False, True), says="encryption"),
        },
        "metric": {
            "rate_per_s": Metric(unit="/s", better="higher", says="throughput"),
            "latency_ms": Metric(unit="ms", better="lower", says="latency"),
        },
        "finding": {
            "double_charge": FindingKind(says="charged twice", timed=False),
            "late": FindingKind(says="answered late", timed=True),
        },
        "claim": tuple(ClaimDeclaration(id=name, says=name, control="the other one") for name in claims),
        "prediction": Prediction(kind="choice", ask="Which?"),
        "source": (),
    }
    return Experiment(**{**fields, **changes})


def result(
    block: int,
    treatment: dict[str, Any],
    metrics: dict[str, float] | None = None,
    *,
    findings: int = 0,
    tries: int = 0,
    status: Any = "done",
    cause: str = "",
    broken: str = "",
    kind: str = "double_charge",
    disturbed: str = "",
    weather: Weather | None = None,
) -> TrialResult:
    """Returns a trial's result with `findings` of a kind in `tries` tries."""
    found = tuple(Finding(kind=kind, key=f"k{n}", says="charged twice") for n in range(findings))
    assumptions = (Assumption(id=broken, says=broken, held=False),) if broken else ()
    return TrialResult(
        id=f"b{block:03d}-{'-'.join(str(v) for v in treatment.values())}",
        block=block,
        treatment=treatment,
        seed=1,
        status=status,
        outcome=Outcome(
            metrics=metrics or {},
            findings=found,
            tries={kind: tries} if tries else {},
            assumptions=assumptions,
        ),
        duration_s=0.1,
        cause=cause,
        disturbed=disturbed,
        weather=weather,
    )
