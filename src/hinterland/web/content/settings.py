"""The form with which a run is asked for: what each factor may be set to, and what was asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment, Factor, Level, show
from hinterland.model.levels import bounds, is_range, treatments
from hinterland.report.charts.samples import is_number, level_text, name_of
from hinterland.rig.machine.availability import Availability
from hinterland.runner import plan

PREFIX = "set-"
"""What the fields of a factor are called, before its name. A field may come several times."""
LONGEST = 200


@dataclass(frozen=True)
class Box:
    """A level that is known beforehand. lacks: what must be installed for it, empty where it can run."""

    value: str
    says: str
    checked: bool
    lacks: str = ""


@dataclass(frozen=True)
class Field:
    """A factor in the form. written: the numbers beside its boxes, as they were written; None where the
    factor takes none. problem: why what was asked of it is refused."""

    name: str
    title: str
    unit: str
    says: str
    boxes: tuple[Box, ...]
    written: str | None
    between: str
    hint: str
    problem: str = ""


Asked = Mapping[str, Sequence[str]]


def asked(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Returns the levels in the fields of a form or an address, by factor; lists by comma are taken apart."""
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        if name.startswith(PREFIX):
            levels = [word.strip()[:LONGEST] for word in text.split(",")]
            found.setdefault(name.removeprefix(PREFIX), []).extend(word for word in levels if word)
    return {name: list(dict.fromkeys(levels)) for name, levels in found.items() if levels}


def fields(experiment: Experiment, found: Availability, wanted: Asked) -> list[Field]:
    """Returns the form, filled in with what was asked, and where nothing was, with the usual levels."""
    lacking = {
        (each.factor, show(each.level)): ", ".join(need.install or need.need for need in each.needs)
        for each in found.absent
    }
    return [_field(experiment, name, wanted.get(name), lacking) for name in experiment.factor]


def _field(
    experiment: Experiment, name: str, wanted: Sequence[str] | None, lacking: Mapping[tuple[str, str], str]
) -> Field:
    factor = experiment.factor[name]
    usual = [show(level) for level in factor.levels]
    chosen = usual if wanted is None else [_known(factor, word) or word for word in wanted]
    boxes = tuple(
        Box(
            show(level), level_text(experiment, name, level), show(level) in chosen,
            lacking.get((name, show(level)), ""),
        )
        for level in _levels(factor)
    )  # fmt: skip
    rest = [word for word in chosen if word not in {box.value for box in boxes}]
    ranged = is_range(factor)
    return Field(
        name=name,
        title=name_of(experiment, name),
        unit=factor.unit,
        says=factor.says,
        boxes=boxes,
        written=", ".join(rest) if ranged or rest else None,
        between=bounds(factor) if ranged else "",
        hint=factor.hint,
        problem=_problem(experiment, name, wanted or ()),
    )


def _problem(experiment: Experiment, name: str, wanted: Sequence[str]) -> str:
    try:
        if wanted:
            plan.settings(experiment, [f"{name}={','.join(wanted)}"])
    except UsageError as error:
        return error.says.removeprefix(f"{experiment.id}: ")
    return ""


def _levels(factor: Factor) -> list[Level]:
    """Returns the levels that have a box: the usual ones, then the others that may be chosen."""
    return [*factor.levels, *(level for level in factor.choices if level not in factor.levels)]


def _known(factor: Factor, word: str) -> str:
    """Returns a level as its box has it, for a word that means it: `10.0` is 10; empty for another word."""
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    levels = _levels(factor)
    texts = [show(level) for level in levels if word in (show(level), str(level))]
    return next(iter(texts + [show(level) for level in levels if is_number(level) and level == number]), "")


def read(experiment: Experiment, wanted: Asked) -> tuple[str, ...]:
    """Returns what was asked as the command line has it, `rtt_ms=50,100`; what is as usual is left out.

    Raises UsageError for a level that is none, and for more than the budget allows.
    """
    chosen: dict[str, tuple[Level, ...]] = {}
    for name, words in wanted.items():
        [(factor, levels)] = plan.settings(experiment, [f"{name}={','.join(words)}"]).items()
        if set(map(show, levels)) != set(map(show, experiment.factor[factor].levels)):
            chosen[factor] = levels
    made = treatments(experiment, chosen)
    needed_s = len(made) * experiment.trial_s
    if needed_s > experiment.budget_s:
        raise UsageError(
            f"That makes {len(made)} treatments, which take about {needed_s:.0f} s once; "
            f"a run from here has {experiment.budget_s:g} s.",
            "Take some levels away, or run it in a terminal with a longer --budget.",
        )
    return tuple(f"{name}={','.join(map(show, levels))}" for name, levels in chosen.items())
