"""The forms a claim can take: declared thresholds, judged in one place (`runner.judge`).

`where`, `more`, `less`, `first`, `second` are partial treatments. `control` replaces levels in them:
the claim must come out the other way there, or it is not admitted. Factors that a claim does not
name are matched: trials are compared with the trial of the same block that differs in nothing else.
"""

from __future__ import annotations

from msgspec import Struct, field

from hinterland.model.experiment import Where


class Never(Struct, frozen=True, tag="never"):
    """The finding never occurs. Holds when none was seen and its rate is bounded by `at_most`."""

    finding: str
    where: Where
    control: Where
    at_most: float = 0.01


class RatioAtLeast(Struct, frozen=True, tag="ratio_at_least"):
    """`metric` under `more` is at least `ratio` times what it is under `less`."""

    metric: str
    ratio: float
    more: Where
    less: Where
    control: Where
    where: Where = field(default_factory=dict)


class DifferenceWithin(Struct, frozen=True, tag="difference_within"):
    """`metric` under `one` and under `other` differ by less than the factor `ratio`, either way."""

    metric: str
    ratio: float
    one: Where
    other: Where
    control: Where
    where: Where = field(default_factory=dict)


class Crossover(Struct, frozen=True, tag="crossover"):
    """`first` wins on `metric` at the lowest level of `along`, `second` at the highest.

    The estimate is the level at which they draw, with the interval of levels at which neither is decided.
    """

    metric: str
    along: str
    first: Where
    second: Where
    control: Where
    where: Where = field(default_factory=dict)


class Matches(Struct, frozen=True, tag="matches"):
    """`metric` equals the oracle within the factor `within`.

    `oracle` is another metric of the same trial, computed by a formula from what the trial set.
    """

    metric: str
    oracle: str
    within: float
    where: Where
    control: Where


Claim = Never | RatioAtLeast | DifferenceWithin | Crossover | Matches
