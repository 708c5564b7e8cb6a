"""Where a share passes what is allowed, on probes whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hinterland.statistics.boundary import BETWEEN, boundary

SERVICE_PER_S, LIMIT_S = 1000.0, 0.02
TRUTH = SERVICE_PER_S + math.log(0.01) / LIMIT_S


def shares_of_a_queue(
    random: np.random.Generator, rates: np.ndarray, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    shares, weights = [], []
    for rate in rates:
        due = np.sort(random.uniform(0, seconds + 0.5, random.poisson(rate * (seconds + 0.5))))
        ended = np.cumsum(random.exponential(1 / SERVICE_PER_S, len(due)))
        begins = np.maximum.accumulate(due - np.concatenate([[0.0], ended[:-1]]))
        waits = (begins + ended - due)[due > 0.5]
        shares.append(np.mean(waits > LIMIT_S))
        weights.append(len(waits))
    return np.array(shares), np.array(weights, float)


def test_it_finds_the_capacity_of_a_queue_and_its_interval_covers_it() -> None:
    random = np.random.default_rng(2)
    rates = TRUTH * np.array([0.5, 1.3, *(1 + 0.06 * np.tile([1, -1, 0], 4))])
    found = [boundary(rates, *shares_of_a_queue(random, rates, 4.0), 0.01) for _ in range(100)]
    estimates = np.array([each.estimate for each in found]) / TRUTH
    assert abs(np.median(estimates) - 1) < 0.02
    assert np.mean(np.abs(estimates - 1) < 0.1) >= 0.97
    assert np.mean([each.low <= TRUTH <= each.high for each in found]) >= 0.9
    assert np.median([(each.high - each.low) / TRUTH for each in found]) < 0.25


def test_expected_shares_give_the_truth_itself() -> None:
    rates = np.linspace(600, 850, 11)
    shares = -np.expm1(-np.exp(-(SERVICE_PER_S - rates) * LIMIT_S))
    wanted = SERVICE_PER_S + math.log(-math.log1p(-0.01)) / LIMIT_S
    found = boundary(rates, shares, np.full(11, 1e7), 0.01)
    assert found.estimate == pytest.approx(wanted, rel=1e-4)
    assert found.low < wanted < found.high
    # The probes beside it are at 750 and 775, and the interval is no narrower than what they leave open.
    assert (found.low, found.high) == (750, 775)


def test_a_server_that_breaks_at_once_lies_between_the_last_that_held_and_the_first_that_did_not() -> None:
    rates = np.array([100.0, 200, 300, 310, 400, 800])
    found = boundary(rates, np.array([0, 0, 0, 0.9, 1, 1.0]), np.full(6, 5000.0), 0.01)
    assert 300 <= found.estimate <= 310
    assert found.low <= 300
    assert found.high >= 310
    assert BETWEEN in found.assumed


def test_an_interval_is_never_wider_than_what_was_probed_nor_below_nothing() -> None:
    random = np.random.default_rng(7)
    bracketed = 0
    for _ in range(300):
        rates = random.uniform(50, 300, int(random.integers(4, 9)))
        shares = np.clip((rates / 300) ** 2 * random.exponential(0.03, len(rates)), 0, 1)
        held = shares <= 0.01
        if held.all() or not held.any():
            continue
        found = boundary(rates, shares, np.full(len(rates), 400.0), 0.01)
        assert 0 < found.low <= found.estimate <= found.high
        if held[rates.argmin()]:
            assert found.low >= rates.min()
        if not held[rates.argmax()]:
            assert found.high <= rates.max()
        if found.assumed == BETWEEN:
            bracketed += 1
            assert rates.min() <= found.low
            assert found.high <= rates.max()
    assert bracketed > 20


def test_probes_that_contradict_each_other_lie_within_the_bracket() -> None:
    rates = np.array([80.0, 120, 149, 150, 180, 260])
    found = boundary(rates, np.array([0.002, 0.03, 0.001, 0.02, 0.004, 0.011]), np.full(6, 300.0), 0.01)
    assert found.assumed == BETWEEN
    assert (found.low, found.high) == (80, 260)


def test_few_probes_give_the_gap_between_them() -> None:
    found = boundary(np.array([100.0, 400]), np.array([0.0, 1.0]), np.array([1.0, 1.0]), 0.5)
    assert (found.low, found.estimate, found.high) == (100, 200, 400)


def test_probes_that_all_agree_bound_one_side_only() -> None:
    rates, weights = np.array([100.0, 200]), np.full(2, 1000.0)
    held = boundary(rates, np.array([0.0, 0.005]), weights, 0.01)
    assert math.isnan(held.estimate)
    assert (held.low, held.high) == (200, math.inf)
    broken = boundary(rates, np.array([0.4, 0.9]), weights, 0.01)
    assert (broken.low, broken.high) == (-math.inf, 100)
    nothing = boundary(np.zeros(0), np.zeros(0), np.zeros(0), 0.01)
    assert (nothing.low, nothing.high) == (-math.inf, math.inf)


def test_probes_judged_whole_find_where_most_of_them_break() -> None:
    random = np.random.default_rng(4)
    rates = np.linspace(500, 1500, 40)
    broke = (random.uniform(size=40) < 1 / (1 + np.exp(-(rates - 1000) / 60))).astype(float)
    found = boundary(rates, broke, np.ones(40), 0.5)
    assert found.low < 1000 < found.high
    assert abs(found.estimate / 1000 - 1) < 0.1


def test_a_share_that_falls_with_the_load_fits_no_curve() -> None:
    rates = np.array([100.0, 200, 300, 400, 500])
    found = boundary(rates, np.array([0.3, 0.2, 0.1, 0.05, 0.001]), np.full(5, 1e4), 0.01)
    assert (found.low, found.high) == (100, 500)


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="must agree"):
        boundary(np.zeros(2), np.zeros(3), np.zeros(2), 0.01)
    with pytest.raises(ValueError, match=r"allowed=1\.0"):
        boundary(np.zeros(2), np.zeros(2), np.zeros(2), 1.0)
