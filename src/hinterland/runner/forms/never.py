"""`never`: a finding that must not occur."""

from __future__ import annotations

from collections.abc import Sequence

from hinterland.model.claims import Never
from hinterland.model.verdict import Evidence, TrialResult
from hinterland.statistics.proportions import rate_sequence


def judge(form: Never, trials: Sequence[TrialResult], alpha: float) -> Evidence:
    """Refuted by one violation; holds when none was seen in enough tries to bound its rate by `at_most`."""
    tries = sum(trial.outcome.tries.get(form.finding, 0) for trial in trials)
    violations = sum(
        1 for trial in trials for finding in trial.outcome.findings if finding.kind == form.finding
    )
    blocks = len({trial.block for trial in trials})
    name = form.finding.replace("_", " ")
    if tries == 0 and violations == 0:
        return Evidence(
            verdict="inconclusive",
            says=f"{name}: never tried",
            cause=f"{name} was never tried",
            blocks=blocks,
        )
    rate = rate_sequence(min(violations, tries), max(tries, violations), alpha)
    if violations:
        word, cause = "refuted", ""
    elif rate.high <= form.at_most:
        word, cause = "holds", ""
    else:
        word = "inconclusive"
        cause = f"{tries:,} tries bound the rate only to {_share(rate.high)}, {_share(form.at_most)} is asked"
    return Evidence(
        verdict=word,  # type: ignore[arg-type]
        says=f"{name}: {violations:,} in {tries:,} tries (rate at most {_share(rate.high)})",
        estimate=violations / max(tries, 1),
        low=rate.low,
        high=rate.high,
        unit="share",
        threshold=form.at_most,
        blocks=blocks,
        tries=tries,
        violations=violations,
        cause=cause,
        assumed=rate.assumed,
    )


def _share(rate: float) -> str:
    return f"{100 * rate:.3g} %"
