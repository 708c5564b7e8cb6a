from __future__ import annotations

import numpy as np
import pytest

from hinterland.statistics.pace import time_each


def test_one_at_a_time_is_the_median_gap() -> None:
    assert time_each([10.0, 20.0, 30.0, 90.0, 100.0], 1) == 10.0


def test_bunches_of_four_count_as_four() -> None:
    done = np.repeat(np.arange(10) * 100.0, 4)
    assert time_each(done, 4) == 25.0
    assert time_each(np.random.default_rng(1).permutation(done), 4) == 25.0


def test_a_stall_hardly_moves_it() -> None:
    done = np.arange(100) * 10.0
    done[50:] += 2_000.0
    assert time_each(done, 4) == 10.0


def test_too_few_completions_give_none() -> None:
    assert time_each([], 1) is None
    assert time_each([1.0] * 7, 4) is None
    assert time_each([1.0] * 8, 4) == 0.0


def test_what_did_not_complete_must_be_left_out() -> None:
    with pytest.raises(ValueError, match="finite"):
        time_each([1.0, np.inf, 2.0], 1)
    with pytest.raises(ValueError, match="at least 1"):
        time_each([1.0, 2.0, 3.0], 0)
