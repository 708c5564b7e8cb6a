from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.drawing import scale

UNITS = st.sampled_from(["ms", "bytes", "share", "x", "", "charges"])
VALUES = st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=20)
ANY = st.lists(st.floats(allow_nan=False, allow_infinity=True), min_size=0, max_size=20)


@given(VALUES, UNITS)
def test_a_linear_axis_holds_its_values_and_zero(values: list[float], unit: str) -> None:
    axis = scale.linear(values, 0, 500, unit)
    dust = 1e-9 * (axis.high - axis.low)
    assert axis.low <= min(*values, 0) + dust
    assert axis.high >= max(*values, 0) - dust
    assert 2 <= len(axis.ticks) <= 12
    assert len(axis.texts) == len(axis.ticks)
    assert list(axis.ticks) == sorted(axis.ticks)


@given(VALUES, UNITS)
def test_tick_labels_differ(values: list[float], unit: str) -> None:
    axis = scale.linear(values, 0, 500, unit)
    assert len(set(axis.texts)) == len(axis.texts)


@given(ANY, UNITS, st.booleans())
def test_every_value_has_a_place_on_the_axis(values: list[float], unit: str, is_log: bool) -> None:
    make = scale.log if is_log else scale.linear
    axis = make(values, 10, 500, unit)
    for value in [*values, 0.0, math.inf]:
        assert 10 <= axis.at(value) <= 500


@given(st.lists(st.floats(1e-9, 1e12), min_size=2, max_size=20, unique=True), UNITS)
def test_a_logarithmic_axis_keeps_the_order_and_encloses(values: list[float], unit: str) -> None:
    axis = scale.log(values, 0, 500, unit)
    assert axis.low <= min(values) * (1 + 1e-6)
    assert axis.high >= max(values) * (1 - 1e-6)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert 2 <= len(axis.ticks) <= 9


def test_zero_has_a_place_of_its_own_before_the_first_positive_value() -> None:
    axis = scale.log([0, 0.1, 10], 0, 500)
    assert axis.zero_slot
    assert axis.at(0) < axis.at(0.1)
    assert axis.ticks[0] == 0.0


def test_equal_steps_on_a_logarithmic_axis_are_equal_factors() -> None:
    axis = scale.log([1, 1000], 0, 300)
    assert axis.at(10) - axis.at(1) == pytest.approx(axis.at(1000) - axis.at(100))


def test_an_axis_of_bytes_has_ticks_at_powers_of_two() -> None:
    assert scale.log([2**20, 2**24], 0, 300, "bytes").texts == ("1 MiB", "2 MiB", "4 MiB", "8 MiB", "16 MiB")
    assert scale.linear([400 * 2**20], 0, 300, "bytes").texts[-1] == "400 MiB"


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        scale.linear([1.0], 0, 100).at(math.nan)


@pytest.mark.parametrize(
    ("levels", "is_log"),
    [
        ([100, 1000, 10000], True),
        ([0, 0.5, 0.95, 1], False),
        ([1, 2, 3, 4], False),
        ([1, 2, 4, 8, 16], True),
        ([-1, 1], False),
    ],
)
def test_an_axis_follows_the_spacing_of_its_levels(levels: list[float], is_log: bool) -> None:
    assert scale.fits_log(levels) == is_log
