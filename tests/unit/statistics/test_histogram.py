"""Histograms against the values themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hinterland.statistics import histogram
from hinterland.statistics.histogram import BINS, HIGHEST_NS, Histogram

times = st.lists(
    st.one_of(st.integers(0, 5000), st.integers(0, 10**9), st.integers(0, HIGHEST_NS)),
    min_size=1,
    max_size=300,
)


def of(values: list[int] | NDArray[np.int64]) -> Histogram:
    made = Histogram()
    made.add(np.array(values, dtype=np.int64))
    return made


@given(times)
def test_each_value_lies_within_its_bin_and_a_bin_is_narrow(values: list[int]) -> None:
    ns = np.array(values, dtype=np.int64)
    bins = histogram.bin_of(ns)
    upper, lower = histogram.upper_ns(bins), histogram.lower_ns(bins)
    assert np.all((lower <= ns) & (ns <= upper))
    assert np.all(upper - lower <= lower / 1024)
    assert np.all((bins >= 0) & (bins < BINS))


def test_bins_lie_side_by_side_without_gap_or_overlap() -> None:
    bins = np.arange(BINS, dtype=np.int32)
    assert np.array_equal(histogram.lower_ns(bins)[1:], histogram.upper_ns(bins)[:-1] + 1)
    assert histogram.lower_ns(0) == 0
    assert histogram.upper_ns(BINS - 1) == HIGHEST_NS
    assert np.array_equal(histogram.bin_of(histogram.lower_ns(bins)), bins)
    assert np.array_equal(histogram.bin_of(histogram.upper_ns(bins)), bins)


@given(times, st.floats(0, 1))
def test_percentiles_are_numpys_within_the_bin(values: list[int], q: float) -> None:
    got_ns = of(values).percentile(q) * 1e9
    true_ns = float(np.percentile(values, q * 100, method="inverted_cdf"))
    # At a step of the distribution, rounding decides which side of it is meant.
    near = [
        float(np.percentile(values, 100 * each, method="inverted_cdf"))
        for each in (q - 1e-9, q + 1e-9)
        if 0 <= each <= 1
    ]
    assert any(true - 1e-3 <= got_ns <= true * (1 + 1 / 1024) + 1e-3 for true in (true_ns, *near))


def test_the_99th_of_a_hundred_is_the_99th() -> None:
    held = of([1000 + place for place in range(100)])
    assert held.percentile(0.99) == pytest.approx(1098e-9)
    assert held.percentile(1) == pytest.approx(1099e-9)
    assert held.percentile(0) == pytest.approx(1000e-9)


@given(times, times, st.integers(0, 5), st.integers(0, 5))
def test_merging_is_counting_together(one: list[int], other: list[int], missing: int, more: int) -> None:
    merged, sparse, whole = of(one), of(one), of(one + other)
    second = of(other)
    for each, count in ((merged, missing), (sparse, missing), (second, more), (whole, missing + more)):
        each.add_missing(count)
    merged.merge(second)
    sparse.merge(second.counts())
    for result in (merged, sparse, Histogram.from_counts(whole.counts())):
        assert np.array_equal(result.counts().bins, whole.counts().bins)
        assert np.array_equal(result.counts().counts, whole.counts().counts)
        assert (result.missing, result.least_ns, result.most_ns, result.total_ns, result.operations) == (
            missing + more, min(one + other), max(one + other), sum(one + other),
            len(one + other) + missing + more,
        )  # fmt: skip


@given(times, st.floats(0, 1e5))
def test_share_below_never_says_too_much(values: list[int], limit_s: float) -> None:
    share = of(values).share_below(limit_s)
    limit_ns = limit_s * 1e9
    assert share <= np.mean(np.array(values) <= limit_ns + 1)
    assert share >= np.mean(np.array(values) * (1 + 1 / 1024) < limit_ns - 1)


def test_the_missing_lie_above_everything() -> None:
    held = of([10_000_000] * 98)
    held.add_missing(2)
    assert held.percentile(0.98) == pytest.approx(0.01, rel=1e-3)
    assert math.isinf(held.percentile(0.99))
    assert held.share_below(3600) == held.share_below(math.inf) == 0.98
    assert held.mean() == held.max() == pytest.approx(0.01)


def test_large_and_small_additions_agree() -> None:
    values = np.random.default_rng(3).lognormal(13, 2, 50_000).astype(np.int64)
    once, pieces = of(values), Histogram()
    for start in range(0, len(values), 1000):
        pieces.add(values[start : start + 1000])
    assert np.array_equal(once.counts().counts, pieces.counts().counts)
    assert once.total_ns == pieces.total_ns == values.sum()


@given(times, st.sampled_from([1, 4, 16, 64]))
def test_coarse_bins_keep_every_count_and_stay_narrow(values: list[int], width: int) -> None:
    fine = of(values)
    wide = histogram.coarse(fine.counts(), width)
    assert wide.counts.sum() == len(values)
    assert np.all(np.diff(wide.bins) > 0)
    back = Histogram.from_counts(wide)
    for q in (0.0, 0.5, 0.9, 1.0):
        true_s, got_s = fine.percentile(q), back.percentile(q)
        assert true_s <= got_s <= true_s * (1 + width / 1024) + width * 1e-9


def test_nothing_counted() -> None:
    empty = Histogram()
    assert math.isnan(empty.percentile(0.5))
    assert math.isnan(empty.share_below(1))
    assert math.isnan(empty.mean())
    assert len(empty.counts().bins) == 0
    empty.add_missing(1)
    assert math.isinf(empty.percentile(0.5))
    empty.clear()
    assert empty.operations == 0


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        of([1]).percentile(99)


def test_times_beyond_the_range_keep_their_exact_maximum() -> None:
    held = of([HIGHEST_NS * 4, -5])
    assert held.max() == held.percentile(1) == HIGHEST_NS * 4 / 1e9
    assert held.least_ns == 0
