"""Which cores are free, from what the kernel counts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hinterland.load.conductor import idle_cores
from hinterland.load.engine import pacing

BEFORE = """cpu  300 0 100 1000 20 0 0 0 0 0
cpu0 100 0 50 500 10 0 0 0 0 0
cpu1 200 0 50 500 10 0 0 0 5 0
intr 12345
"""
AFTER = """cpu  310 0 100 1018 22 0 0 0 0 0
cpu0 100 0 50 509 11 0 0 0 0 0
cpu1 210 0 50 500 10 0 0 0 15 0
intr 12399
"""


def test_what_stood_idle_is_told_from_two_readings() -> None:
    before, after = idle_cores.parsed(BEFORE), idle_cores.parsed(AFTER)
    assert before == {0: (510, 660), 1: (510, 760)}
    assert idle_cores.idle_between(before, after, {0, 1}) == pytest.approx(1.0)
    assert idle_cores.idle_between(before, after, {1}) == 0.0
    # No tick was counted: it was asleep all the time.
    assert idle_cores.idle_between(before, before, {0, 1}) == 2.0


def test_where_nothing_can_be_known_nothing_is_ruled_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(idle_cores, "STAT", tmp_path / "none")
    assert idle_cores.read() == {}
    assert idle_cores.idle_between({}, {}, {0, 1}) == math.inf


def test_this_machine_has_an_answer() -> None:
    ticks = idle_cores.read()
    assert ticks
    assert all(0 <= idle <= total for idle, total in ticks.values())


def test_it_spins_only_where_a_core_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "cores", lambda: 4)
    assert pacing.choose(1, 4.0) == "spin"
    assert pacing.choose(1, 1.2) == "timerfd"
    assert pacing.choose(3, 3.6) == "spin"
    assert pacing.choose(3, 2.9) == "timerfd"
    assert pacing.choose(4, 4.0) == "timerfd"
