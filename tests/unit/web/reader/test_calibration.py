"""Hits and misses: what a prediction came to, and what is said of many."""

from __future__ import annotations

import math

import pytest

from hinterland import catalogue
from hinterland.report.answer import Answered
from hinterland.statistics.proportions import exact_bounds
from hinterland.web.reader.calibration import LATER, Met, met, told
from hinterland.web.reader.notebook import Entry

NAGLE = catalogue.find("protocols/nagle")
C10K = catalogue.find("execution/c10k")


def predicted(**said: object) -> Entry:
    return Entry(t_s=0.0, experiment="x", kind="predicted", **said)  # type: ignore[arg-type]


def test_a_mark_is_met_within_its_factor_on_both_sides() -> None:
    entry = predicted(
        marks={"two_writes": 60.0, "no_delay": 10.0, "corked": 10.0, "one_write": 5.0}, within=2.0
    )
    found = met(entry, NAGLE, {"two_writes": 61.0, "no_delay": 21.0, "corked": 5.0})
    assert [(each.what, each.hit) for each in found] == [
        ("two_writes", True),
        ("no_delay", False),
        ("corked", True),
    ]
    assert {each.said for each in found} == {0.8}


@pytest.mark.parametrize(("mark", "value", "hit"), [(0.0, 0.0, True), (0.0, 3.0, False), (3.0, 0.0, False)])
def test_only_nothing_meets_nothing(mark: float, value: float, hit: bool) -> None:
    [found] = met(predicted(marks={"a": mark}, within=10.0), NAGLE, {"a": value})
    assert found.hit is hit


def test_a_choice_is_as_sure_as_was_said() -> None:
    [right] = met(predicted(option="No answer at all", sure=0.7), C10K, {}, Answered(True, ""))
    [wrong] = met(predicted(option="Slower answers", sure=0.97), C10K, {}, Answered(False, ""))
    assert (right.said, right.hit, wrong.said, wrong.hit) == (0.7, True, 0.97, False)


def test_a_number_counts_as_a_mark_does_and_what_nobody_can_judge_does_not() -> None:
    [found] = met(predicted(number=60.0, within=2.0), NAGLE, {}, Answered(True, ""))
    assert (found.what, found.said, found.hit) == ("the number", 0.8, True)
    assert met(predicted(number=60.0, within=2.0), NAGLE, {}, Answered(None, "")) == []
    assert met(predicted(option="Slower answers", sure=0.97), C10K, {}) == []


def test_what_is_said_of_many() -> None:
    found = [Met("x", "y", 0.8, number % 2 == 0) for number in range(2 * LATER)]
    [sure, lately] = told(found)
    assert sure.startswith("Where you were 80% sure, you were right 20 times of 40: 50%, 34% to 66%")
    assert lately == f"Of the last {LATER} you met {LATER // 2}, of the {LATER} before {LATER // 2}."
    assert told([]) == []


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"), [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0)]
)
def test_the_bounds_are_those_of_clopper_and_pearson(hits: int, tries: int, low: float, high: float) -> None:
    found = exact_bounds(hits, tries)
    assert math.isclose(found[0], low, abs_tol=1e-4)
    assert math.isclose(found[1], high, abs_tol=1e-4)
