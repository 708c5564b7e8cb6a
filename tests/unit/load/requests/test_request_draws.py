"""Random numbers of visits: the same for any number of processes, and spread as theory says."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from hinterland.errors import UsageError
from hinterland.load.requests import draws
from hinterland.load.requests.draws import BLOCK, Stream

VISITS = 60_000
LEAST_P = 1e-4
"""The seeds are fixed: a test either always passes, or the numbers are wrong."""


def counts(values: list[int], lowest: int, highest: int) -> list[int]:
    found: list[int] = np.bincount(np.array(values) - lowest, minlength=highest - lowest + 1).tolist()
    return found


@settings(max_examples=25)
@given(st.integers(), st.integers(1, 9), st.lists(st.integers(0, 10 * BLOCK), min_size=1, max_size=20))
def test_what_a_visit_draws_does_not_depend_on_the_processes(
    seed: int, stride: int, visits: list[int]
) -> None:
    alone = Stream(seed, 5, 1, draws.whole(0, 10**9))
    shared = Stream(seed, 5, stride, draws.whole(0, 10**9))

    assert [shared(visit) for visit in visits] == [alone(visit) for visit in visits]


def test_a_stream_goes_on_from_block_to_block() -> None:
    stream = Stream(1, 0, 3, draws.whole(0, 10**9))
    forwards = [stream(visit) for visit in range(1, 4 * BLOCK, 3)]
    backwards = [stream(visit) for visit in range(1, 4 * BLOCK, 3)[::-1]][::-1]

    assert forwards == backwards
    assert len(set(forwards)) > 0.99 * len(forwards)


def test_streams_and_seeds_differ() -> None:
    def first(seed: int, number: int) -> list[int]:
        stream = Stream(seed, number, 1, draws.whole(0, 10**9))
        return [stream(visit) for visit in range(100)]

    made = [first(seed, number) for seed in (0, 1, -1) for number in (0, 1, 16)]

    assert len({tuple(one) for one in made}) == len(made)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.3, 2.5])
def test_keys_are_as_frequent_as_zipf_says(exponent: float) -> None:
    keys = 200
    stream = Stream(7, 1, 1, draws.key(keys, exponent))
    drawn = [stream(visit) for visit in range(VISITS)]
    ranks = np.arange(1, keys + 1, dtype=np.float64)
    theory = ranks**-exponent / np.sum(ranks**-exponent)

    assert min(drawn) >= 1
    assert max(drawn) <= keys
    found, expected = np.array(counts(drawn, 1, keys)), theory * VISITS
    # Pearson's test wants at least 5 in a class: the rare keys are one.
    rare = expected < 5
    if rare.any():
        found = np.append(found[~rare], found[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    assert chisquare(found, expected).pvalue > LEAST_P


def test_the_test_of_frequencies_would_notice_another_exponent() -> None:
    stream = Stream(7, 1, 1, draws.key(200, 1.05))
    drawn = [stream(visit) for visit in range(VISITS)]

    assert chisquare(counts(drawn, 1, 200), draws.zipf_shares(200, 1.0) * VISITS).pvalue < LEAST_P


@pytest.mark.parametrize(("keys", "exponent"), [(0, 1.0), (10, -1.0), (10, 20.0), (10**8, 1.0)])
def test_keys_that_can_not_be(keys: int, exponent: float) -> None:
    with pytest.raises(UsageError, match=f"keys={keys}"):
        draws.key(keys, exponent)


def test_one_key_is_always_drawn() -> None:
    stream = Stream(3, 1, 1, draws.key(1, 1.0))
    assert {stream(visit) for visit in range(100)} == {1}


@pytest.mark.parametrize(("low", "high"), [(1, 6), (-3, 3), (5, 5)])
def test_whole_numbers_are_even(low: int, high: int) -> None:
    stream = Stream(2, 16, 1, draws.whole(low, high))
    found = counts([stream(visit) for visit in range(VISITS)], low, high)

    assert sum(found) == VISITS
    assert len(found) == high - low + 1
    assert low == high or chisquare(found).pvalue > LEAST_P


def test_whole_numbers_of_any_size() -> None:
    low, high = -(1 << 62), 1 << 62
    stream = Stream(2, 16, 1, draws.whole(low, high))
    drawn = np.array([stream(visit) for visit in range(5000)], dtype=np.float64)

    assert kstest(drawn, "uniform", (low, high - low)).pvalue > LEAST_P


def test_uniform_numbers_are_uniform() -> None:
    stream = Stream(4, 0, 1, lambda raw: draws.uniform(raw[:, 0]).tolist())
    drawn = [stream(visit) for visit in range(VISITS)]

    assert min(drawn) >= 0
    assert max(drawn) < 1
    assert kstest(drawn, "uniform").pvalue > LEAST_P


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
@settings(max_examples=15)
def test_choices_come_as_often_as_their_weights_say(weights: list[float]) -> None:
    stream = Stream(11, 0, 1, draws.chosen(weights))
    found = counts([stream(visit) for visit in range(20_000)], 0, len(weights) - 1)
    expected = np.array(weights) / sum(weights) * 20_000

    assert len(found) == len(weights)
    # Five standard deviations of a binomial count, for each.
    assert (np.abs(found - expected) <= 5 * np.sqrt(expected) + 5).all()


def test_uuids_are_version_4_and_unlike_each_other() -> None:
    stream = Stream(9, 3, 1, draws.uuids, width=2)
    made = [uuid.UUID(int=high << 64 | low) for high, low in map(stream, range(10_000))]

    assert len(set(made)) == len(made)
    assert {one.version for one in made} == {4}
    assert {one.variant for one in made} == {uuid.RFC_4122}
