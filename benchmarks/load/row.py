"""One line of the table: what was measured, and whether that meets the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import stats

Word = Literal["met", "MISSED", "void", "absent", ""]
"""`void`: other processes took the cores. `absent`: the program to compare with is not here."""


@dataclass(frozen=True, slots=True)
class Row:
    """`word` is empty for what has no target of its own; `detail` is for --json."""

    group: str
    what: str
    measured: str
    target: str = ""
    word: Word = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def as_line(self) -> str:
        return f"  {self.what:<38} {self.measured:<46} {self.target:<22} {self.word}".rstrip()


def judged(met: bool, *, void: bool = False) -> Word:
    """Returns the word for a figure: a target that is met in a disturbed run is met all the same."""
    return "met" if met else "void" if void else "MISSED"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of rates with its 95 % interval; the bounds are infinite for fewer than 2 pairs."""

    centre: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        if self.pairs < 2:
            return f"{self.centre:.3g} ({self.pairs} pair)"
        return f"{self.centre:.3g} ({self.low:.3g} to {self.high:.3g}; {self.pairs} pairs)"


def ratio(logs: Sequence[float]) -> Ratio | None:
    """Returns the ratio behind paired log ratios (Student's t), None without any."""
    if not logs:
        return None
    centre = float(np.mean(logs))
    if len(logs) < 2:
        return Ratio(math.exp(centre), 0.0, math.inf, len(logs))
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    return Ratio(math.exp(centre), math.exp(centre - half), math.exp(centre + half), len(logs))


def microseconds(value_s: float) -> str:
    """Returns a time in us, with more digits the smaller it is."""
    return f"{value_s * 1e6:.3g} us" if value_s < 0.1 else f"{value_s:.3g} s"
