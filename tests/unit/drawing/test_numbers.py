from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.drawing import numbers


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4.2, "ms", "4.2 ms"),
        (0.0013, "ms", "1.3 µs"),
        (999.9996, "us", "1 ms"),
        (90, "s", "90 s"),
        (150, "s", "2.5 min"),
        (129_000, "/s", "129k/s"),
        (129_000, "1/s", "129k/s"),
        (36 * 2**20, "bytes", "36 MiB"),
        (1234, "bytes an event", "1.21 KiB an event"),
        (5.2, "x", "5.2x"),
        (0.0012, "share", "0.12 %"),
        (0.99987, "share", "99.987 %"),
        (1.0, "share", "100 %"),
        (99.95, "%", "99.95 %"),
        (1, "charges", "1 charge"),
        (2, "charges", "2 charges"),
        (1, "requests an event", "1 request an event"),
        (4210, "charges", "4210 charges"),
        (12_345, "charges", "12.3k charges"),
        (0, "ms", "0 ms"),
        (0, "share", "0 %"),
        (2.5e-9, "", "2.5×10⁻⁹"),
        (math.inf, "ms", "∞"),
        (math.nan, "ms", "–"),
        (None, "ms", "–"),
        (-3.0, "ms", "-3 ms"),
    ],
)
def test_a_quantity_reads_as_a_person_would_write_it(value: float | None, unit: str, text: str) -> None:
    assert numbers.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (4.1, 5.3, "4.1 ms to 5.3 ms"),
        (4.1, math.inf, "at least 4.1 ms"),
        (None, 5.3, "at most 5.3 ms"),
        (-math.inf, None, "not bounded yet"),
    ],
)
def test_an_interval_says_what_is_not_bounded(low: float | None, high: float | None, text: str) -> None:
    assert numbers.span(low, high, "ms") == text


def test_a_bare_quantity_leaves_out_the_noun_but_keeps_a_scaled_unit() -> None:
    assert numbers.bare(1.0, "requests an event") == "1"
    assert numbers.bare(2048, "bytes an event") == "2 KiB"
    assert numbers.bare(4.2, "ms") == "4.2 ms"


SIZES = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}


@given(st.floats(1e-6, 1e6))
def test_a_time_keeps_its_value_to_three_digits(value_ms: float) -> None:
    number, unit = numbers.quantity(value_ms, "ms").split(" ")
    digits, _, power = number.partition("×10")
    exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))) if power else 0
    assert float(digits) * 10.0**exponent * SIZES[unit] * 1e3 == pytest.approx(value_ms, rel=0.006)


@given(st.floats(0, 1))
def test_a_share_reads_100_per_cent_only_if_it_is_one(share: float) -> None:
    text = numbers.quantity(share, "share")
    assert (text == "100 %") == (1 - share < 1e-12)
    assert (text == "0 %") == (share == 0)


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["ms", "bytes", "share", "x", "", "charges", "/s"]),
)
def test_every_float_has_a_text(value: float, unit: str) -> None:
    assert re.fullmatch(r"[-–∞0-9.×⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+.*", numbers.quantity(value, unit))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1024, "B", "1 KiB"),
        (1024, "MiB", "1 GiB"),
        (1010, "B", "0.986 KiB"),
        (999, "B", "999 B"),
        (2**20, "B", "1 MiB"),
    ],
)
def test_sizes_change_their_unit_before_they_need_four_digits(value: float, unit: str, text: str) -> None:
    assert numbers.quantity(value, unit) == text
