"""Claims judged over the trials of a run. Pure: trials in, verdicts out, so `recheck` needs only files.

A claim's evidence and its control's evidence are judged by the same form. Rules that stand above all forms:

- a violation of `never` refutes it, whenever it is seen;
- a claim that would hold is `inconclusive` unless its control came out the other way;
- a trial to which noise added time testifies to what noise can't make (`testimony`);
- where more than a fifth of the planned trials a claim rests on gave no evidence, it is `inconclusive`, with
  the commonest cause. A void trial that was run again, and was not void then, gave evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hinterland.claims.grounds.form import Form, matches
from hinterland.model.experiment import Experiment, Where, label
from hinterland.model.verdict import Evidence, TrialResult, Verdict

MOST_LOST_SHARE = 0.2


def judge(
    experiment: Experiment,
    claims: Mapping[str, Form],
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


def awaited(form: Form, verdict: Verdict, treatments: Sequence[Where]) -> tuple[Where, ...]:
    """Returns those of the treatments on which rests what is open of a verdict: claim, control or both.

    What is decided stays so with the trials that it has: intervals hold at every moment at once.
    """
    open_parts: list[Where] = []
    if verdict.evidence.verdict == "inconclusive" or verdict.evidence.sharpens:
        open_parts += form.awaits(verdict.evidence, treatments)
    if verdict.verdict == "inconclusive" and verdict.control.verdict != "refuted":
        open_parts += form.controlled().awaits(verdict.control, treatments)
    return tuple(each for each in treatments if any(matches(where, each) for where in open_parts))


def decidable(form: Form, treatments: Sequence[Where]) -> bool:
    """Decides whether trials of these treatments could make a claim hold: no side is missing."""
    return all(
        any(matches(where, treatment) for treatment in treatments)
        for part in (form, form.controlled())
        for where in part.sides()
    )


def _verdict(
    experiment: Experiment,
    claim_id: str,
    form: Form,
    trials: Sequence[TrialResult],
    alpha: float,
    interrupted: str,
) -> Verdict:
    declared = next(claim for claim in experiment.claim if claim.id == claim_id)
    evidence = _evidence(experiment, form, trials, alpha)
    control = _evidence(experiment, form.controlled(), trials, alpha, control=True)
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
        form=form.NAME,
        witnesses=form.witnesses(trials),
        detail=form.axes(),
    )


def _evidence(
    experiment: Experiment, form: Form, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
) -> Evidence:
    about = [trial for trial in trials if any(matches(where, trial.treatment) for where in form.sides())]
    if not about:
        wanted = " and ".join(label(where) for where in form.sides())
        return Evidence(verdict="inconclusive", says="no trial", cause=f"no trial of {wanted} was run")
    usable = [trial for trial in trials if trial.status == "done"]
    judged = form.judge(experiment, usable, alpha, control=control)
    if form.convicts_alone(judged):
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
