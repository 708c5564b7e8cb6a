"""Judges a run again from its files alone: histories through the experiment's `outcome`, then its claims."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from hinterland.claims.declared import claims_of
from hinterland.claims.judge import judge
from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment
from hinterland.model.run import PlannedTrial, RunRecord
from hinterland.model.verdict import TrialResult
from hinterland.runner.record import histories
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.trials import code
from hinterland.runner.trials.code import Code
from hinterland.runner.trials.trial import judged
from hinterland.runner.trials.trial_status import with_assumptions


def recheck(folder: RunFolder, experiment: Experiment | None = None) -> RunRecord:
    """Returns the record with its trials and verdicts judged again by today's code; writes nothing.

    `experiment` defaults to the manifest in the record, so that claims are those declared before the run. A
    record of format 1 has only their words: it needs today's manifest (`is_without_claims`). What can't be
    seen in a history (how busy the machine was) is taken from the record.
    Raises UsageError when the run's experiment is not installed here, its record is damaged, or how its
    claims are judged is not known.
    """
    kept = folder.record()
    experiment = experiment or kept.info.experiment
    if is_without_claims(experiment):
        raise UsageError(
            f"{kept.info.id} was recorded before records held how claims are judged.",
            f'Give today\'s claims: recheck(folder, hinterland.find("{experiment.id}"))',
        )
    if not Path(experiment.folder).exists():
        raise UsageError(
            f"{experiment.id} is not here ({experiment.folder} is gone), so its run can't be judged again.",
            "Its report still can be shown: hinterland report " + kept.info.id,
        )
    loaded = code.load(experiment)
    trials = tuple(_again(loaded, folder.path, result) for result in kept.trials)
    cause = kept.info.cause if kept.info.status != "finished" else ""
    return replace(
        kept, trials=trials, verdicts=judge(experiment, claims_of(experiment), trials, interrupted=cause)
    )


def is_without_claims(experiment: Experiment) -> bool:
    """Decides whether a record's manifest is from before claims were declared in it."""
    return not all(claim.form for claim in experiment.claim)


def _again(loaded: Code, folder: Path, result: TrialResult) -> TrialResult:
    """Returns a trial judged again from its history; as it was when it failed before it was judged.

    Raises UsageError when a history that there was is gone.
    """
    if result.status == "failed" and not result.cause.startswith("the checker raised"):
        return result
    plan = PlannedTrial(result.id, result.block, result.treatment, result.seed)
    again = judged(loaded, plan, histories.load(folder, result.id), duration_s=result.duration_s)
    kept = (each for each in result.outcome.assumptions if each.id == "machine_quiet")
    # A record made before assumptions said so has it untimed.
    machine = tuple(replace(each, timed=True) for each in kept)
    return replace(with_assumptions(again, *machine), weather=result.weather)
