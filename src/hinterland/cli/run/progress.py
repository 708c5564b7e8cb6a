"""Where a run stands, kept up to date by its events. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field

from hinterland.model.experiment import Experiment
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
from hinterland.model.verdict import Evidence, Verdict


@dataclass
class Progress:
    """The state that the live view draws. `started_s` and `now_s` are on the caller's monotonic clock."""

    experiment: Experiment
    budget_s: float = 0.0
    started_s: float = 0.0
    run: str = ""
    block: int = 0
    trials: int = 0
    done: int = 0
    trial: PlannedTrial | None = None
    doing: str = ""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    lost: int = 0
    last_cause: str = ""
    finished: RunFinished | None = None
    _told_cause: str = ""

    def take(self, event: RunEvent, now_s: float) -> list[str]:
        """Brings the state up to date; returns the lines worth printing where there is no live view."""
        match event:
            case RunStarted():
                self.run, self.budget_s, self.started_s = event.run, event.budget_s, now_s
                return [f"{event.experiment}: {event.treatments} treatments, at most {event.budget_s:.0f} s"]
            case BlockStarted():
                self.block, self.trials, self.done = event.block, len(event.trials), 0
                left = f"at most {self.left_s(now_s):.0f} s left"
                return [f"block {event.block}: {len(event.trials)} trials, {left}", *self._lost_lines()]
            case TrialStarted():
                self.trial, self.doing = event.trial, ""
            case TrialNoted():
                self.doing = noted(event) or self.doing
            case TrialFinished():
                self._trial_finished(event)
            case ClaimJudged():
                return self._judged(event)
            case RunFinished():
                self.finished = event
                return [*self._lost_lines(), f"run {event.status}{': ' + event.cause if event.cause else ''}"]
        return []

    def _trial_finished(self, event: TrialFinished) -> None:
        # One that is run again takes the place of another.
        self.done += event.result.id == event.result.planned_id
        if event.result.status != "done":
            self.lost += 1
            self.last_cause = event.result.cause

    def _lost_lines(self) -> list[str]:
        """Returns a line on the trials that gave no evidence, once for each cause; measured values aside."""
        cause = self.last_cause.partition(" (")[0]
        if not self.lost or cause == self._told_cause:
            return []
        self._told_cause = cause
        return [f"{trials_lost(self.lost)}: {self.last_cause}"]

    def _judged(self, event: ClaimJudged) -> list[str]:
        new = event.verdict
        old = self.verdicts.get(new.claim)
        self.verdicts[new.claim] = new
        if old is not None and old.verdict == new.verdict:
            return []
        return [f"{new.claim}: {state_of(new)}  {estimate_of(new.evidence)}".rstrip()]

    def left_s(self, now_s: float) -> float:
        """Returns the seconds of the budget that are left, at least 0."""
        return max(0.0, self.budget_s - (now_s - self.started_s)) if self.started_s else self.budget_s


def trials_lost(count: int) -> str:
    return "1 trial gave no evidence" if count == 1 else f"{count} trials gave no evidence"


def noted(event: TrialNoted) -> str:
    """Returns what a trial is doing, in words: `measure`, `kill payments: done`; empty if it is no news."""
    if event.kind == "phase":
        return event.name.replace("_", " ")
    if event.kind == "fault":
        stage = {"start": "asked for", "effect": "confirmed", "end": "over"}.get(event.stage, event.stage)
        return f"{event.name} {event.target}: {stage}".strip()
    return ""


def state_of(verdict: Verdict) -> str:
    """Returns the verdict's word while the run goes on: an inconclusive claim is still undecided."""
    return "undecided" if verdict.verdict == "inconclusive" else verdict.verdict


def estimate_of(evidence: Evidence) -> str:
    """Returns the estimate with its interval and threshold, short: `12.4x [8.1, 19] needs 5x`."""
    if evidence.tries:
        bound = f", rate at most {100 * evidence.high:.3g} %" if evidence.high is not None else ""
        asked = f", asked {100 * evidence.threshold:.3g} %" if evidence.threshold is not None else ""
        return f"{evidence.violations} of {evidence.tries} tries{bound}{asked}"
    if evidence.estimate is None:
        return ""
    unit = evidence.unit if evidence.unit in ("x", "%") else f" {evidence.unit}" if evidence.unit else ""
    text = f"{number(evidence.estimate)}{unit}"
    if evidence.low is not None and evidence.high is not None:
        text += f" [{number(evidence.low)}, {number(evidence.high)}]"
    if evidence.threshold is not None:
        text += f" against {number(evidence.threshold)}{unit}"
    return text


def number(value: float) -> str:
    """Returns a number to three figures without an exponent where a person would not write one."""
    if value != value:
        return "?"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
