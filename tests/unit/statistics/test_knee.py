"""Where a response time begins to climb, on curves whose knee is known."""

from __future__ import annotations

import numpy as np
import pytest

from hinterland.statistics.knee import knee


def erlang_c(servers: int, use: np.ndarray) -> np.ndarray:
    """Returns the mean response time of M/M/c in service times."""
    load, blocked = use * servers, np.ones_like(use)
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    waiting = blocked / (1 - use * (1 - blocked))
    return 1 + waiting / (servers * (1 - use))


def test_one_server_has_it_at_half() -> None:
    rates = np.linspace(0.05, 0.95, 19)
    assert knee(rates * 1000, 0.001 / (1 - rates)) == pytest.approx(500, rel=0.02)


def test_eight_servers_have_it_near_three_quarters() -> None:
    use = np.linspace(0.05, 0.95, 37)
    assert knee(use, erlang_c(8, use)) == pytest.approx(0.76, abs=0.02)


def test_it_moves_neither_with_the_range_nor_with_the_scale() -> None:
    def at(low: float, high: float, scale: float) -> float | None:
        rates = np.linspace(low, high, 25)
        return knee(rates, scale / (1000 - rates))

    here = at(50, 950, 1.0)
    assert at(200, 800, 1.0) == pytest.approx(here, rel=0.02)
    assert at(50, 950, 1e6) == pytest.approx(here, rel=1e-9)


def test_noise_is_smoothed_and_repeats_are_taken_together() -> None:
    random = np.random.default_rng(5)
    rates = np.repeat(np.arange(100.0, 1000, 100), 5)
    times = 1 / (1000 - rates) * random.lognormal(0, 0.1, rates.size)
    assert knee(rates, times) == pytest.approx(500, rel=0.15)


def test_a_curve_that_stays_flat_or_only_climbs_has_none() -> None:
    rates = np.linspace(100, 900, 9)
    assert knee(rates, np.ones(9)) is None
    assert knee(rates, rates**2) is None
    assert knee(rates[:3], 1 / (1000 - rates[:3])) is None
    assert knee([], []) is None


def test_rates_without_an_answer_are_left_out() -> None:
    rates = np.array([100.0, 300, 400, 500, 600, 800, 2000])
    times = np.append(1 / (1000 - rates[:-1]), np.inf)
    assert knee(rates, times) == pytest.approx(500, rel=0.1)
