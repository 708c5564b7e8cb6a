"""What `hinterland list` prints: the experiments by region, and what this machine can run."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from hinterland import catalogue
from hinterland.cli.terminal.output import heading, paint, print_json, wrapped
from hinterland.errors import UsageError
from hinterland.model.experiment import REGIONS, Experiment, show
from hinterland.rig.machine.availability import Availability, availability
from hinterland.rig.machine.needs import check

if TYPE_CHECKING:
    from hinterland.cli.terminal.documents import AbsentLevel, ListedExperiment, MissingNeed


known = cache(check)
"""What `check` has found, for as long as this command lasts: many experiments need the same."""


def print_list(region: str = "", json: bool = False) -> int:
    """Prints the experiments of a region, of all without one, and returns the exit status."""
    if region and region not in REGIONS:
        raise UsageError(f"{region} is not a region.", f"They are: {', '.join(REGIONS)}")
    chosen = [one for one in catalogue.experiments() if region in ("", one.region)]
    if json:
        print_json([document(one) for one in chosen])
    else:
        print(page(chosen, region))
    print_broken()
    return 0


def print_broken() -> None:
    """Says on stderr which manifests are left out, and why."""
    for error in catalogue.broken():
        print(f"{paint('left out', 'yellow', stream=sys.stderr)}  {error}", file=sys.stderr)


def page(chosen: list[Experiment], region: str) -> str:
    """Returns the list as text."""
    lines: list[str] = []
    for name, epithet in REGIONS.items():
        here = [one for one in chosen if one.region == name]
        if not here and name != region:
            continue
        lines += [f"{heading(name)}  {paint(epithet, 'dim')}", ""]
        if not here:
            lines += ["  No experiment yet.  Start one: hinterland new " + name + "/NAME", ""]
        for one in here:
            found = availability(one, known)
            sign, style = {"all": ("●", "green"), "some": ("◐", "yellow"), "no": ("○", "red")}[found.runs]
            lines.append(f"  {paint(sign, style)} {paint(one.id, 'cyan')}")
            lines.append(wrapped(one.question, 4))
            if found.runs != "all":
                lines.append(paint(wrapped(in_words(found), 4), "dim"))
            lines.append("")
    if chosen:
        lines.append("● runs here  ◐ some levels are left out  ○ needs something")
        lines.append(f"Run one: {paint(f'hinterland run {chosen[0].id}', 'cyan')}")
    elif not region:
        lines.append("There is no experiment here.")
    return "\n".join(lines)


def in_words(found: Availability) -> str:
    """Returns what keeps an experiment from running whole: `without engine=lmdb: needs python:lmdb`."""
    if found.runs == "no":
        lacking = ", ".join(status.need for status in found.required)
        return f"can't run: needs {lacking}. See: hinterland doctor"
    left = ", ".join(f"{one.factor}={show(one.level)}" for one in found.absent)
    lacking = ", ".join(dict.fromkeys(status.need for one in found.absent for status in one.needs))
    return f"without {left}: needs {lacking}"


def document(one: Experiment) -> ListedExperiment:
    """Returns one experiment as `list --json` prints it."""
    from hinterland.cli.terminal.documents import ListedExperiment

    found = availability(one, known)
    return ListedExperiment(
        id=one.id,
        region=one.region,
        title=one.title,
        question=one.question,
        budget_s=one.budget_s,
        runs=found.runs,
        missing=missing_of(found),
        left_out=left_out_of(found),
        folder=one.folder,
    )


def missing_of(found: Availability) -> tuple[MissingNeed, ...]:
    from hinterland.cli.terminal.documents import MissingNeed

    return tuple(MissingNeed(status.need, status.install) for status in found.missing)


def left_out_of(found: Availability) -> tuple[AbsentLevel, ...]:
    from hinterland.cli.terminal.documents import AbsentLevel

    return tuple(AbsentLevel(absent.factor, absent.level) for absent in found.absent)
