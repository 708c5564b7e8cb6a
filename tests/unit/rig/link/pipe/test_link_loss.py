"""Random losses against what probability says of them."""

from __future__ import annotations

from math import sqrt
from random import Random
from statistics import pstdev

import pytest

from hinterland.rig.link.pipe.loss import BurstLoss, IndependentLoss, Loss, loss_of
from hinterland.rig.link.pipe.shape import Burst, Shape


def lose(loss: Loss, packets: int) -> list[bool]:
    return [loss.takes() for _ in range(packets)]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 1.0])
def test_independent_losses_have_their_share(share: float) -> None:
    loss = IndependentLoss(share, Random("share").random)

    lost = sum(lose(loss, 50_000))

    assert (loss.tried, loss.lost) == (50_000, lost)
    assert abs(lost - 50_000 * share) <= 5 * loss.deviation()


@pytest.mark.parametrize(
    ("burst", "share"),
    [
        (Burst(0.01, 0.19), 0.05),
        (Burst(0.1, 0.1, loss_bad=0.5, loss_good=0.1), 0.3),
        (Burst(0.9, 0.9), 0.5),
    ],
)
def test_bursts_have_the_share_of_the_stationary_chain(burst: Burst, share: float) -> None:
    assert burst.share == pytest.approx(share)
    loss = BurstLoss(burst, Random("chain").random)

    lost = sum(lose(loss, 50_000))

    assert abs(lost - 50_000 * share) <= 5 * loss.deviation()


def test_a_burst_is_as_long_as_its_chance_of_ending_says() -> None:
    fates = lose(BurstLoss(Burst(0.02, 0.25), Random("long").random), 100_000)
    bursts = sum(1 for before, now in zip([False, *fates], fates, strict=False) if now and not before)

    # Geometric with mean 4 and standard deviation sqrt(12).
    assert sum(fates) / bursts == pytest.approx(4, abs=5 * sqrt(12 / bursts))


@pytest.mark.parametrize("burst", [Burst(0.05, 0.2), Burst(0.9, 0.8), Burst(0.1, 0.3, 0.7, 0.05)])
def test_the_deviation_of_bursts_counts_their_correlation(burst: Burst) -> None:
    random = Random("deviation").random
    counts = []
    for _ in range(600):
        loss = BurstLoss(burst, random)
        counts.append(sum(lose(loss, 100)))
        expected = loss.deviation()

    # The deviation of a standard deviation from 600 values is about 3 %.
    assert pstdev(counts) == pytest.approx(expected, rel=0.2)
    independent = sqrt(100 * burst.share * (1 - burst.share))
    assert abs(expected - independent) > 0.1 * independent


def test_no_packets_deviate_by_nothing() -> None:
    assert BurstLoss(Burst(0.05, 0.2), Random(1).random).deviation() == 0


def test_a_shape_asks_for_one_of_them_or_none() -> None:
    random = Random(1).random
    assert loss_of(Shape(delay_ms=5), random) is None
    assert isinstance(loss_of(Shape(loss=0.1), random), IndependentLoss)
    assert isinstance(loss_of(Shape(burst=Burst(0.1, 0.2)), random), BurstLoss)
