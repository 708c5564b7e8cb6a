from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.statistics.warmup import end_of_warmup

RNG = np.random.default_rng(5)


def test_a_decaying_start_is_cut_off_where_it_has_decayed() -> None:
    y = 1 + 5 * np.exp(-np.arange(1000) / 40) + RNG.normal(scale=0.3, size=1000)
    end = end_of_warmup(y)
    assert end is not None
    assert 80 <= end <= 300


def test_a_step_is_found() -> None:
    y = np.concatenate([np.full(100, 3.0), np.full(300, 1.0)]) + RNG.normal(scale=0.05, size=400)
    assert end_of_warmup(y) in (100, 105, 110)


def test_steady_noise_has_next_to_no_warm_up() -> None:
    ends = [end_of_warmup(np.random.default_rng(seed).normal(size=400)) for seed in range(100)]
    settled = [end for end in ends if end is not None]
    assert len(settled) >= 95
    assert np.median(settled) <= 20


def test_late_stalls_do_not_pass_for_a_warm_up() -> None:
    ends = [end_of_warmup(np.random.default_rng(seed).standard_t(1.5, size=400)) for seed in range(100)]
    assert sum(end is None for end in ends) <= 8


@pytest.mark.parametrize(
    "y", [np.linspace(0, 1, 500), np.concatenate([np.zeros(300), np.ones(100)]) + np.arange(400) * 1e-6]
)
def test_a_series_that_keeps_changing_never_settles(y: np.ndarray) -> None:
    assert end_of_warmup(y) is None


def test_a_short_series_says_nothing() -> None:
    assert end_of_warmup(np.ones(49)) is None
    assert end_of_warmup(np.ones(50)) == 0


@settings(deadline=None)
@given(st.integers(-1000, 1000), st.sampled_from([0.25, 8.0, 1024.0]), st.integers(0, 2**32 - 1))
def test_unit_and_origin_do_not_matter(origin: int, unit: float, seed: int) -> None:
    y = np.random.default_rng(seed).integers(0, 50, 200).astype(float)
    assert end_of_warmup(y) == end_of_warmup(origin + unit * y)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        end_of_warmup([1.0, float("nan")] * 50)
    with pytest.raises(ValueError, match="batch=0"):
        end_of_warmup(np.ones(100), batch=0)
