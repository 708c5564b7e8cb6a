"""Which rate to probe next on the way to a capacity, and when it is found. Decides from the probes alone."""

from __future__ import annotations

from math import sqrt

import numpy as np
from msgspec import Struct

from hinterland.load.result.capacity import Ended
from hinterland.statistics.boundary import boundary
from hinterland.statistics.interval import Interval

STEP = 2.0
"""Upwards and downwards a rate is doubled or halved until one holds and one does not."""
NEAR_SHARE, FEWEST_NEAR = 0.2, 8
"""At least so many probes must lie this near to the boundary before it is believed."""
AROUND = (0.06, -0.06, 0.0)
"""Probes near the boundary lie by these shares above and below it: above it more operations are too slow,
which tells more; below it the slope is seen."""
WIDE = 1.25
"""A gap wider than this between a rate that held and one that did not is halved, not explored."""


class Probe(Struct, frozen=True):
    """One rate, the share of the operations beyond the objective there, and how many operations that rests
    on."""

    rate_per_s: float
    beyond: float
    operations: float


class Search:
    """The search for the rate at which the expected share beyond an objective is `allowed`.

    First rates are doubled or halved until one held and one did not; the gap is halved, on a logarithmic
    scale, until it is narrow; then probes are repeated around the boundary that a curve through all of them
    gives (`statistics.boundary`), so that one lucky or unlucky probe decides nothing. Compare PLRsearch,
    which looks for a network's throughput in the same way, as the parameter of a curve fitted to loss
    ratios, because a binary search believes each trial.
    """

    def __init__(
        self, *, allowed: float, start_per_s: float, least_per_s: float, most_per_s: float, tolerance: float
    ) -> None:
        self.allowed, self.tolerance = allowed, tolerance
        self.least_per_s, self.most_per_s = least_per_s, most_per_s
        self.probes: list[Probe] = []
        self.ended: Ended | None = None
        self._start_per_s = min(max(start_per_s, least_per_s), most_per_s)

    def add(self, probe: Probe) -> None:
        """Takes in what a probe found."""
        self.probes.append(probe)

    @property
    def bracketed(self) -> bool:
        """Whether some rate held and some rate did not."""
        held = {probe.beyond <= self.allowed for probe in self.probes}
        return held == {True, False}

    def next(self) -> float | None:
        """Returns the rate to probe next; None when the search has ended, and `ended` says how."""
        if not self.probes:
            return self._start_per_s
        held = [probe.rate_per_s for probe in self.probes if probe.beyond <= self.allowed]
        broken = [probe.rate_per_s for probe in self.probes if probe.beyond > self.allowed]
        if not broken:
            return self._outwards(min(max(held) * STEP, self.most_per_s), max(held), "always_held")
        if not held:
            return self._outwards(max(min(broken) / STEP, self.least_per_s), min(broken), "never_held")
        top, bottom = max(held), min(broken)
        if bottom > top * WIDE:
            return sqrt(top * bottom)
        found = self.interval()
        if self._decided(found):
            self.ended = "decided"
            return None
        if bottom > top * (1 + self.tolerance / 2):
            return sqrt(top * bottom)
        wanted = found.estimate * (1 + AROUND[len(self.probes) % len(AROUND)])
        return min(max(wanted, self.least_per_s), self.most_per_s)

    def interval(self) -> Interval:
        """Returns the boundary as it is known by now."""
        columns = [(probe.rate_per_s, probe.beyond, probe.operations) for probe in self.probes]
        rates, shares, weights = np.array(columns, float).reshape(-1, 3).T
        return boundary(rates, shares, weights, self.allowed)

    def _outwards(self, wanted: float, reached: float, end: Ended) -> float | None:
        if wanted == reached:
            self.ended = end
            return None
        return wanted

    def _decided(self, found: Interval) -> bool:
        near = sum(abs(probe.rate_per_s / found.estimate - 1) <= NEAR_SHARE for probe in self.probes)
        half = max(found.high - found.estimate, found.estimate - found.low)
        return near >= FEWEST_NEAR and half <= self.tolerance * found.estimate
