"""What a decoded manifest must obey, one function a part. Each yields `Problem`s; none means it is sound."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from hinterland.catalogue.places import FILES
from hinterland.claims.declared import faults
from hinterland.model.experiment import REGIONS, Chart, Experiment, Factor, Level, show
from hinterland.model.levels import is_range, rule_broken, treatments
from hinterland.rig.machine.needs import KNOWN_NEEDS

NAME = re.compile(r"[a-z][a-z0-9_]*")
NEED = re.compile(r"(python|service|program|capability):[A-Za-z0-9_.+-]+\??")
CLOSED_KINDS = ("service", "capability")
"""Kinds of need whose names the rig must know; any Python module or program may be asked for."""


class Problem(Struct, frozen=True):
    """A broken rule. `value` is None where nothing stands at `key`."""

    key: str
    value: Any
    rule: str
    next_step: str = ""


def problems(experiment: Experiment, folder: Path) -> list[Problem]:
    """Returns every rule that the manifest breaks, in the order of the file's parts."""
    return [
        *place_problems(experiment, folder),
        *text_problems(experiment),
        *factor_problems(experiment),
        *metric_problems(experiment),
        *claim_problems(experiment),
        *grid_problems(experiment),
        *chart_problems(experiment),
        *ladder_problems(experiment),
        *need_problems("needs", experiment.needs),
        *budget_problems(experiment),
    ]


def place_problems(experiment: Experiment, folder: Path) -> Iterator[Problem]:
    if experiment.region not in REGIONS:
        names = ", ".join(REGIONS)
        yield Problem("region", experiment.region, f"is no region: the folder must stand in one of {names}.")
    if not NAME.fullmatch(experiment.name):
        yield Problem(
            "name",
            experiment.name,
            "must be lower case letters, digits and underscores.",
            "Rename the folder.",
        )
    for file in FILES:
        if not (folder / file).is_file():
            yield Problem("", None, f"needs a file {file} beside it.", f"Add {folder / file}")


def text_problems(experiment: Experiment) -> Iterator[Problem]:
    for key in ("title", "question", "learned"):
        if not getattr(experiment, key).strip():
            yield Problem(key, "", "must not be empty.")
    for number, source in enumerate(experiment.source, start=1):
        if not source.url.startswith(("https://", "http://")):
            yield Problem(f"source[{number}].url", source.url, "must be a web address.")


def factor_problems(experiment: Experiment) -> Iterator[Problem]:
    if not experiment.factor:
        yield Problem("factor", None, "is missing: an experiment sets at least one factor.")
    for name, factor in experiment.factor.items():
        key = f"factor.{name}"
        if not NAME.fullmatch(name):
            yield Problem(key, None, "must be named in lower case letters, digits and underscores.")
        yield from level_problems(key, factor)
        known = {show(level) for level in (*factor.levels, *factor.choices)}
        for level, needs in factor.needs.items():
            if level not in known:
                rule = f"is no level of {name}: they are {', '.join(sorted(known))}."
                yield Problem(f"{key}.needs", level, rule)
            yield from need_problems(f"{key}.needs.{level}", needs)


def level_problems(key: str, factor: Factor) -> Iterator[Problem]:
    if not factor.levels:
        yield Problem(f"{key}.levels", [], "must have at least one level.")
    if len({show(level) for level in factor.levels}) < len(factor.levels):
        yield Problem(f"{key}.levels", factor.levels, "must not name a level twice.")
    if factor.minimum is not None and factor.maximum is not None and factor.minimum > factor.maximum:
        yield Problem(f"{key}.minimum", factor.minimum, f"must not be above maximum, {show(factor.maximum)}.")
    allowed = Factor(
        levels=(), says="", choices=factor.choices, minimum=factor.minimum, maximum=factor.maximum
    )
    if not factor.choices and not is_range(factor):
        return
    for level in factor.levels:
        rule = rule_broken(allowed, level)
        if rule:
            yield Problem(f"{key}.levels", level, f"{rule}.")


def metric_problems(experiment: Experiment) -> Iterator[Problem]:
    if not experiment.metric:
        yield Problem("metric", None, "is missing: an experiment measures at least one metric.")
    for name, metric in experiment.metric.items():
        key = f"metric.{name}"
        if not NAME.fullmatch(name):
            yield Problem(key, None, "must be named in lower case letters, digits and underscores.")
        if metric.steady and not metric.timed:
            yield Problem(f"{key}.steady", metric.steady, "is for what rests on time; timed is false here.")
        if metric.best is not None and metric.better != "higher":
            yield Problem(f"{key}.best", metric.best, 'needs better = "higher": it is the largest value.')


