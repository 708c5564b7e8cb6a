"""The live view's state follows the events, and its picture fits 80 by 24."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from hinterland.cli.run.live import View
from hinterland.cli.run.progress import Progress, estimate_of, number
from hinterland.model.experiment import ClaimDeclaration, Experiment, Factor, Metric, Prediction
from hinterland.model.run import (
    BlockStarted,
    ClaimJudged,
    PlannedTrial,
    RunEvent,
    RunFinished,
    RunStarted,
    TrialFinished,
    TrialNoted,
    TrialStarted,
)
from hinterland.model.verdict import Evidence, Outcome, TrialResult, Verdict, VerdictWord

LONG = "A statement, which is so long that it can't stand on one line of eighty columns, number"
EXPERIMENT = Experiment(
    title="Two ways",
    question="Which of the two ways is the faster one, and does it stay so when many ask at once?",
    learned="Neither.",
    budget_s=60,
    trial_s=1,
    factor={"variant": Factor(levels=("one", "other"), says="How.")},
    metric={"latency_ms": Metric(unit="ms", better="lower", says="How long.")},
    claim=tuple(ClaimDeclaration(f"claim_{n}", f"{LONG} {n}.", control="Not so.") for n in range(8)),
    prediction=Prediction(kind="number", ask="How much?"),
    source=(),
    id="storage/two_ways",
)
TRIALS = tuple(PlannedTrial(f"b002-t{n:02d}", 2, {"variant": "one"}, n) for n in range(1, 5))


def verdict(claim: str, word: VerdictWord, **evidence: float) -> Verdict:
    found = Evidence(verdict=word, says="", unit="x", threshold=5, **evidence)  # type: ignore[arg-type]
    return Verdict(claim, "Statement.", word, found, found, "Not so.")


def result(status: str, cause: str = "") -> TrialResult:
    return TrialResult("b002-t01", 2, {"variant": "one"}, 1, status, Outcome(), 1.0, cause)  # type: ignore[arg-type]


def after(*events: RunEvent) -> tuple[Progress, list[str]]:
    progress, lines = Progress(EXPERIMENT), []
    for second, event in enumerate(events):
        lines += progress.take(event, 100.0 + second)
    return progress, lines


STARTED = RunStarted(0, "run-1", "storage/two_ways", 2, 60)


def test_the_state_follows_the_events() -> None:
    progress, _ = after(
        STARTED,
        BlockStarted(0, 2, TRIALS),
        TrialStarted(0, TRIALS[0]),
        TrialFinished(0, result("done")),
        TrialStarted(0, TRIALS[1]),
        TrialNoted(0, "b002-t02", "phase", "warm_up"),
        TrialNoted(0, "b002-t02", "fault", "kill", "payments", "effect"),
        TrialNoted(0, "b002-t02", "process", "exited", "payments"),
    )

    assert (progress.block, progress.trials, progress.done) == (2, 4, 1)
    assert progress.doing == "kill payments: confirmed"
    assert progress.left_s(110.0) == 50.0
    assert progress.left_s(1000.0) == 0.0


def test_lines_are_printed_for_blocks_lost_trials_and_changes_of_a_verdict() -> None:
    _, lines = after(
        STARTED,
        BlockStarted(0, 1, TRIALS),
        TrialFinished(0, result("void", "the kill came too late")),
        ClaimJudged(0, 1, verdict("claim_0", "inconclusive")),
        ClaimJudged(0, 2, verdict("claim_0", "inconclusive", estimate=9.0)),
        ClaimJudged(0, 3, verdict("claim_0", "holds", estimate=9.0, low=7.0, high=12.0)),
        RunFinished(0, "finished"),
    )

    assert lines == [
        "storage/two_ways: 2 treatments, at most 60 s",
        "block 1: 4 trials, at most 59 s left",
        "claim_0: undecided",
        "claim_0: holds  9x [7, 12] against 5x",
        "1 trial gave no evidence: the kill came too late",
        "run finished",
    ]


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (Evidence("holds", ""), ""),
        (Evidence("holds", "", violations=0, tries=400), "0 of 400 tries"),
        (Evidence("holds", "", estimate=0.8, unit="read_ratio"), "0.8 read_ratio"),
        (Evidence("holds", "", estimate=2.0, low=1.0, high=float("inf"), unit="x"), "2x [1, ∞]"),
    ],
)
def test_an_estimate_in_words(evidence: Evidence, text: str) -> None:
    assert estimate_of(evidence) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.95, "0.95"), (12345.6, "12,346"), (0.00012, "1.2e-04"), (0, "0"), (float("nan"), "?")],
)
def test_a_number_in_three_figures(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("height", [24, 12])
@pytest.mark.parametrize("colour", [True, False])
def test_the_picture_fits_the_terminal(height: int, colour: bool) -> None:
    progress, _ = after(
        STARTED,
        BlockStarted(0, 2, TRIALS),
        TrialStarted(0, TRIALS[0]),
        TrialFinished(
            0, result("failed", "the server ended with status 1 before it was ready, and said why at length")
        ),
        *(ClaimJudged(0, 1, verdict(f"claim_{n}", "inconclusive", estimate=9.0)) for n in range(8)),
    )
    screen = io.StringIO()
    console = Console(
        file=screen,
        width=80,
        height=height,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )

    console.print(View(progress))

    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).rstrip("\n").split("\n")
    assert len(lines) < height
    assert max(map(len, lines)) <= 80
    assert "block 2, trial 2 of 4" in "\n".join(lines)
    assert ("\x1b[" in screen.getvalue()) == colour
