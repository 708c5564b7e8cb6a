"""Levels of a factor: which are allowed, and how many treatments they make."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from hinterland.model.experiment import Experiment, Factor, Level, show


def rule_broken(factor: Factor, level: Level) -> str:
    """Returns the rule of `factor` that `level` breaks, to follow "level "; empty if it is allowed."""
    if any(same(level, known) for known in (*factor.levels, *factor.choices)):
        return ""
    if not is_range(factor):
        names = ", ".join(show(known) for known in factor.choices or factor.levels)
        return f"must be one of {names}"
    if isinstance(level, bool) or not isinstance(level, int | float):
        return f"must be a number {bounds(factor)}".rstrip()
    below = factor.minimum is not None and level < factor.minimum
    above = factor.maximum is not None and level > factor.maximum
    return f"must be {bounds(factor)}" if below or above or level != level else ""


def is_range(factor: Factor) -> bool:
    """Decides whether any number between the factor's bounds may be asked for."""
    return factor.minimum is not None or factor.maximum is not None


def bounds(factor: Factor) -> str:
    """Returns the range in words: `between 0 and 1`, `at least 1`; empty without one."""
    if factor.minimum is not None and factor.maximum is not None:
        return f"between {show(factor.minimum)} and {show(factor.maximum)}"
    if factor.minimum is not None:
        return f"at least {show(factor.minimum)}"
    return f"at most {show(factor.maximum)}" if factor.maximum is not None else ""


def same(one: Level, other: Level) -> bool:
    """Decides whether two levels are the same; `true` is not 1, and 1 is 1.0."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def treatments(
    experiment: Experiment,
    chosen: Mapping[str, Sequence[Level]] | None = None,
    unavailable: Mapping[str, Sequence[Level]] | None = None,
) -> tuple[dict[str, Level], ...]:
    """Returns the treatments of one block: the union of the grid's products, in the grid's order.

    `chosen` replaces a factor's levels everywhere; levels in `unavailable` are left out.
    """
    chosen, unavailable = chosen or {}, unavailable or {}
    found: dict[tuple[Level, ...], dict[str, Level]] = {}
    for row in experiment.grid or ({},):
        axes = [
            [
                level
                for level in chosen.get(name) or row.get(name) or factor.levels
                if level not in unavailable.get(name, ())
            ]
            for name, factor in experiment.factor.items()
        ]
        for levels in itertools.product(*axes):
            found.setdefault(levels, dict(zip(experiment.factor, levels, strict=True)))
    return tuple(found.values())
