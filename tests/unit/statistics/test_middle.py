"""The median of a few values and its interval."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.statistics.middle import middle


def test_no_value_has_no_middle() -> None:
    assert middle([]) is None


@pytest.mark.parametrize(("values", "estimate"), [([3.0], 3.0), ([4.0, 1.0], 2.5), ([5.0, 1.0, 2.0], 2.0)])
def test_few_values_lie_between_the_least_and_the_largest(values: list[float], estimate: float) -> None:
    found = middle(values)
    assert found is not None
    assert (found.estimate, found.low, found.high) == (estimate, min(values), max(values))
    assert found.assumed == ""


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=60))
def test_the_median_lies_in_its_interval_and_that_in_the_values(values: list[float]) -> None:
    found = middle(values)
    assert found is not None
    assert min(values) <= found.low <= found.estimate <= found.high <= max(values)
    assert found.n == len(values)


@pytest.mark.parametrize("n", [6, 9, 20, 41])
def test_it_covers_the_median_as_often_as_it_says(n: int) -> None:
    chance = random.Random(n)
    covered = 0
    for _ in range(2000):
        found = middle([chance.expovariate(1) for _ in range(n)])
        assert found is not None
        covered += found.low <= 0.6931 <= found.high
    # Three standard errors below 95 %.
    assert covered / 2000 >= 0.935
