from __future__ import annotations

import itertools
from math import inf, log
from statistics import median
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hinterland.statistics.sequence import (
    ORDER_IS_RANDOM,
    first_exclusion,
    mean_sequence,
    ratio_sequence,
    running_sequence,
)

# Log ratios between 1/20,000 and 20,000, on a grid, so that ties and equal blocks occur too.
LOG_RATIOS = st.integers(-1000, 1000).map(lambda hundredths: hundredths / 100)
SEQUENCES = arrays(np.float64, st.integers(0, 30), elements=LOG_RATIOS)


# A loaded machine must not fail a test by its speed.
QUICK = settings(deadline=None, max_examples=25)


def test_nothing_is_said_below_three_blocks() -> None:
    for count in range(3):
        interval = mean_sequence(np.full(count, 5.0))
        assert (interval.low, interval.high, interval.n, interval.assumed) == (-inf, inf, count, "")


@QUICK
@given(SEQUENCES)
def test_the_estimate_lies_in_the_interval_and_bounds_are_ordered(x: np.ndarray) -> None:
    interval = mean_sequence(x)
    assert interval.n == len(x)
    if len(x):
        assert interval.low <= interval.estimate <= interval.high


@QUICK
@given(SEQUENCES)
def test_exchanging_the_two_sides_mirrors_the_interval(x: np.ndarray) -> None:
    one, other = mean_sequence(x), mean_sequence(-x)
    assert other.low == pytest.approx(-one.high, abs=1e-9)
    assert other.high == pytest.approx(-one.low, abs=1e-9)


@QUICK
@given(SEQUENCES, st.integers(-300, 300))
def test_a_constant_factor_moves_the_interval_and_nothing_else(x: np.ndarray, hundredths: int) -> None:
    shift = hundredths / 100
    one, other = mean_sequence(x), mean_sequence(x + shift)
    tolerance = 1e-3  # The bounds are found by bisection, and a tie may be broken by rounding.
    assert other.low == pytest.approx(one.low + shift, abs=tolerance)
    assert other.high == pytest.approx(one.high + shift, abs=tolerance)


@QUICK
@given(SEQUENCES)
def test_a_smaller_error_gives_a_wider_interval(x: np.ndarray) -> None:
    loose, strict = mean_sequence(x, alpha=0.1), mean_sequence(x, alpha=0.01)
    if loose.assumed == strict.assumed or loose.assumed != ORDER_IS_RANDOM:
        assert strict.low <= loose.low + 1e-3
        assert strict.high >= loose.high - 1e-3


@pytest.mark.parametrize(
    "magnitudes", [[1.0] * 10, [0.01 * 3**b for b in range(10)], [5, 0, 0, 1, 9, 2, 2, 7, 1, 1]]
)
def test_the_robust_part_is_exact_over_all_orders(magnitudes: list[float]) -> None:
    """Under no difference all sign patterns are equally likely: count those that ever exclude 0.

    A pattern and its mirror do alike, so half of them tell.
    """
    patterns = [(1.0, *rest) for rest in itertools.product([-1.0, 1.0], repeat=len(magnitudes) - 1)]
    # Without the early part's promise (an endless allowance) only the random order is used.
    false = sum(
        first_exclusion(np.array(signs) * magnitudes, 0.0, alpha=0.1, drift_allowance=1e300) is not None
        for signs in patterns
    )
    assert false / len(patterns) <= 0.05  # Half of alpha is the robust part's.


def test_equal_large_effects_are_decided_at_three_blocks_and_say_what_they_assume() -> None:
    interval = ratio_sequence(np.log([2.1, 2.0, 2.05]))
    assert 1 < interval.low < 2 < interval.high
    assert "less than 25 %" in interval.assumed


def test_drift_within_the_allowance_is_not_taken_for_an_effect() -> None:
    for signs in itertools.product([-1, 1], repeat=6):
        assert first_exclusion(log(1.24) * np.array(signs), 0.0) is None


def test_eight_small_but_constant_differences_need_only_the_random_order() -> None:
    interval = ratio_sequence(np.full(8, log(1.02)))
    assert interval.low > 1
    assert interval.assumed == ORDER_IS_RANDOM


def test_equal_counts_have_no_spread_and_give_a_finite_interval() -> None:
    same = ratio_sequence(np.zeros(20))
    assert same.low <= 1 <= same.high
    assert same.high < 1.001
    twice = ratio_sequence(np.full(20, log(2)))
    # Outward by enough that rounding in log and exp cannot refute "exactly twice".
    assert twice.low < 2 < twice.high


@pytest.mark.parametrize("step", [log(2), log(1000)])
def test_results_of_two_values_without_noise_are_rarely_taken_for_an_effect(step: float) -> None:
    """A count that is 1 or 2 at random has a log ratio of -step, 0, 0 or step: all patterns of six blocks."""
    patterns = list(itertools.product([-1, 0, 0, 1], repeat=6))
    false = sum(first_exclusion(step * np.array(pattern), 0.0) is not None for pattern in patterns)
    assert false / len(patterns) <= 0.05


def test_a_division_by_zero_counts_as_a_very_large_ratio() -> None:
    interval = ratio_sequence(np.full(9, inf))
    assert interval.low > 1e300
    mixed = mean_sequence(np.array([inf, -inf, 0.1, 0.2, inf, -0.1, 0.3, 0.1]))
    assert np.isfinite(mixed.estimate)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        mean_sequence(np.array([1.0, np.nan]))


@QUICK
@given(SEQUENCES)
def test_a_running_interval_only_ever_shrinks_unless_the_centre_has_moved(x: np.ndarray) -> None:
    each = [mean_sequence(x[:n]) for n in range(len(x) + 1)]
    running = running_sequence(x)
    low, high = max(i.low for i in each), min(i.high for i in each)
    if low > high:
        assert running == each[-1]
    else:
        assert (running.low, running.high) == (low, high)


def test_a_decision_stays_made_and_says_what_it_rested_on() -> None:
    x = np.array([3.0, 3.05, 2.95, 3.0, -4.0])
    assert not mean_sequence(x).excludes(0.0)
    running = running_sequence(x)
    assert running.low > 0
    assert "less than 25 %" in running.assumed


@QUICK
@given(SEQUENCES)
def test_first_exclusion_is_what_scanning_the_intervals_finds(x: np.ndarray) -> None:
    scan = next((n for n in range(1, len(x) + 1) if mean_sequence(x[:n]).excludes(0.0)), None)
    assert first_exclusion(x, 0.0) == scan


def test_gaussian_noise_excludes_the_truth_in_at_most_five_per_cent_of_sequences() -> None:
    rng = np.random.default_rng(7)
    false = sum(first_exclusion(rng.normal(0.5, 2.0, 40), 0.5) is not None for _ in range(600))
    assert false / 600 <= 0.05


def test_a_true_difference_of_one_deviation_is_found_within_forty_blocks() -> None:
    rng = np.random.default_rng(8)
    found = sum(first_exclusion(rng.normal(0.14, 0.14, 40), 0.0) is not None for _ in range(200))
    assert found >= 180


def test_four_times_the_blocks_cost_no_more_than_their_square() -> None:
    x = np.random.default_rng(9).normal(0.1, 0.2, 200)

    def cost_s(blocks: int, nudge: int) -> float:
        start = process_time()
        mean_sequence(x[:blocks] + nudge)
        return process_time() - start

    cost_s(200, -1)
    ratios = [cost_s(200, nudge) / cost_s(50, nudge + 100) for nudge in range(7)]
    assert median(ratios) < 16
