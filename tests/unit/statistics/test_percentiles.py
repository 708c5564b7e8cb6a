from __future__ import annotations

from math import ceil, inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.statistics.percentiles import LEAST_BEYOND, percentile


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=20, max_size=300), st.integers(1, 99))
def test_it_is_the_smallest_value_with_that_share_at_or_below(values: list[float], q: int) -> None:
    interval = percentile(values, q)
    if interval is None:
        return
    at_or_below = sum(value <= interval.estimate for value in values)
    below = sum(value < interval.estimate for value in values)
    assert at_or_below * 100 >= q * len(values) > below * 100
    assert interval.low <= interval.estimate <= interval.high


@pytest.mark.parametrize(("q", "enough"), [(50, 20), (90, 100), (99, 1000), (99.9, 10_000), (1, 1001)])
def test_ten_values_must_lie_beyond(q: float, enough: int) -> None:
    assert percentile(np.arange(enough - 1), q) is None
    found = percentile(np.arange(enough), q)
    assert found is not None
    assert found.estimate == ceil(round(q * enough / 100, 6)) - 1


def test_unfinished_operations_are_larger_than_all_others() -> None:
    values = [*range(900), *[nan] * 80, *[inf] * 20]
    median, tail = percentile(values, 50), percentile(values, 95)
    assert median is not None
    assert median.estimate == 499
    assert tail is not None
    assert tail.estimate == inf
    assert np.isnan(values[-50])  # The caller's values stay as they were.


@pytest.mark.parametrize("q", [50, 90, 99])
def test_the_interval_covers_the_true_percentile_as_often_as_it_says(q: float) -> None:
    rng = np.random.default_rng(3)
    truth = -np.log(1 - q / 100)
    covered = 0
    for _ in range(400):
        interval = percentile(rng.exponential(size=1500), q)
        assert interval is not None
        covered += not interval.excludes(truth)
    assert 0.93 <= covered / 400 <= 1.0


def test_too_few_values_for_a_side_of_the_interval_leave_it_open() -> None:
    found = percentile(np.arange(1000), 99, confidence=0.999999)
    assert found is not None
    assert found.high == inf
    assert LEAST_BEYOND == 10


@pytest.mark.parametrize("q", [0, 100, -1, 150])
def test_a_share_outside_0_to_100_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentile(range(100), q)
