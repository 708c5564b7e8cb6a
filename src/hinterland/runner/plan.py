"""In which order the treatments of a block run, and from which seeds. Pure: same inputs, same plan."""

from __future__ import annotations

import difflib
import hashlib
import random
from collections.abc import Sequence

from hinterland.errors import UsageError
from hinterland.model import levels
from hinterland.model.experiment import Experiment, Factor, Level, label, show
from hinterland.model.levels import bounds, is_range
from hinterland.model.run import PlannedTrial
from hinterland.model.verdict import AGAIN

Treatment = dict[str, Level]


def settings(experiment: Experiment, texts: Sequence[str]) -> dict[str, tuple[Level, ...]]:
    """Returns the levels asked for with `--set factor=level,level`, typed as the factor's own levels.

    Raises UsageError for an unknown factor (naming the nearest), an unknown level or one out of range.
    """
    chosen: dict[str, tuple[Level, ...]] = {}
    for text in texts:
        name, equals, words = text.partition("=")
        name = name.strip()
        if not (name and equals and words.strip()):
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
        typed = tuple(_level(experiment, name, factor, word.strip()) for word in words.split(","))
        chosen[name] = tuple(dict.fromkeys(chosen.get(name, ()) + typed))
    return chosen


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


def again(trial: PlannedTrial) -> PlannedTrial:
    """Returns the trial that takes the place of a void one: the same block, treatment and seed."""
    return PlannedTrial(
        id=f"{trial.id}{AGAIN}", block=trial.block, treatment=trial.treatment, seed=trial.seed
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
    known = (*factor.levels, *factor.choices)
    level: Level = next((k for k in known if word in (show(k), str(k))), word)
    if is_range(factor) and level is word:
        level = _number(factor, word)
    rule = levels.rule_broken(factor, level)
    if not rule and not (is_range(factor) and _whole(factor) and isinstance(level, float)):
        return level
    rule = rule or f"must be a whole number {bounds(factor)}"
    near = "" if factor.hint else _nearest(word, [show(k) for k in known])
    raise UsageError(
        f"{experiment.id}: {name}={word} {rule}.",
        f"{factor.hint + '  ' if factor.hint else near}See: hinterland show {experiment.id}",
    )


def _number(factor: Factor, word: str) -> Level:
    """Returns the number a person typed, whole where the factor's levels are; else the word itself."""
    try:
        number = float(word)
    except ValueError:
        return word
    return int(number) if _whole(factor) and number.is_integer() else number


def _whole(factor: Factor) -> bool:
    return all(isinstance(level, int) for level in factor.levels)


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?  " if near else ""


def _example(experiment: Experiment) -> str:
    name, factor = next(iter(experiment.factor.items()))
    return f"For example: --set {name}={','.join(show(level) for level in factor.levels[:2])}"
