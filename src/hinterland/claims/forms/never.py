"""`never`: a finding that must not occur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace

from hinterland.claims.grounds.form import Form, Problem, Side, among, at_most, matches
from hinterland.drawing import numbers
from hinterland.model.experiment import Experiment, label
from hinterland.model.verdict import Evidence, Finding, TrialResult
from hinterland.statistics.interval import Interval
from hinterland.statistics.proportions import rate_sequence


class Never(Form, frozen=True, kw_only=True):
    """The finding never occurs. Holds when none was seen and its rate is bounded by `at_most`."""

    NAME: ClassVar[str] = "never"
    SAYS: ClassVar[str] = "The finding must not occur: none seen, and its rate bounded by the threshold."

    finding: str
    at_most: float = 0.01

    def asks(self) -> str:
        return f"{self.finding} is never found, its rate bounded by {self.at_most:.2g}{among(self.where)}"

    def judge(
        self, experiment: Experiment, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
    ) -> Evidence:
        about = [trial for trial in trials if matches(self.where, trial.treatment)]
        return evidence_of(self, about, alpha, timed=self.is_timed(experiment), control=control)

    def convicts_alone(self, evidence: Evidence) -> bool:
        return evidence.verdict == "refuted"

    def is_timed(self, experiment: Experiment) -> bool:
        kind = experiment.finding.get(self.finding)
        # A manifest from before kinds were declared does not say: then time must not convict.
        return kind is None or kind.timed

    def axes(self) -> dict[str, str]:
        return {"finding": self.finding}

    def witnesses(self, trials: Sequence[TrialResult]) -> tuple[Finding, ...]:
        found = []
        for part in (self, self.controlled()):
            for trial in trials:
                first = next((each for each in trial.outcome.findings if each.kind == self.finding), None)
                if matches(part.where, trial.treatment) and first is not None:
                    found.append(replace(first, says=f"{label(trial.treatment)}: {first.says}"))
                    break
        return tuple(found)

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        if self.finding not in experiment.finding:
            rule = f"is no finding of this experiment: it needs [finding.{self.finding}] with says and timed."
            yield "finding", rule
        if not 0 < self.at_most < 1:
            yield "at_most", "must be a share between 0 and 1."

    @classmethod
    def band(cls, threshold: float) -> Side | None:
        return at_most(threshold)


@dataclass(frozen=True)
class Tries:
    """Tries and violations. excused: violations that rest on time, in trials to which noise added time."""

    tries: int
    violations: int
    excused: int
    blocks: int
    disturbed: int


def evidence_of(
    form: Never, trials: Sequence[TrialResult], alpha: float, *, timed: bool, control: bool = False
) -> Evidence:
    """Refuted by one violation; holds when none was seen in enough tries to bound its rate by `at_most`.

    timed: the finding rests on time. Then a violation in a disturbed trial convicts nobody, for noise may
    have made it; but it need not have, so that a claim holds only where the bound on its rate would stand if
    none of them were noise's. A control may be convicted by them, but only where its violations are as
    frequent as no noise makes them: their rate lies above `at_most`.
    """
    counts = _counts(form.finding, trials, timed)
    name = form.finding.replace("_", " ")
    tries, violations, excused = counts.tries, counts.violations, counts.excused
    if tries == 0 and violations == 0 and excused == 0:
        return Evidence(
            verdict="inconclusive",
            says=f"{name}: never tried",
            cause=f"{name} was never tried",
            blocks=counts.blocks,
        )
    if control and excused:
        tries, violations = tries + excused, violations + excused
    rate = rate_sequence(violations, max(tries, violations), alpha)
    bound = rate if control else _bound(counts, alpha)
    word, cause = "inconclusive", ""
    if counts.violations or (control and rate.low > form.at_most):
        word = "refuted"
    elif violations == 0 and bound.high <= form.at_most:
        word = "holds"
    elif excused and not control:
        cause = f"{excused:,} of {counts.tries + excused:,} tries came out late in disturbed trials"
    else:
        cause = f"{tries:,} tries bound the rate only to {_share(rate.high)}, {_share(form.at_most)} is asked"
    noise = f"; {excused:,} more through noise, which time can't convict" if excused and not control else ""
    return Evidence(
        verdict=word,  # type: ignore[arg-type]
        says=f"{name}: {violations:,} in {tries:,} tries (rate at most {_share(bound.high)}){noise}",
        estimate=violations / max(tries, violations, 1),
        low=rate.low,
        high=bound.high,
        unit="share",
        threshold=form.at_most,
        blocks=counts.blocks,
        tries=tries,
        violations=violations,
        cause=cause,
        assumed=rate.assumed,
        trials=len(trials),
        disturbed=counts.disturbed,
    )


def _bound(counts: Tries, alpha: float) -> Interval:
    """Returns the rate with its bounds if what was excused was no noise at all."""
    violations = counts.violations + counts.excused
    return rate_sequence(violations, max(counts.tries + counts.excused, violations), alpha)


def _counts(finding: str, trials: Sequence[TrialResult], timed: bool) -> Tries:
    tries = violations = excused = disturbed = 0
    for trial in trials:
        found = sum(each.kind == finding for each in trial.outcome.findings)
        tried = trial.outcome.tries.get(finding, 0)
        if timed and trial.disturbed:
            disturbed += 1
            excused += found
            tries += max(0, tried - found)
        else:
            tries += tried
            violations += found
    return Tries(tries, violations, excused, len({trial.block for trial in trials}), disturbed)


def _share(rate: float) -> str:
    return numbers.quantity(rate, "share")
