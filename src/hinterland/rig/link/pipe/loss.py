"""Random loss of packets: independent, or in bursts. Counts what it did beside what was asked."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Protocol

from hinterland.rig.link.pipe.shape import Burst, Shape


class Loss(Protocol):
    """Decides packet by packet. `tried` and `lost` count; `share` is what was asked for.

    burst_packets: how long a burst lasts on average, 0 where losses are independent.
    """

    share: float
    burst_packets: float
    tried: int
    lost: int

    def takes(self) -> bool:
        """Returns whether the next packet is lost."""
        ...

    def deviation(self) -> float:
        """Returns the standard deviation of the number lost, were the asked share true."""
        ...


class IndependentLoss:
    """Each packet is lost with the same chance, whatever became of those before it."""

    def __init__(self, share: float, random: Callable[[], float]) -> None:
        self.share = share
        self.burst_packets = 0.0
        self.tried = 0
        self.lost = 0
        self._random = random

    def takes(self) -> bool:
        self.tried += 1
        if self._random() < self.share:
            self.lost += 1
            return True
        return False

    def deviation(self) -> float:
        return sqrt(self.tried * self.share * (1 - self.share))


class BurstLoss:
    """The chain of Gilbert and Elliott, begun in its long-run mixture of good and bad."""

    def __init__(self, burst: Burst, random: Callable[[], float]) -> None:
        self.share = burst.share
        self.burst_packets = 1 / max(burst.to_good, 1e-9)
        self.tried = 0
        self.lost = 0
        self._burst = burst
        self._random = random
        self._bad = random() < burst.to_bad / (burst.to_bad + burst.to_good)

    def takes(self) -> bool:
        burst = self._burst
        self.tried += 1
        if self._bad:
            self._bad = self._random() >= burst.to_good
        else:
            self._bad = self._random() < burst.to_bad
        if self._random() < (burst.loss_bad if self._bad else burst.loss_good):
            self.lost += 1
            return True
        return False

    def deviation(self) -> float:
        """The same, with the covariance of neighbours.

        Two packets k apart have the covariance d^2 b (1 - b) r^k, where d is the difference of the two
        losses, b the share of the bad state and r = 1 - to_bad - to_good; the sum over all pairs follows.
        """
        burst, n = self._burst, self.tried
        step = burst.to_bad + burst.to_good
        bad = burst.to_bad / step
        covariance = (burst.loss_bad - burst.loss_good) ** 2 * bad * (1 - bad)
        r = 1 - step
        # Sum over k = 1 .. n-1 of (n - k) r^k; step is above 0, so the division is safe.
        pairs = (n * r - r * (1 - r**n) / step) / step if n else 0.0
        return sqrt(max(0.0, n * self.share * (1 - self.share) + 2 * covariance * pairs))


def loss_of(shape: Shape, random: Callable[[], float]) -> Loss | None:
    """Returns the loss that a shape asks for, None where it asks for none."""
    if shape.burst is not None:
        return BurstLoss(shape.burst, random)
    return IndependentLoss(shape.loss, random) if shape.loss else None
