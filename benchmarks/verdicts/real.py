"""Real runs: the same trial against itself, and against one that does 15 % more work, judged as a run is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import cycle, islice
from random import Random
from time import monotonic

from benchmarks.verdicts import trials
from benchmarks.verdicts.score import Score
from hinterland.claims.forms.difference_within import DifferenceWithin
from hinterland.claims.forms.ratio_at_least import RatioAtLeast
from hinterland.claims.grounds.form import Form
from hinterland.claims.judge import judge
from hinterland.model.experiment import ClaimDeclaration, Experiment, Factor, Metric, Prediction, Where
from hinterland.model.verdict import Outcome, TrialResult, VerdictWord

MOST_FALSE = 0.05
LEAST_POWER = 0.90

SAME_RUNS, SAME_LEAST_RUNS, SAME_BLOCKS, SAME_LIMIT_S = 102, 100, 12, 360.0
# A fifth of the usual work: about 0.05 s, so that a hundred runs fit.
SAME_SHARE = 0.2
MORE_RUNS, MORE_BUDGET_S, MORE_LIMIT_S = 30, 60.0, 240.0
# Half of the usual work: about 0.1 s.
MORE_SHARE = 0.5

EXPERIMENT = Experiment(
    title="The same work twice",
    question="Does a verdict tell a difference from none?",
    learned="",
    budget_s=MORE_BUDGET_S,
    trial_s=0.1,
    factor={"side": Factor(levels=("one", "other"), says="which of the two trials")},
    metric={"work_s": Metric(unit="s", better="lower", says="time for the work")},
    claim=(
        ClaimDeclaration(id="slower", says="The other side takes longer.", control="none"),
        ClaimDeclaration(id="same", says="The sides differ by less than 15 %.", control="none"),
    ),
    prediction=Prediction(kind="choice", ask="Which is faster?"),
    source=(),
)
# A control names no treatment that was run: only the evidence for the claims themselves is of interest here.
NO_CONTROL: Where = {"side": "none"}
CLAIMS: dict[str, Form] = {
    "slower": RatioAtLeast(
        metric="work_s", ratio=1.0, more={"side": "other"}, less={"side": "one"}, control=NO_CONTROL
    ),
    "same": DifferenceWithin(
        metric="work_s", ratio=1.15, one={"side": "one"}, other={"side": "other"}, control=NO_CONTROL
    ),
}


def false_verdicts(seed: int = 4) -> Score:
    """Real A/A runs, judged after every block: how many said that a side is slower or that they differ."""
    random, stop_at, hits, runs = Random(seed), monotonic() + SAME_LIMIT_S, 0, 0
    for kind in islice(cycle(trials.KINDS), SAME_RUNS):
        if monotonic() > stop_at:
            break
        runs += 1
        for number, results in enumerate(_run(kind, SAME_SHARE, 1.0, random)):
            words = _judged(results)
            if words["slower"] != "inconclusive" or words["same"] == "refuted":
                hits += 1
                break
            if number + 1 == SAME_BLOCKS:
                break
        _progress(f"A/A run {runs}: {hits} false verdicts")
    remark = "" if runs >= SAME_LEAST_RUNS else f"fewer than {SAME_LEAST_RUNS} runs fitted the time"
    return Score("real A/A", hits, runs, at_most=MOST_FALSE, least_runs=SAME_LEAST_RUNS, remark=remark)


def power(seed: int = 5) -> Score:
    """Real runs with 15 % more work on one side: how many said so within 60 s of trials."""
    random, stop_at, hits, runs, spent_s = Random(seed), monotonic() + MORE_LIMIT_S, 0, 0, 0.0
    missed: list[str] = []
    for kind in islice(cycle(trials.KINDS), MORE_RUNS):
        if monotonic() > stop_at:
            break
        runs += 1
        for results in _run(kind, MORE_SHARE, 1.15, random):
            run_s = sum(result.duration_s for result in results)
            word = _judged(results)["slower"]
            if word != "inconclusive" or run_s > MORE_BUDGET_S:
                hits += word == "holds"
                missed += [kind] if word != "holds" else []
                spent_s += run_s
                break
        _progress(f"15 % run {runs}: {hits} found")
    remark = f"mean {spent_s / max(runs, 1):.1f} s"
    if missed:
        remark += f"; not found: {', '.join(missed)}"
    return Score("real 15 %", hits, runs, at_least=LEAST_POWER, remark=remark)


def _run(kind: str, share: float, factor: float, random: Random) -> Iterator[list[TrialResult]]:
    """All trials so far after each block, without end."""
    units = round(trials.KINDS[kind][1] * share)
    work = {"one": units, "other": round(units * factor)}
    results: list[TrialResult] = []
    block = 0
    while True:
        for side in random.sample(sorted(work), 2):
            start = monotonic()
            work_s = trials.run(kind, work[side])
            results.append(
                TrialResult(
                    id=f"{block}-{side}",
                    block=block,
                    treatment={"side": side},
                    seed=0,
                    status="done",
                    outcome=Outcome(metrics={"work_s": work_s}),
                    duration_s=monotonic() - start,
                )
            )
        block += 1
        yield results


def _judged(results: list[TrialResult]) -> dict[str, VerdictWord]:
    return {v.claim: v.evidence.verdict for v in judge(EXPERIMENT, CLAIMS, results)}


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)
