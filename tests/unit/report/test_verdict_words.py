"""A verdict in words: each figure once, and written as a person writes it."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.claims.grounds.evidence import evidence, medians
from hinterland.model.verdict import Evidence, Verdict
from hinterland.report import verdicts, weather
from hinterland.statistics.interval import Interval


def of(ratio: float, low: float, high: float) -> Evidence:
    interval = Interval(math.log(ratio), math.log(low), math.log(high), 4, "paired blocks")
    return evidence("holds", "time", interval, 20.0, medians([(1_940_000.0, 1000.0)]), "at least 20x", 4, 0)


@given(st.floats(1e-3, 1e7))
def test_no_ratio_is_written_as_a_machine_writes_it(ratio: float) -> None:
    found = of(ratio, ratio / 2, ratio * 2)
    assert not re.search(r"\de[+-]\d", found.says + found.cause)
    before, number, after = verdicts.measured(found)
    assert before + number + after == found.says
    # What stands beside the drawing and in the terminal is the same figure.
    assert number
    assert verdicts.estimate_text(found).startswith(number)


def test_a_figure_stands_once() -> None:
    found = of(1940, 1200, 3100)
    assert verdicts.measured(found)[1] == "1940x"
    assert found.says.count("1940x") == 1


@pytest.mark.parametrize(
    ("says", "estimate", "told"),
    [
        ("held up: 0 in 71 tries (rate at most 4.8 %)", 0.0, "held up: 0 in 71 tries (rate at most 4.8 %)"),
        ("held up: 2 in 8 tries", 0.25, "25 % (not bounded yet): held up: 2 in 8 tries"),
        ("", 0.25, "25 % (not bounded yet)"),
        ("", None, "nothing"),
    ],
)
def test_a_count_says_its_share_where_there_is_one(says: str, estimate: float | None, told: str) -> None:
    found = Evidence(verdict="holds", says=says, estimate=estimate, unit="share")
    assert "".join(verdicts.measured(found)) == told


def test_what_noise_meant_is_said_where_it_stands() -> None:
    calm = of(30, 25, 36)
    noisy = Evidence(verdict="holds", says="", trials=5, disturbed=1)
    for found, said in ((calm, False), (noisy, True)):
        verdict = Verdict("c", "It holds.", "holds", found, calm, "It does not.")
        assert bool(weather.meant(verdict)) == bool(weather.came_about(verdict)) == said
