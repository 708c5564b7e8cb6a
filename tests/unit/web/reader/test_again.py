"""Asking again: at levels that exist, with rows to mark, and answered only by a run that does the same."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from hinterland import catalogue
from hinterland.model.experiment import Experiment, Factor, Level
from hinterland.model.levels import rule_broken, same, treatments
from hinterland.model.run import RunInfo
from hinterland.web.reader import again, marks
from hinterland.web.reader.design import design
from hinterland.web.reader.notebook import Entry, Notebook

EXPERIMENTS = catalogue.experiments()
NAGLE = catalogue.find("protocols/nagle")
SLOW_START = catalogue.find("protocols/slow_start")


def run_of(it: Experiment, **levels: tuple[Level, ...]) -> RunInfo:
    return RunInfo(
        id="r", experiment=it, seed=1, budget_s=1, started_at=10.0, machine={},
        treatments=treatments(it, levels), set=levels, status="finished", pid=os.getpid(),
    )  # fmt: skip


def said(it: Experiment, t_s: float = 1.0, **given: object) -> Entry:
    return Entry(t_s=t_s, experiment=it.id, kind="predicted", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("it", EXPERIMENTS, ids=lambda one: one.id)
def test_every_other_level_is_allowed_new_and_can_be_marked(it: Experiment) -> None:
    for levels in again.others(it):
        [(name, level)] = levels.items()
        factor = it.factor[name]
        assert not rule_broken(factor, level)
        assert not any(same(level, usual) for usual in factor.levels)
        sheet = marks.sheet(again.asked(it, levels))
        assert sheet is not None
        assert sheet["rows"]
        # What is marked is what such a run measures.
        keys = {row.key for row in sheet["rows"]}
        entry = said(it, marks=dict.fromkeys(keys, 1.0), levels=levels)
        assert again.answers(run_of(it, **{name: (level,)}), entry, it)
        assert not again.answers(run_of(it), entry, it)


def test_what_is_declared_is_of_this_atlas() -> None:
    """A place that loses a factor must not be asked for it."""
    for identity, levels in again.declared().items():
        it = catalogue.find(identity)
        assert levels.keys() <= it.factor.keys()
        asked = [{name: level} for name, each in levels.items() for level in each]
        assert again.others(it) == asked


def test_what_nobody_has_chosen_follows_the_manifest() -> None:
    nagle = msgspec.structs.replace(NAGLE, id="mine/nagle")
    assert again.others(nagle) == [{"rtt_ms": level} for level in (20, 5, 40, 2)]
    fixed = {name: msgspec.structs.replace(f, minimum=None, maximum=None) for name, f in nagle.factor.items()}
    still = msgspec.structs.replace(nagle, factor=fixed)
    assert again.others(still) == []
    assert again.following(still, []) == {}
    chosen = Factor(levels=(1, 2), choices=(1, 2, 4), says="")
    from_choices = msgspec.structs.replace(still, factor={**still.factor, "rtt_ms": chosen})
    assert again.others(from_choices) == [{"rtt_ms": 4}]


def test_levels_take_turns() -> None:
    asked: list[Entry] = [said(NAGLE)]
    seen = []
    for _ in range(5):
        levels = again.following(NAGLE, asked)
        seen.append(levels["rtt_ms"])
        asked.append(said(NAGLE, levels=levels))
    assert seen == [50, 20, 100, 50, 20]


def test_at_another_level_the_chart_keeps_it_and_only_marks_are_asked() -> None:
    found = again.asked(NAGLE, {"rtt_ms": 50})
    assert found.chart[0].where["rtt_ms"] == 50
    assert found.prediction.options == ()
    assert marks.sheet(found)["kept"].startswith("round trip 50 ms")  # type: ignore[index]
    assert again.asked(NAGLE, {}) is NAGLE
    assert design(NAGLE, {}) is NAGLE


def test_a_run_answers_what_it_does_and_nothing_else() -> None:
    usual = said(NAGLE, marks={"two_writes": 60.0})
    other = said(NAGLE, marks={"two_writes": 140.0}, levels={"rtt_ms": 50})
    assert again.answers(run_of(NAGLE), usual, NAGLE)
    assert not again.answers(run_of(NAGLE, rtt_ms=(50,)), usual, NAGLE)
    assert again.answers(run_of(NAGLE, rtt_ms=(50,)), other, NAGLE)
    # A part of it will do; what has no row in common will not.
    assert again.answers(run_of(NAGLE, variant=("two_writes",)), usual, NAGLE)
    assert not again.answers(run_of(NAGLE, variant=("corked",)), usual, NAGLE)
    assert not again.answers(run_of(NAGLE), said(NAGLE, 11.0, marks={"two_writes": 60.0}), NAGLE)
    assert not again.answers(run_of(SLOW_START), usual, NAGLE)


def test_the_run_of_an_asking_has_that_prediction(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    usual = said(NAGLE, marks={"two_writes": 60.0})
    other = said(NAGLE, 2.0, marks={"two_writes": 140.0}, levels={"rtt_ms": 50})
    notebook.add(usual, other)
    assert again.prediction_of(notebook, run_of(NAGLE), NAGLE) == usual
    assert again.prediction_of(notebook, run_of(NAGLE, rtt_ms=(50,)), NAGLE) == other
    assert again.prediction_of(notebook, run_of(NAGLE, rtt_ms=(20,)), NAGLE) is None
