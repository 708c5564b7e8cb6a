from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.statistics.proportions import rate_sequence

COUNTS = st.tuples(st.integers(0, 500), st.integers(0, 500))


@pytest.mark.parametrize(("tries", "high"), [(100, 0.0347), (1000, 0.00375), (10_000, 0.000399)])
def test_the_bound_after_no_violation(tries: int, high: float) -> None:
    interval = rate_sequence(0, tries)
    assert interval.low == 0.0
    assert interval.high == pytest.approx(high, rel=0.01)


def test_no_tries_say_nothing() -> None:
    interval = rate_sequence(0, 0)
    assert isnan(interval.estimate)
    assert (interval.low, interval.high) == (0.0, 1.0)


@settings(deadline=None)
@given(COUNTS)
def test_the_bounds_enclose_the_estimate(counts: tuple[int, int]) -> None:
    violations, kept = counts
    interval = rate_sequence(violations, violations + kept)
    if violations + kept:
        assert 0.0 <= interval.low <= interval.estimate <= interval.high <= 1.0
        assert (interval.low == 0.0) == (violations == 0)
        assert (interval.high == 1.0) == (kept == 0)


@settings(deadline=None)
@given(st.integers(1, 300))
def test_more_tries_without_violation_lower_the_bound(tries: int) -> None:
    assert rate_sequence(0, tries + 1).high < rate_sequence(0, tries).high


@pytest.mark.parametrize("rate", [0.002, 0.05, 0.5])
def test_the_true_rate_is_rarely_outside_at_any_look(rate: float) -> None:
    rng = np.random.default_rng(11)
    missed = 0
    for _ in range(200):
        violations = np.cumsum(rng.random(1000) < rate)
        looks = range(10, 1001, 33)
        missed += any(rate_sequence(int(violations[n - 1]), n).excludes(rate) for n in looks)
    assert missed / 200 <= 0.05


@pytest.mark.parametrize(("violations", "tries"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(violations: int, tries: int) -> None:
    with pytest.raises(ValueError, match="between 0 and tries"):
        rate_sequence(violations, tries)
