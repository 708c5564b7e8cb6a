"""Marks on an experiment's own chart: its rows, what a form may say, and the gap in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland import catalogue
from hinterland.web.reader import marks

EXPERIMENTS = catalogue.experiments()


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.id)
def test_every_experiment_can_be_marked(experiment: object) -> None:
    found = marks.sheet(experiment)  # type: ignore[arg-type]
    assert found is not None
    assert 2 <= len(found["rows"]) <= marks.MOST_ROWS
    assert len({row.key for row in found["rows"]}) == len(found["rows"])


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.id)
def test_every_choice_has_one_that_is_right(experiment: object) -> None:
    prediction = experiment.prediction  # type: ignore[attr-defined]
    assert bool(prediction.options) == bool(prediction.correct)


def test_a_form_gives_the_rows_that_were_marked() -> None:
    nagle = catalogue.find("protocols/nagle")
    assert marks.given(nagle, {"mark-0": "60", "mark-2": " 10,5 ", "mark-3": ""}) == {
        "two_writes": 60.0,
        "corked": 10.5,
    }
    assert marks.given(nagle, {}) == {}


@pytest.mark.parametrize("text", ["x", "0.01", "1e9", "nan", "inf", "-5"])
def test_what_is_no_place_on_the_axis_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        marks.given(catalogue.find("protocols/nagle"), {"mark-0": text})


def test_order_shape_and_level_are_told_apart() -> None:
    found = marks.gap({"a": 1.0, "b": 2.0, "c": 4.0}, {"a": 4.0, "b": 8.0, "c": 16.0}, log=True)
    assert found is not None
    assert found.pairs == (3, 3)
    assert math.isclose(found.level, 4.0)
    assert math.isclose(found.shape, 1.0)
    assert marks.told(found, "ms") == (
        "You knew the order. The shape is right within a factor of 1. "
        "All of it is higher than you thought, by a factor of 4."
    )


def test_values_that_hardly_differ_are_in_no_order() -> None:
    found = marks.gap({"a": 9.0, "b": 1.0}, {"a": 10.0, "b": 10.2}, log=True)
    assert found is not None
    assert found.pairs == (0, 0)


def test_a_linear_axis_is_told_in_its_unit() -> None:
    found = marks.gap({"a": 0.5, "b": 0.1}, {"a": 0.25, "b": 0.35}, log=False)
    assert found is not None
    assert (
        marks.told(found, "share")
        == "You had 0 of 1 pairs in the right order. On average your marks lie 25 % off."
    )


def test_without_a_row_in_common_there_is_no_gap() -> None:
    assert marks.gap({"a": 1.0}, {"b": 1.0}, log=True) is None
    assert marks.gap({"a": 1.0}, {"a": math.inf}, log=True) is None


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(1e-3, 1e6), min_size=1))
def test_who_marks_what_is_measured_is_right(measured: dict[str, float]) -> None:
    found = marks.gap(measured, measured, log=True)
    assert found is not None
    assert found.pairs[0] == found.pairs[1]
    assert math.isclose(found.level, 1.0)
    assert math.isclose(found.shape, 1.0)
