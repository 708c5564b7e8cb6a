"""Claims judged over the trials of a run. Pure: trials in, verdicts out, so `recheck` needs only files.

A claim's evidence and its control's evidence are judged by the same form. Rules that stand above all forms:

- a violation of `never` refutes it, whenever it is seen;
- a claim that would hold is `inconclusive` unless its control came out the other way;
- a trial to which noise added time testifies to what noise can't make (`forms.testimony`);
- where more than a fifth of the planned trials a claim rests on gave no evidence, it is `inconclusive`, with
  the commonest cause. A void trial that was run again, and was not void then, gave evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hinterland.model.claims import Claim, Crossover, DifferenceWithin, Matches, Never, RatioAtLeast
from hinterland.model.experiment import Experiment, Where, label
from hinterland.model.verdict import Evidence, Finding, TrialResult, Verdict
from hinterland.runner.forms import crossover, never, ratios
from hinterland.runner.forms.measured import Measured, matches

MOST_LOST_SHARE = 0.2


def judge(
    experiment: Experiment,
    claims: Mapping[str, Claim],
    trials: Sequence[TrialResult],
    *,
    alpha: float = 0.05,
    interrupted: str = "",
) -> tuple[Verdict, ...]:
    """Returns a verdict for each declared claim, in the manifest's order.

    `interrupted` is the cause given to claims that were still undecided when a run was cut short.
    """
    return tuple(
        _verdict(experiment, declared.id, claims[declared.id], trials, alpha, interrupted)
        for declared in experiment.claim
    )


def needed(form: Claim, treatment: Where) -> bool:
    """Decides whether a claim's evidence or its control rests on trials of this treatment."""
    return any(matches(where, treatment) for part in (form, controlled(form)) for where in sides(part))


def decidable(form: Claim, treatments: Sequence[Where]) -> bool:
    """Decides whether trials of these treatments could make a claim hold: no side is missing."""
    return all(
        any(matches(where, treatment) for treatment in treatments)
        for part in (form, controlled(form))
        for where in sides(part)
    )


def sides(form: Claim) -> tuple[Where, ...]:
    """Returns the partial treatments that a form compares."""
    match form:
        case Never() | Matches():
            return (form.where,)
        case RatioAtLeast():
            return ({**form.where, **form.more}, {**form.where, **form.less})
        case DifferenceWithin():
            return ({**form.where, **form.one}, {**form.where, **form.other})
        case Crossover():
            return ({**form.where, **form.first}, {**form.where, **form.second})


def controlled(form: Claim) -> Claim:
    """Returns the form with its control's levels in place."""
    swap = form.control
    match form:
        case Never() | Matches():
            return replace(form, where={**form.where, **swap})
        case RatioAtLeast():
            more, less = _overlay(form.more, swap), _overlay(form.less, swap)
            return replace(form, where={**form.where, **_rest(swap, more, less)}, more=more, less=less)
        case DifferenceWithin():
            one, other = _overlay(form.one, swap), _overlay(form.other, swap)
            return replace(form, where={**form.where, **_rest(swap, one, other)}, one=one, other=other)
        case Crossover():
            first = _overlay(form.first, swap)
            return replace(form, where={**form.where, **_rest(swap, first, {})}, first=first)


def _overlay(levels: Where, swap: Where) -> Where:
    return {name: swap.get(name, level) for name, level in levels.items()}


def _rest(swap: Where, one: Where, other: Where) -> Where:
    return {name: level for name, level in swap.items() if name not in one and name not in other}


def _verdict(
    experiment: Experiment,
    claim_id: str,
    form: Claim,
    trials: Sequence[TrialResult],
    alpha: float,
    interrupted: str,
) -> Verdict:
    declared = next(claim for claim in experiment.claim if claim.id == claim_id)
    evidence = _evidence(experiment, form, trials, alpha)
    control = _evidence(experiment, controlled(form), trials, alpha, control=True)
    word, cause = evidence.verdict, evidence.cause
    if word == "holds" and control.verdict != "refuted":
        word = "inconclusive"
        cause = (
            "the control did not turn the claim over"
            if control.verdict == "holds"
            else f"the control is undecided: {control.cause}"
        )
    if word == "inconclusive" and interrupted:
        cause = interrupted
    return Verdict(
        claim=claim_id,
        says=declared.says,
        verdict=word,
        evidence=evidence,
        control=control,
        control_says=declared.control,
        main=declared.main,
        cause=cause if word == "inconclusive" else "",
        form=type(form).__struct_config__.tag or "",  # type: ignore[arg-type]
        witnesses=_witnesses(form, trials),
        detail=_axes(form),
    )


def _evidence(
    experiment: Experiment, form: Claim, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
) -> Evidence:
    about = [trial for trial in trials if any(matches(where, trial.treatment) for where in sides(form))]
    if not about:
        wanted = " and ".join(label(where) for where in sides(form))
        return Evidence(verdict="inconclusive", says="no trial", cause=f"no trial of {wanted} was run")
    usable = [trial for trial in trials if trial.status == "done"]
    judged = _judge_form(experiment, form, usable, alpha, control)
    if judged.verdict == "refuted" and isinstance(form, Never):
        return judged
    # What was void and came out well when it was run again left no hole.
    filled = {trial.planned_id for trial in about if trial.status == "done"}
    lost = {trial.planned_id: trial for trial in about if trial.planned_id not in filled}
    planned = len(filled) + len(lost)
    if len(lost) > MOST_LOST_SHARE * planned:
        cause = Counter(trial.cause for trial in lost.values()).most_common(1)[0][0]
        many = f"{len(lost)} of {planned} trials gave no evidence"
        return replace(judged, verdict="inconclusive", cause=f"{many}: {cause}")
    return judged


def _judge_form(
    experiment: Experiment, form: Claim, trials: Sequence[TrialResult], alpha: float, control: bool
) -> Evidence:
    """Judges a form by the trials of a run that count; the form takes those that it is about."""
    if isinstance(form, Never):
        kind = experiment.finding.get(form.finding)
        about = [trial for trial in trials if matches(form.where, trial.treatment)]
        # A manifest from before kinds were declared does not say: then time must not convict.
        return never.judge(form, about, alpha, timed=kind is None or kind.timed, control=control)
    measured = Measured.of(experiment, form.metric, trials)
    match form:
        case RatioAtLeast():
            return ratios.at_least(form, measured, alpha, control=control)
        case DifferenceWithin():
            return ratios.within(form, measured, alpha, control=control)
        case Matches():
            return ratios.equals(form, measured, alpha, control=control)
        case Crossover():
            unit = experiment.factor[form.along].unit
            return crossover.judge(form, measured, alpha, unit=unit, control=control)


def _axes(form: Claim) -> dict[str, str]:
    """Returns what the claim is about, so that a report can draw it where it belongs."""
    if isinstance(form, Never):
        return {"finding": form.finding}
    if isinstance(form, Crossover):
        return {"metric": form.metric, "along": form.along}
    return {"metric": form.metric}


def _witnesses(form: Claim, trials: Sequence[TrialResult]) -> tuple[Finding, ...]:
    """Returns one witness of the claim's own violation, and one of its control's."""
    if not isinstance(form, Never):
        return ()
    found = []
    for part in (form, controlled(form)):
        for trial in trials:
            first = next((f for f in trial.outcome.findings if f.kind == form.finding), None)
            if matches(sides(part)[0], trial.treatment) and first is not None:
                found.append(replace(first, says=f"{label(trial.treatment)}: {first.says}"))
                break
    return tuple(found)
