"""Asking again: the same question at another level, and which run answers which asking."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from hinterland.model.experiment import Experiment, Factor, Level
from hinterland.model.levels import is_range, rule_broken, same, treatments
from hinterland.model.run import RunInfo
from hinterland.report.charts.samples import is_number, matches
from hinterland.web.reader import marks
from hinterland.web.reader.design import design
from hinterland.web.reader.notebook import Entry, Notebook

FILE = Path(__file__).with_name("again.toml")
STEPS = (2.0, 0.5, 4.0, 0.25)
"""How far from what was asked at first another level lies, where nobody has chosen one."""


@cache
def declared() -> dict[str, dict[str, tuple[Level, ...]]]:
    """Returns by place which factor changes, and its levels; an empty table where none does."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        f"{region}/{name}": {factor: tuple(levels) for factor, levels in table.items()}
        for region, places in found.items()
        for name, table in places.items()
    }


def others(it: Experiment) -> list[dict[str, Level]]:
    """Returns the levels at which a place can be asked again, each of one factor; none where it stays."""
    chosen = declared().get(it.id)
    if chosen is None:
        chosen = _by_rule(it)
    found = [{name: level} for name, levels in chosen.items() for level in levels]
    return [each for each in found if marks.rows(design(it, _each(each)))]


def following(it: Experiment, asked: Iterable[Entry]) -> dict[str, Level]:
    """Returns the levels of the next asking: of `others` the first that was asked the least so far."""
    choices = others(it)
    if not choices:
        return {}
    past = [entry.levels for entry in asked]
    return min(choices, key=past.count)


def _by_rule(it: Experiment) -> dict[str, tuple[Level, ...]]:
    """Returns a factor of the first chart and levels of it that do not run by default.

    First what the chart keeps still, for it moves all rows; then what it draws along.
    """
    if not it.chart:
        return {}
    chart = it.chart[0]
    for name in (*chart.where, *filter(None, (chart.by, chart.series))):
        factor = it.factor.get(name)
        found = [] if factor is None else _levels(factor, chart.where.get(name))
        if found:
            return {name: tuple(found)}
    return {}


def _levels(factor: Factor, kept: Level | None) -> list[Level]:
    """Returns levels that are allowed and not among those that run by default."""
    from_choices = [level for level in factor.choices if not any(same(level, one) for one in factor.levels)]
    if not is_range(factor):
        return from_choices
    numbers = [level for level in (kept, *factor.levels) if is_number(level) and level]
    if not numbers:
        return []
    base = float(numbers[0] or 0) if kept else max(float(level or 0) for level in numbers)
    whole = all(isinstance(level, int) for level in factor.levels)
    tried: list[Level] = [round(base * step) if whole else float(f"{base * step:.2g}") for step in STEPS]
    return [
        level
        for level in dict.fromkeys(tried)
        if level and not rule_broken(factor, level) and not any(same(level, one) for one in factor.levels)
    ]


def _each(levels: Mapping[str, Level]) -> dict[str, tuple[Level]]:
    return {name: (level,) for name, level in levels.items()}


def can_run(it: Experiment, levels: Mapping[str, Level]) -> bool:
    """Decides whether a place has these levels: a prediction may be older than it, or from elsewhere."""
    return all(
        name in it.factor and not rule_broken(it.factor[name], level) for name, level in levels.items()
    )


def asked(it: Experiment, levels: Mapping[str, Level]) -> Experiment:
    """Returns what is asked of a place at other levels: only its marks, for its words name the usual ones."""
    if not levels:
        return it
    found = design(it, _each(levels))
    return msgspec.structs.replace(
        found, prediction=msgspec.structs.replace(found.prediction, options=(), correct="")
    )


def as_run(info: RunInfo) -> Experiment:
    """Returns the experiment as a run was asked to do it."""
    return design(info.experiment, info.set)


def answers(info: RunInfo, entry: Entry, it: Experiment) -> bool:
    """Decides whether a run does what a prediction speaks of: the same levels kept, and a row in common."""
    if info.experiment.id != entry.experiment or info.started_at <= entry.t_s:
        return False
    wanted, ran = design(it, _each(entry.levels)), as_run(info)
    had, expected = _kept(ran, info.treatments), _kept(wanted, treatments(wanted))
    if not all(had[name] <= expected[name] for name in had.keys() & expected.keys()):
        return False
    return not entry.marks or bool(entry.marks.keys() & _keys(ran, info.treatments))


def _kept(it: Experiment, found: Iterable[Mapping[str, Level]]) -> dict[str, set[Level]]:
    """Returns the levels of what the first chart neither draws along nor tells apart."""
    chart = it.chart[0] if it.chart else None
    levels: dict[str, set[Level]] = {}
    for treatment in found:
        if chart is None or matches(dict(treatment), chart.where):
            for name, level in treatment.items():
                if chart is None or name not in (chart.by, chart.series):
                    levels.setdefault(name, set()).add(level)
    return levels


def _keys(it: Experiment, found: Iterable[Mapping[str, Level]]) -> set[str]:
    if not it.chart:
        return set()
    chart = it.chart[0]
    return {
        marks.key_of(treatment[chart.by], treatment[chart.series] if chart.series else None)
        for treatment in found
        if matches(dict(treatment), chart.where)
    }


def prediction_of(notebook: Notebook, info: RunInfo, it: Experiment) -> Entry | None:
    """Returns the last prediction that a run answers; None without one."""
    return next(
        (
            entry
            for entry in reversed(notebook.entries())
            if entry.kind == "predicted" and answers(info, entry, it)
        ),
        None,
    )
