"""Which percentiles of a load are shown, and how: never one that too few operations stand behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.drawing import numbers
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import Histogram

SHOWN = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
FEWEST_BEYOND = 10
"""With fewer operations beyond it, a percentile is the story of those few."""
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Percentile:
    """A percentile of a load: `time_s` is infinite where it lies among operations without a good answer."""

    share: float
    time_s: float

    @property
    def name(self) -> str:
        return name_of(self.share)

    @property
    def says(self) -> str:
        return time_text(self.time_s)


def name_of(share: float) -> str:
    """Returns `p99.9` for 0.999."""
    return f"p{numbers.significant(100 * share, 9)}"


def time_text(time_s: float) -> str:
    """Returns a time as a person writes it, `no answer` for infinity."""
    return NO_ANSWER if math.isinf(time_s) else numbers.quantity(time_s, "s")


def operations(counts: Counts) -> int:
    """Returns how many operations a histogram stands for, with those that have no time."""
    return int(counts.counts.sum()) + counts.missing


def is_shown(share: float, among: int) -> bool:
    """Decides whether enough of `among` operations lie beyond a percentile."""
    return (1 - share) * among >= FEWEST_BEYOND * (1 - 1e-9)


def shown(counts: Counts, shares: Sequence[float] = SHOWN) -> list[Percentile]:
    """Returns those of the percentiles that enough operations lie beyond, the lowest first."""
    among = operations(counts)
    histogram = Histogram.from_counts(counts)
    return [Percentile(share, histogram.percentile(share)) for share in shares if is_shown(share, among)]


def spectrum(counts: Counts, *, points_a_decade: int = 48) -> list[Percentile]:
    """Returns the percentiles of a spectrum, evenly spaced in log(1/(1-q)), as far as they are shown."""
    among = operations(counts)
    if among < FEWEST_BEYOND:
        return []
    histogram = Histogram.from_counts(counts)
    # Few operations make few steps: nothing is drawn finer than they are.
    decades = math.log10(among / FEWEST_BEYOND)
    steps = max(1, math.ceil(decades * points_a_decade))
    shares = (1 - 10 ** -(decades * step / steps) for step in range(steps + 1))
    return [Percentile(share, histogram.percentile(share)) for share in shares]


def slowest_s(counts: Counts) -> float:
    """Returns the longest time there was, exact; infinite where an operation has none, NaN without any."""
    if counts.missing:
        return math.inf
    return counts.most_ns / 1e9 if counts.counts.size else math.nan


def mean_s(counts: Counts) -> float:
    """Returns the mean of the answered operations' times, exact; NaN without any."""
    answered = int(counts.counts.sum())
    return counts.total_ns / answered / 1e9 if answered else math.nan
