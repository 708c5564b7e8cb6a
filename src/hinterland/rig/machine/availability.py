"""Which part of an experiment this machine can run, from the needs in its manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from hinterland.model.experiment import Experiment, Level, show
from hinterland.rig.machine.needs import NeedStatus, check


class Absent(Struct, frozen=True):
    """A level that this machine can't run, and the needs that it lacks."""

    factor: str
    level: Level
    needs: tuple[NeedStatus, ...]


class Availability(Struct, frozen=True):
    """What of an experiment runs here.

    `runs` is `all`, `some` (without the levels in `absent`) or `no`. `missing` holds every need that is
    not met, once, and `required` those without which nothing runs.
    """

    runs: Literal["all", "some", "no"]
    missing: tuple[NeedStatus, ...] = ()
    required: tuple[NeedStatus, ...] = ()
    absent: tuple[Absent, ...] = ()

    @property
    def unavailable(self) -> dict[str, list[Level]]:
        """The absent levels by factor, as `runner.plan.treatments` takes them."""
        found: dict[str, list[Level]] = {}
        for one in self.absent:
            found.setdefault(one.factor, []).append(one.level)
        return found


def availability(experiment: Experiment, check: Callable[[str], NeedStatus] = check) -> Availability:
    """Returns what of `experiment` runs here, as `check` answers for its needs."""
    lacking: dict[str, NeedStatus] = {}
    required = []
    for need in experiment.needs:
        status = check(need.rstrip("?"))
        if not status.available:
            lacking[status.need] = status
            if not need.endswith("?"):
                required.append(status)
    absent = []
    for name, factor in experiment.factor.items():
        for level in (*factor.levels, *(one for one in factor.choices if one not in factor.levels)):
            wanted = [check(need.rstrip("?")) for need in factor.needs.get(show(level), ())]
            unmet = tuple(status for status in wanted if not status.available)
            lacking.update({status.need: status for status in unmet})
            if unmet:
                absent.append(Absent(name, level, unmet))
    gone = {(one.factor, show(one.level)) for one in absent}
    emptied = [
        name
        for name, factor in experiment.factor.items()
        if all((name, show(level)) in gone for level in factor.levels)
    ]
    if required or emptied:
        emptied_needs = [status for one in absent if one.factor in emptied for status in one.needs]
        whole = {status.need: status for status in (*required, *emptied_needs)}
        return Availability("no", tuple(lacking.values()), tuple(whole.values()), tuple(absent))
    return Availability("some" if absent else "all", tuple(lacking.values()), (), tuple(absent))
