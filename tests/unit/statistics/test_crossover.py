from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.statistics.crossover import crossover_sequence

LEVELS = [0.0, 0.5, 0.8, 0.95, 1.0]


def blocks(centres: list[float], count: int, seed: int = 0, scale: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(centres, scale, (count, len(centres)))


def test_the_crossing_lies_between_the_levels_that_are_decided() -> None:
    found = crossover_sequence(LEVELS, blocks([1.0, 0.6, 0.1, -0.4, -0.8], 10))
    assert found.low <= 0.8
    assert found.high == 0.95
    assert 0.8 < found.estimate < 0.87
    assert found.n == 10


def test_exchanging_the_systems_changes_nothing() -> None:
    x = blocks([1.0, 0.6, 0.1, -0.4, -0.8], 8)
    assert crossover_sequence(LEVELS, x) == crossover_sequence(LEVELS, -x)


def test_the_order_of_the_levels_does_not_matter() -> None:
    x = blocks([1.0, 0.6, 0.1, -0.4, -0.8], 8)
    order = [3, 0, 4, 1, 2]
    assert crossover_sequence([LEVELS[i] for i in order], x[:, order]) == crossover_sequence(LEVELS, x)


def test_an_undecided_end_leaves_its_side_open() -> None:
    found = crossover_sequence([0.0, 1.0], blocks([2.0, -0.05], 5))
    assert found.low == 0.0
    assert found.high == inf


def test_a_decided_level_behind_an_undecided_one_does_not_count() -> None:
    x = blocks([1.0, 0.0, 1.0, -1.0], 6, scale=0.02)
    x[:, 1] = [0.5, -0.5, 0.5, -0.5, 0.5, -0.5]
    assert crossover_sequence([1, 2, 3, 4], x).low == 1


def test_without_a_change_of_winner_there_is_no_crossing() -> None:
    found = crossover_sequence(LEVELS, blocks([1.0, 0.8, 0.6, 0.4, 0.2], 8))
    assert isnan(found.estimate)
    assert (found.low, found.high) == (-inf, inf)


def test_missing_trials_are_left_out() -> None:
    x = blocks([1.0, 0.6, 0.1, -0.4, -0.8], 9)
    x[2, 1] = x[5, 4] = np.nan
    found = crossover_sequence(LEVELS, x)
    assert found.high == 0.95
    x[:, 0] = np.nan
    assert isnan(crossover_sequence(LEVELS, x).estimate)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_the_true_crossing_is_inside(seed: int) -> None:
    truth = 0.6
    centres = [truth - level for level in LEVELS]
    found = crossover_sequence(LEVELS, blocks(centres, 6, seed, scale=0.05), alpha=1e-4)
    assert found.low <= truth <= found.high


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="a column for each level"):
        crossover_sequence(LEVELS, np.zeros((3, 4)))