def claim_problems(experiment: Experiment) -> Iterator[Problem]:
    if not any(claim.main for claim in experiment.claim):
        yield Problem("claim", None, "must hold at least one main claim.")
    seen: set[str] = set()
    for number, claim in enumerate(experiment.claim, start=1):
        key = f"claim[{number}]"
        if not NAME.fullmatch(claim.id):
            yield Problem(f"{key}.id", claim.id, "must be lower case letters, digits and underscores.")
        if claim.id in seen:
            yield Problem(f"{key}.id", claim.id, "is taken by a claim above it.")
        seen.add(claim.id)
        if not claim.says.strip():
            yield Problem(f"{key}.says", claim.says, "must not be empty.")
        if not claim.control.strip():
            rule = "must say in words which treatment turns the claim over."
            yield Problem(f"{key}.control", claim.control, rule, "A claim with no control can't fail.")
        for fault in faults(experiment, claim):
            yield Problem(f"{key}.{fault.key}".rstrip("."), fault.value, fault.rule)


def grid_problems(experiment: Experiment) -> Iterator[Problem]:
    for number, row in enumerate(experiment.grid, start=1):
        for name, levels in row.items():
            yield from where_problems(experiment, f"grid[{number}]", {name: levels})
            if not levels:
                yield Problem(f"grid[{number}].{name}", [], "must have at least one level.")


def chart_problems(experiment: Experiment) -> Iterator[Problem]:
    for number, chart in enumerate(experiment.chart, start=1):
        key = f"chart[{number}]"
        if chart.metric not in experiment.metric:
            yield unknown(f"{key}.metric", chart.metric, "metric", experiment.metric)
        for part in ("by", "series"):
            name = getattr(chart, part)
            if name not in experiment.factor and (name or part == "by"):
                yield unknown(f"{key}.{part}", name, "factor", experiment.factor)
        for part, levels in (("where", chart.where), ("expected_where", chart.expected_where)):
            where = {name: (level,) for name, level in levels.items()}
            yield from where_problems(experiment, f"{key}.{part}", where)
        yield from expected_problems(experiment, key, chart)


def expected_problems(experiment: Experiment, key: str, chart: Chart) -> Iterator[Problem]:
    """What is drawn beside the measured metric must be another metric on the same axis."""
    drawn, expected = (experiment.metric.get(name) for name in (chart.metric, chart.expected))
    if chart.expected_where and not chart.expected:
        yield Problem(f"{key}.expected_where", None, "needs a metric in expected.")
    if chart.expected and expected is None:
        yield unknown(f"{key}.expected", chart.expected, "metric", experiment.metric)
    elif chart.expected and chart.expected == chart.metric:
        yield Problem(f"{key}.expected", chart.expected, "must be another metric than the chart's.")
    elif drawn and expected and expected.unit != drawn.unit:
        rule = f'must have the unit of {chart.metric}, "{drawn.unit}", not "{expected.unit}".'
        yield Problem(f"{key}.expected", chart.expected, rule)


def ladder_problems(experiment: Experiment) -> Iterator[Problem]:
    for number, ladder in enumerate(experiment.ladder, start=1):
        where = {name: (level,) for name, level in ladder.where.items()}
        yield from where_problems(experiment, f"ladder[{number}].where", where)


def where_problems(
    experiment: Experiment, key: str, where: Mapping[str, tuple[Level, ...]]
) -> Iterator[Problem]:
    for name, levels in where.items():
        if name not in experiment.factor:
            yield unknown(f"{key}.{name}", None, "factor", experiment.factor)
            continue
        for level in levels:
            rule = rule_broken(experiment.factor[name], level)
            if rule:
                yield Problem(f"{key}.{name}", level, f"{rule}.")


def need_problems(key: str, needs: Iterable[str]) -> Iterator[Problem]:
    for need in needs:
        kind, _, name = need.rstrip("?").partition(":")
        known = [one.partition(":")[2] for one in KNOWN_NEEDS if one.startswith(f"{kind}:")]
        if not NEED.fullmatch(need):
            rule = "must be python:, service:, program: or capability: and a name."
            example = 'For example "service:postgresql", or "service:postgresql?" if optional.'
            yield Problem(key, need, rule, example)
        elif kind in CLOSED_KINDS and name not in known:
            yield unknown(key, need, kind, known, of="Hinterland")


def budget_problems(experiment: Experiment) -> Iterator[Problem]:
    for key in ("budget_s", "trial_s"):
        if not getattr(experiment, key) > 0:
            yield Problem(key, getattr(experiment, key), "must be above 0.")
    size = len(treatments(experiment))
    block_s = size * experiment.trial_s
    if experiment.budget_s < block_s:
        each_s = show(experiment.trial_s)
        rule = f"is too short for one block: {size} treatments of {each_s} s take {block_s:g} s."
        yield Problem("budget_s", experiment.budget_s, rule, "Give more time, or fewer levels (see grid).")


def unknown(
    key: str, value: str | None, kind: str, known: Iterable[str], of: str = "this experiment"
) -> Problem:
    return Problem(key, value, f"is no {kind} of {of}: they are {', '.join(known)}.")
