"""Policies throw out whom they should, counts agree with a formula, a real run sees what the lesson says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)
CACHES: dict[str, Any] = HERE.module("caches").CACHES


@pytest.mark.parametrize("name", HERE.recorded.names)
def test_a_recorded_trial_has_its_outcome(name: str) -> None:
    assert not HERE.recorded.differences(name)


def test_a_trial_that_counted_less_is_no_evidence() -> None:
    kept = HERE.recorded.trial("lru_skewed")
    kept["readings"]["replayed"]["requests"] -= 1
    assert HERE.recorded.broken(kept) == ["counted"]


def seen(policy: str, capacity: int, keys: Iterable[int]) -> list[bool]:
    cache = CACHES[policy](capacity)
    return [cache.get(key) for key in keys]


KEYS = st.lists(st.integers(0, 12), max_size=200)


@given(st.sampled_from(sorted(CACHES)), st.integers(1, 8), KEYS)
def test_a_cache_has_only_what_was_asked_for_before_and_no_more_than_it_has_room_for(
    policy: str, capacity: int, keys: list[int]
) -> None:
    found = seen(policy, capacity, keys)
    for number, (key, was_there) in enumerate(zip(keys, found, strict=True)):
        assert not was_there or key in keys[:number]
    # Of keys asked for in turn, one after the other at once, at most so many are there as there is room.
    cache = CACHES[policy](capacity)
    for key in keys:
        cache.get(key)
    assert len(getattr(cache, "queue", getattr(cache, "times", getattr(cache, "marked", ())))) <= capacity


@given(st.integers(1, 8), KEYS)
def test_the_two_lru_caches_agree_on_every_request(capacity: int, keys: list[int]) -> None:
    assert seen("lru", capacity, keys) == seen("functools", capacity, keys)


@given(st.integers(1, 8), KEYS)
def test_lru_has_what_was_among_the_last_different_keys(capacity: int, keys: list[int]) -> None:
    found = seen("lru", capacity, keys)
    for number, key in enumerate(keys):
        last = list(dict.fromkeys(reversed(keys[:number])))[:capacity]
        assert found[number] == (key in last)


@pytest.mark.parametrize(
    ("policy", "keys", "found"),
    [
        # Room for three. 1 was asked for again, so LRU and SIEVE spare it; FIFO does not; 4 pushes one out.
        ("lru", [1, 2, 3, 1, 4, 1, 2], [0, 0, 0, 1, 0, 1, 0]),
        ("fifo", [1, 2, 3, 1, 4, 1, 2], [0, 0, 0, 1, 0, 0, 0]),
        ("sieve", [1, 2, 3, 1, 4, 1, 2], [0, 0, 0, 1, 0, 1, 0]),
        # What was asked for most often stays, whatever came since.
        ("lfu", [1, 1, 1, 2, 3, 4, 5, 6, 1], [0, 1, 1, 0, 0, 0, 0, 0, 1]),
        ("lru", [1, 1, 1, 2, 3, 4, 5, 6, 1], [0, 1, 1, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_whom_a_full_cache_throws_out(policy: str, keys: list[int], found: list[int]) -> None:
    assert seen(policy, 3, keys) == list(map(bool, found))


def test_sieves_hand_goes_on_from_where_it_stood() -> None:
    cache = CACHES["sieve"](3)
    for key in (1, 2, 3, 1, 2):
        cache.get(key)
    # 1 and 2 are marked: the hand takes both marks away, and 3, the newest, leaves. It begins again with 1.
    assert not cache.get(4)
    assert set(cache.marked) == {1, 2, 4}
    assert not cache.get(5)
    assert set(cache.marked) == {2, 4, 5}, "its mark was gone"


def test_who_failed_the_trial_and_comes_again_goes_to_s3_fifos_large_queue() -> None:
    cache = CACHES["s3fifo"](10)
    for key in range(11):
        cache.get(key)
    assert 0 not in cache.times
    assert 0 in cache.failed
    cache.get(0)
    assert 0 in cache.large


def test_che_is_exact_where_all_keys_are_alike_and_grows_with_the_room() -> None:
    che = HERE.source.che
    assert che(1000, 0.0, 0.1) == pytest.approx(0.1, rel=1e-6)
    ratios = [che(10_000, 0.99, share) for share in (0.001, 0.01, 0.1, 0.5, 0.9)]
    assert all(one < other for one, other in pairwise(ratios))


@pytest.mark.system
@pytest.mark.parametrize(("policy", "agrees"), [("lru", True), ("functools", True), ("sieve", False)])
def test_a_million_requests_come_within_a_hundredth_of_ches_formula(policy: str, agrees: bool) -> None:
    program = HERE.folder / "systems" / "replay.py"
    words = [sys.executable, program, policy, "--requests", "1000000"]
    said = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True).stdout
    replayed = json.loads(said)
    found = replayed["hits"] / replayed["requests"]
    assert (abs(found / HERE.source.che(100_000, 0.99, 0.01) - 1) <= 0.01) is agrees


@pytest.mark.system
def test_skew_scans_and_drift_do_what_the_lesson_says(one_block: OneBlock) -> None:
    found = {
        (one.treatment["policy"], one.treatment["traffic"], one.treatment["size_share"]): one.outcome.metrics[
            "hit_ratio"
        ]
        for one in one_block(HERE)
    }
    assert found["lru", "zipf", 0.01] > 40 * found["lru", "uniform", 0.01]
    assert found["sieve", "zipf", 0.01] > 1.1 * found["lru", "zipf", 0.01]
    assert found["lru", "scan", 0.01] < 0.9 * found["lru", "zipf", 0.01]
    assert found["s3fifo", "scan", 0.01] > 0.97 * found["s3fifo", "zipf", 0.01]
    assert found["lfu", "drift", 0.01] < 0.5 * found["lru", "drift", 0.01]
    assert found["lru", "zipf", 0.5] > found["lru", "zipf", 0.1]
