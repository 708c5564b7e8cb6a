"""Which treatments run, in which order, from which seeds. Pure: the same inputs give the same plan."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence

from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment, Factor, Level, label, show
from hinterland.model.run import PlannedTrial

Treatment = dict[str, Level]


def settings(experiment: Experiment, texts: Sequence[str]) -> dict[str, tuple[Level, ...]]:
    """Returns the levels asked for with `--set factor=level,level`, typed as the factor's own levels.

    Raises UsageError for an unknown factor (naming the nearest), an unknown level or one out of range.
    """
    chosen: dict[str, tuple[Level, ...]] = {}
    for text in texts:
        name, equals, levels = text.partition("=")
        name = name.strip()
        if not equals or not levels.strip():
            raise UsageError(
                f"{experiment.id}: --set {text} must have the form factor=level,level.",
                _example(experiment),
            )
        if name not in experiment.factor:
            raise UsageError(
                f"{experiment.id}: {name} is not a factor. Its factors are {', '.join(experiment.factor)}.",
                _nearest(name, list(experiment.factor)) + f"See: hinterland show {experiment.id}",
            )
        factor = experiment.factor[name]
        typed = tuple(_level(experiment, name, factor, word.strip()) for word in levels.split(","))
        chosen[name] = tuple(dict.fromkeys(chosen.get(name, ()) + typed))
    return chosen


def treatments(
    experiment: Experiment,
    chosen: Mapping[str, tuple[Level, ...]],
    unavailable: Mapping[str, Sequence[Level]] | None = None,
) -> tuple[Treatment, ...]:
    """Returns the treatments of a run: the union of the grid's products, without unavailable levels.

    `chosen` replaces a factor's levels everywhere.
    """
    missing = unavailable or {}
    found: dict[tuple[Level, ...], Treatment] = {}
    for row in experiment.grid or ({},):
        axes = [
            [
                level
                for level in chosen.get(name) or row.get(name) or factor.levels
                if level not in missing.get(name, ())
            ]
            for name, factor in experiment.factor.items()
        ]
        for levels in itertools.product(*axes):
            found.setdefault(levels, dict(zip(experiment.factor, levels, strict=True)))
    return tuple(found.values())


def block_of(
    treatments: Sequence[Treatment], *, seed: int, block: int, first: int = 1
) -> tuple[PlannedTrial, ...]:
    """Returns block number `block` (from 1): one trial of each treatment in an order drawn from the seed."""
    order = list(treatments)
    random.Random(f"{seed}/{block}/order").shuffle(order)
    return tuple(
        PlannedTrial(
            id=f"b{block:03d}-t{position:02d}",
            block=block,
            treatment=treatment,
            seed=trial_seed(seed, block, treatment),
        )
        for position, treatment in enumerate(order, start=first)
    )


def trial_seed(seed: int, block: int, treatment: Treatment) -> int:
    """Returns a 32-bit seed that differs by block and treatment and does not depend on the order."""
    text = f"{seed}/{block}/{label(treatment)}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")


def require_one_block(experiment: Experiment, treatments: Sequence[Treatment], budget_s: float) -> None:
    """Raises UsageError when the budget is too short for one block."""
    needed_s = len(treatments) * experiment.trial_s
    if budget_s >= needed_s:
        return
    raise UsageError(
        f"{experiment.id}: budget={budget_s:g}s must allow one block: "
        f"{len(treatments)} treatments of about {experiment.trial_s:g} s are {needed_s:.0f} s.",
        f"Give --budget {needed_s * 3:.0f}s, or fewer treatments with --set.  "
        f"See: hinterland show {experiment.id}",
    )


def _level(experiment: Experiment, name: str, factor: Factor, word: str) -> Level:
    allowed = factor.choices or factor.levels
    for level in (*allowed, *factor.levels):
        if word == show(level) or word == str(level):
            return level
    rule = "must be one of " + ", ".join(show(level) for level in allowed)
    if factor.minimum is not None or factor.maximum is not None:
        rule = f"must be {_range(factor)}"
        number = _number(word)
        if number is not None and _inside(factor, number):
            whole = all(isinstance(level, int) for level in factor.levels)
            if not whole or number.is_integer():
                return int(number) if whole else number
            rule = f"must be a whole number {_range(factor)}"
    near = "" if factor.hint else _nearest(word, [show(level) for level in allowed])
    raise UsageError(
        f"{experiment.id}: {name}={word} {rule}.",
        f"{factor.hint + '  ' if factor.hint else near}See: hinterland show {experiment.id}",
    )


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _inside(factor: Factor, number: float) -> bool:
    low = factor.minimum if factor.minimum is not None else float("-inf")
    high = factor.maximum if factor.maximum is not None else float("inf")
    return low <= number <= high


def _range(factor: Factor) -> str:
    if factor.minimum is None:
        return f"at most {factor.maximum:g}"
    if factor.maximum is None:
        return f"at least {factor.minimum:g}"
    return f"between {factor.minimum:g} and {factor.maximum:g}"


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?  " if near else ""


def _example(experiment: Experiment) -> str:
    name, factor = next(iter(experiment.factor.items()))
    return f"For example: --set {name}={','.join(show(level) for level in factor.levels[:2])}"
