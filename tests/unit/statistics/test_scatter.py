"""The pooled scatter: what many treatments tell about each, and the error of what is concluded from it."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from hinterland.model.weather import Weather
from hinterland.statistics.scatter import SCALE_FLOOR, Scatter, half_width, scatter_of, trigamma_inverse
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, mean_sequence, running_sequence


def test_blocks_and_treatments_are_no_scatter() -> None:
    values = np.add.outer(np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.0, 3.0, 9.0]))
    found = scatter_of(values)
    assert found is not None
    assert found.variance == pytest.approx(SCALE_FLOOR**2)
    assert found.degrees == pytest.approx(6.0)
    unpaired = scatter_of(values, paired=False)
    assert unpaired is not None
    assert unpaired.variance == pytest.approx(np.var([0.0, 1.0, 5.0], ddof=1))


def test_a_pool_of_few_treatments_or_of_one_block_says_nothing() -> None:
    rng = np.random.default_rng(1)
    assert scatter_of(rng.normal(size=(5, 3))) is None
    assert scatter_of(rng.normal(size=(1, 12))) is None
    assert scatter_of(np.empty((0, 0))) is None


def test_treatments_alike_are_worth_many_degrees_and_unlike_ones_few() -> None:
    rng = np.random.default_rng(2)
    alike = scatter_of(rng.normal(size=(6, 12)) * 0.05)
    unlike = scatter_of(rng.normal(size=(6, 12)) * 0.05 * np.exp(2 * rng.normal(size=12)))
    assert alike is not None
    assert unlike is not None
    assert alike.variance**0.5 == pytest.approx(0.05, rel=0.2)
    assert unlike.degrees < 5 < 10 < alike.degrees


@given(st.floats(-12, 8))
def test_the_inverse_of_trigamma_is_one(exponent: float) -> None:
    value = 10.0**exponent
    assert float(polygamma(1, trigamma_inverse(value))) == pytest.approx(value, rel=1e-10)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=9), st.floats(1e-4, 1.0), st.floats(0.5, 100))
def test_an_interval_is_never_narrower_than_the_pairs_own_scatter(
    values: list[float], variance: float, degrees: float
) -> None:
    x = np.array(values)
    width = half_width(x, Scatter(variance, degrees), 2.0, 0.01)
    assert width >= 1.6 * float(x.std(ddof=1)) / len(x) ** 0.5
    assert width >= half_width(x, Scatter(variance, degrees), 2.0, 0.02)


@pytest.mark.parametrize(("unlike", "most"), [(0.0, 0.05), (0.5, 0.05), (1.0, 0.05)])
def test_equal_treatments_are_seldom_told_apart_at_any_look(unlike: float, most: float) -> None:
    rng = np.random.default_rng(3)
    wrong, runs = 0, 400
    for _ in range(runs):
        scatter = 0.3 * np.exp(unlike * rng.normal(size=12))
        values = rng.normal(size=(6, 12)) * scatter
        known = [scatter_of(values[:n]) for n in range(1, 7)]
        found = running_sequence(values[:, 0] - values[:, 1], 0.05, 1.0, known)
        wrong += found.excludes(0.0)
    assert wrong / runs <= most


def test_two_blocks_decide_what_three_did_without_a_pool() -> None:
    x = np.array([log(160), log(166)])
    alone = mean_sequence(x)
    pooled = mean_sequence(x, scatter=Scatter(0.1**2, 13.0))
    assert not np.isfinite(alone.low)
    assert pooled.low > log(40) + log(DRIFT_ALLOWANCE)
    assert "scatter alike" in pooled.assumed


def test_weather_tells_what_was_taken() -> None:
    felt = Weather(wall_s=1, cores=2, steal_share=0.2, busy_share=0.6, foreign_cores=0.5)
    assert felt.stolen_of_wanted == pytest.approx(0.25)
    assert felt.taken_share == pytest.approx(0.45)
    assert felt.log_taken > felt.log_theft > 0
    assert Weather().log_taken == 0.0


def test_who_waits_loses_less_to_a_thief_than_who_computes() -> None:
    """Of a core that is wanted a thief takes 30 %: all the time, or for a twentieth of it."""
    computes = Weather(cores=2, steal_share=0.15, busy_share=0.35)
    waits = Weather(cores=2, steal_share=0.0075, busy_share=0.0175)
    assert computes.stolen_of_wanted == pytest.approx(waits.stolen_of_wanted) == pytest.approx(0.3)
    assert computes.log_theft == computes.most_log_theft == pytest.approx(log(1 / 0.7))
    assert waits.log_theft == pytest.approx(log(1 / 0.985))
    assert waits.most_log_theft == pytest.approx(log(1 / 0.97))
