"""`never`: a finding that must not occur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.model.claims import Never
from hinterland.model.verdict import Evidence, TrialResult
from hinterland.statistics.interval import Interval
from hinterland.statistics.proportions import rate_sequence


@dataclass(frozen=True)
class Counts:
    """Tries and violations. excused: violations that rest on time, in trials to which noise added time."""

    tries: int
    violations: int
    excused: int
    blocks: int
    disturbed: int


def judge(
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


def _bound(counts: Counts, alpha: float) -> Interval:
    """Returns the rate with its bounds if what was excused was no noise at all."""
    violations = counts.violations + counts.excused
    return rate_sequence(violations, max(counts.tries + counts.excused, violations), alpha)


def _counts(finding: str, trials: Sequence[TrialResult], timed: bool) -> Counts:
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
    return Counts(tries, violations, excused, len({trial.block for trial in trials}), disturbed)


def _share(rate: float) -> str:
    return f"{100 * rate:.3g} %"
