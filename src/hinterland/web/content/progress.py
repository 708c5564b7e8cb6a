"""How far a run is: its time, when its claims are looked at next, and what disturbs it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hinterland.drawing import numbers
from hinterland.model.run import BlockStarted, RunRecord
from hinterland.report import weather

TOLD_LATENESS = ("on_schedule", "link_on_time")
"""The assumptions that measure how late a load's generator and a link were."""
ON_TIME_MS = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    block: the one under way, 0 before the first. left: the trials it still has; next_look_s: how long they
    may take, None before anything tells; look: the same in words. machine, generator: the latest trial's
    weather, and how late its load and links were, in words.
    """

    elapsed_s: float
    budget_s: float
    block: int
    left: int
    next_look_s: float | None
    look: str
    machine: str
    generator: str


def of(record: RunRecord, now: float | None = None) -> Progress:
    """Returns how far a run is. now: Unix seconds, by default this moment."""
    elapsed_s = max(0.0, (time.time() if now is None else now) - record.info.started_at)
    block = next((event for event in reversed(record.events) if isinstance(event, BlockStarted)), None)
    left_s, left = _left(record, block)
    return Progress(
        elapsed_s=elapsed_s,
        budget_s=record.info.budget_s,
        block=block.block if block is not None else 0,
        left=left,
        next_look_s=left_s,
        look=_look(block, left, left_s),
        machine=_machine(record),
        generator=_generator(record),
    )


def _left(record: RunRecord, block: BlockStarted | None) -> tuple[float | None, int]:
    """Returns how long the rest of a block may take, by what each treatment took before, and its trials."""
    if block is None:
        return None, 0
    done = {trial.planned_id for trial in record.trials if trial.block == block.block}
    rest = [trial for trial in block.trials if trial.id not in done]
    took: dict[str, float] = {str(trial.treatment): trial.duration_s for trial in record.trials}
    if not rest:
        return 0.0, 0
    usual_s = sum(took.values()) / len(took) if took else record.info.experiment.trial_s
    return sum(took.get(str(trial.treatment), usual_s) for trial in rest), len(rest)


def _look(block: BlockStarted | None, left: int, left_s: float | None) -> str:
    if block is None or left_s is None:
        return "The claims are looked at after each block."
    if not left:
        return f"Block {block.block} is done: the claims are looked at now."
    trials = "1 more trial" if left == 1 else f"{left} more trials"
    return f"The claims are looked at next after block {block.block}: {trials}, in about {_rough(left_s)}."


def _rough(time_s: float) -> str:
    return f"{max(1, round(time_s)):.0f} s" if time_s < 90 else numbers.quantity(time_s, "s", digits=2)


def _machine(record: RunRecord) -> str:
    felt = [trial.weather for trial in record.trials if trial.weather is not None]
    if not felt:
        return "not known yet"
    taken = weather.taken_says(felt[-1])
    return taken[:1].upper() + taken[1:] if taken else "quiet"


def _generator(record: RunRecord) -> str:
    """Returns how late the load and the links of the latest trial were; empty where it has neither."""
    late = [
        each for trial in record.trials[-1:] for each in trial.outcome.assumptions if each.id in TOLD_LATENESS
    ]
    if not late:
        return ""
    most_ms = max(each.late_ms for each in late)
    return "on time" if most_ms < ON_TIME_MS else f"{numbers.quantity(most_ms, 'ms', digits=2)} late (p99)"


def clock(elapsed_s: float, budget_s: float) -> str:
    """Returns the time of a run as its page and its script say it: `12 s, at most 44 s to go`."""
    left_s = budget_s - elapsed_s
    if left_s <= 0:
        return f"{elapsed_s:.0f} s, beyond its budget: it ends with what is under way"
    return f"{elapsed_s:.0f} s, at most {left_s:.0f} s to go"
