from __future__ import annotations

from math import inf

from hinterland.statistics.interval import Interval


def test_a_value_between_the_bounds_is_not_excluded() -> None:
    interval = Interval(1.0, 0.5, 2.0, 8)
    assert [interval.excludes(value) for value in (0.4, 0.5, 1.0, 2.0, 2.1)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_an_unbounded_interval_excludes_nothing() -> None:
    assert not Interval(0.0, -inf, inf, 1).excludes(1e300)
