"""From the texts of the command line to what is asked of a load."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from msgspec.structs import replace

from hinterland.cli.load.option_groups import ArrivalOptions, JudgingOptions, OutputOptions, given_as
from hinterland.errors import UsageError
from hinterland.load.capacity.aim import aim_of
from hinterland.load.options.declared import OPTIONS, Asked
from hinterland.load.options.option import Option
from hinterland.load.options.rules import read_objectives, together
from hinterland.load.plan import notation as load_words
from hinterland.load.plan.plan import LoadPlan, Objective
from hinterland.load.record.folder import lacks_secrets
from hinterland.load.result.record import LoadRecord


def asked(*groups: Any) -> Asked:
    """Returns what the groups of options ask for. Raises UsageError with value, rule and next step."""
    given = {field.name: getattr(group, field.name) for group in groups for field in fields(group)}
    return Asked(
        **{
            name: _value(option, given[given_as(name)])
            for name, option in OPTIONS.items()
            if given[given_as(name)] is not None
        }
    )


def _value(option: Option, written: Any) -> Any:
    return written if option.read is None else option.read(written)


def as_before(against: LoadRecord | None, wanted: Asked) -> LoadPlan:
    """Returns the plan of the load to compare with, to be driven once more.

    Raises UsageError without one, where something else is asked as well, and where a secret was not kept.
    """
    if against is None:
        raise UsageError("load needs a URL.", "Such as: hinterland load http://localhost:8080/ --rate 500")
    if against.result is None:
        raise UsageError(f"{against.id} was a search for capacity.", "Give a load: hinterland runs load")
    changed = [field.name for field in fields(Asked) if getattr(wanted, field.name) != field.default]
    if others := [name for name in changed if name != "objectives"]:
        raise UsageError(
            f"{others[0].removesuffix('_s').replace('_', '-')} needs a URL: without one the earlier load is "
            "repeated as it was.",
            f"Leave it out, or give the URL: {against.url}",
        )
    plan = against.result.plan
    if lacks_secrets(plan):
        raise UsageError(
            f"{against.id} was driven with a secret, which was not kept.", f"Give it again: {against.command}"
        )
    return replace(plan, objectives=read_objectives(wanted.objectives) or plan.objectives)


def capacity_objective(
    judging: JudgingOptions, arrivals: ArrivalOptions, output: OutputOptions
) -> Objective | None:
    """Returns the objective of a capacity search, None without one. Raises UsageError where that can't be.

    With `--rate` the search begins there.
    """
    if judging.find_capacity is None:
        return None
    for name, given in (
        ("ramp", arrivals.ramp),
        ("steps", arrivals.steps),
        ("trace", arrivals.trace),
        ("closed", arrivals.closed or None),
        ("count", arrivals.count),
        ("assert", judging.objectives or None),
        ("vs", judging.vs),
        ("hdr", output.hdr),
        ("operations", output.operations),
    ):
        together("find-capacity", judging.find_capacity, name, given)
    objective = load_words.parse_objective(judging.find_capacity)
    aim_of(objective)
    return objective
