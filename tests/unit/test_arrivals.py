"""Schedules: when each operation is due."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.load import arrivals

rates = st.floats(0.5, 20_000)
durations = st.floats(0.001, 5)


def test_constant_is_evenly_spaced_from_zero() -> None:
    assert arrivals.constant(1000, 0.005).tolist() == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]


@given(rate=rates, duration=durations)
def test_constant_keeps_rate_and_window(rate: float, duration: float) -> None:
    schedule = arrivals.constant(rate, duration)
    assert schedule.dtype == np.int64
    assert abs(len(schedule) - rate * duration) <= 1
    assert schedule[0] >= 0
    assert schedule[-1] <= duration * 1e9
    # The rounding of one offset never adds to the next: no gap is off by more than a nanosecond.
    assert np.all(np.abs(np.diff(schedule) - 1e9 / rate) <= 1)


def test_rounding_does_not_add_up() -> None:
    schedule = arrivals.constant(3, 10_000)
    assert schedule[-1] == round((len(schedule) - 1) * 1e9 / 3)


@given(rate=rates, duration=durations, seed=st.integers(0, 2**32))
def test_poisson_is_ordered_inside_the_window_and_repeats(rate: float, duration: float, seed: int) -> None:
    schedule = arrivals.poisson(rate, duration, seed)
    assert np.all(np.diff(schedule) >= 0)
    assert np.all((schedule >= 0) & (schedule < duration * 1e9))
    assert np.array_equal(schedule, arrivals.poisson(rate, duration, seed))


def test_poisson_gaps_are_exponential() -> None:
    from scipy import stats

    gaps_s = np.diff(arrivals.poisson(2000, 10, seed=7)) / 1e9
    assert stats.kstest(gaps_s, "expon", args=(0, 1 / 2000)).pvalue > 0.001
    # An even schedule is no Poisson process, and the test above can tell.
    even_s = np.diff(arrivals.constant(2000, 10)) / 1e9
    assert stats.kstest(even_s, "expon", args=(0, 1 / 2000)).pvalue < 1e-6


def test_poisson_count_varies_like_a_poisson_number() -> None:
    counts = [len(arrivals.poisson(100, 1, seed)) for seed in range(500)]
    assert 97 < np.mean(counts) < 103
    assert 75 < np.var(counts) < 130


@pytest.mark.parametrize(
    ("rate", "duration"), [(0, 1), (-1, 1), (float("inf"), 1), (1, 0), (1, float("nan"))]
)
def test_impossible_schedules_are_refused(rate: float, duration: float) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        arrivals.constant(rate, duration)
    with pytest.raises(UsageError, match="must be above 0"):
        arrivals.poisson(rate, duration, 1)


@pytest.mark.parametrize("offsets", [[], [3, 2], [-1, 2], [[1], [2]]])
def test_check_refuses_what_is_no_schedule(offsets: list[int]) -> None:
    with pytest.raises(UsageError, match="schedule"):
        arrivals.check(np.array(offsets, dtype=np.int64))
