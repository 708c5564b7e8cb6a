"""One line of the table: what was asked, what was measured, and whether that meets the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """`met` is None for what has no target of its own; `detail` is for --json."""

    group: str
    asked: str
    measured: str
    target: str = ""
    met: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def as_line(self) -> str:
        word = "" if self.met is None else "pass" if self.met else "MISS"
        return f"  {self.asked:<26} {self.measured:<52} {self.target:<26} {word}".rstrip()


def quantiles(values: Sequence[float], *shares: float) -> list[float]:
    """Returns the quantiles of all values, by the nearest rank."""
    found = np.quantile(np.asarray(values, float), shares, method="inverted_cdf")
    return [float(one) for one in found]
