"""Hits and misses: what a prediction came to, and what is said of many."""

from __future__ import annotations

import math
import os
from pathlib import Path

import msgspec
import pytest

from hinterland import catalogue
from hinterland.model.experiment import Level
from hinterland.model.levels import treatments
from hinterland.model.run import RunEvent, RunFinished, RunInfo, TrialFinished
from hinterland.model.verdict import Outcome, TrialResult
from hinterland.report.answer import Judged
from hinterland.statistics.proportions import exact_bounds
from hinterland.web.reader.calibration import LATER, Answered, Calibration, Met, as_csv, by_region, met, told
from hinterland.web.reader.notebook import Entry
from hinterland.web.reader.shelf import Shelf

NAGLE = catalogue.find("protocols/nagle")
C10K = catalogue.find("execution/c10k")


def predicted(**said: object) -> Entry:
    return Entry(t_s=0.0, experiment="x", kind="predicted", **said)  # type: ignore[arg-type]


def test_a_mark_is_met_within_its_factor_on_both_sides() -> None:
    entry = predicted(
        marks={"two_writes": 60.0, "no_delay": 10.0, "corked": 10.0, "one_write": 5.0}, within=2.0
    )
    found = met(Answered(entry, "r", 0.0, {"two_writes": 61.0, "no_delay": 21.0, "corked": 5.0}), NAGLE)
    assert [(each.what, each.hit) for each in found] == [
        ("two_writes", True),
        ("no_delay", False),
        ("corked", True),
    ]
    assert {each.said for each in found} == {0.8}


@pytest.mark.parametrize(("mark", "value", "hit"), [(0.0, 0.0, True), (0.0, 3.0, False), (3.0, 0.0, False)])
def test_only_nothing_meets_nothing(mark: float, value: float, hit: bool) -> None:
    [found] = met(Answered(predicted(marks={"a": mark}, within=10.0), "r", 0.0, {"a": value}), NAGLE)
    assert found.hit is hit


def test_a_choice_is_as_sure_as_was_said() -> None:
    [right] = met(
        Answered(predicted(option="No answer at all", sure=0.7), "r", 0.0, {}, Judged(True, "")), C10K
    )
    [wrong] = met(
        Answered(predicted(option="Slower answers", sure=0.97), "r", 0.0, {}, Judged(False, "")), C10K
    )
    assert (right.said, right.hit, wrong.said, wrong.hit) == (0.7, True, 0.97, False)


def test_a_number_counts_as_a_mark_does_and_what_nobody_can_judge_does_not() -> None:
    [found] = met(Answered(predicted(number=60.0, within=2.0), "r", 0.0, {}, Judged(True, "")), NAGLE)
    assert (found.what, found.said, found.hit) == ("the number", 0.8, True)
    assert met(Answered(predicted(number=60.0, within=2.0), "r", 0.0, {}, Judged(None, "")), NAGLE) == []
    # What came from elsewhere brings no judgement along: a choice is judged by the book.
    [by_the_book] = met(Answered(predicted(option="Slower answers", sure=0.97), "r", 0.0, {}), C10K)
    assert not by_the_book.hit


def test_what_is_said_of_many() -> None:
    found = [Met("x", "y", 0.8, number % 2 == 0) for number in range(2 * LATER)]
    [sure, lately] = told(found)
    assert sure.startswith("Where you were 80% sure, you were right 20 times of 40: 50%.")
    assert sure.endswith("In the long run that is 34% to 66%: you were too sure.")
    assert lately == f"Of the last {LATER} you met {LATER // 2}, of the {LATER} before {LATER // 2}."
    assert told([]) == []


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"), [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0)]
)
def test_the_bounds_are_those_of_clopper_and_pearson(hits: int, tries: int, low: float, high: float) -> None:
    found = exact_bounds(hits, tries)
    assert math.isclose(found[0], low, abs_tol=1e-4)
    assert math.isclose(found[1], high, abs_tol=1e-4)


def test_of_a_few_nothing_is_told() -> None:
    found = [Met("x", "y", 0.7, True), Met("x", "y", 0.97, False)]
    assert told(found) == [
        "Where you were 70% sure, you were right once of 1: too few to tell.",
        "Where you were 97% sure, you were right 0 times of 1: too few to tell.",
    ]


def test_regions_come_in_the_order_of_the_map() -> None:
    found = [Met(place, "y", 0.8, True) for place in ("mine/x", "storage/a", "protocols/b", "storage/c")]
    assert [(name, len(each)) for name, each in by_region(found).items()] == [
        ("protocols", 1),
        ("storage", 2),
        ("mine", 1),
    ]


def test_a_table_has_a_row_each_and_no_formula() -> None:
    found = [Met("a/b", "two_writes", 0.8, True, 0.0), Met("a/b", "=1+1", 0.5, False, 86_400.0)]
    assert as_csv(found).splitlines() == [
        "when,place,what,said,met",
        "1970-01-01T00:00:00Z,a/b,two_writes,0.8,1",
        "1970-01-02T00:00:00Z,a/b,'=1+1,0.5,0",
    ]


def put(store: Path, name: str, started_at: float, value: float, **levels: tuple[Level, ...]) -> None:
    """Writes the record of a finished run in which every trial of every treatment measured the value."""
    planned = treatments(NAGLE, levels)
    info = RunInfo(
        id=name, experiment=NAGLE, seed=1, budget_s=1, started_at=started_at, machine={}, treatments=planned,
        set=levels, status="finished", pid=os.getpid(),
    )  # fmt: skip
    trials = [
        TrialResult(
            id=f"b001-t{number:02d}", block=1, treatment=treatment, seed=1, status="done", duration_s=1.0,
            outcome=Outcome(metrics={"exchange_ms": value}),
        )
        for number, treatment in enumerate(planned, 1)
    ]  # fmt: skip
    events: list[RunEvent] = [TrialFinished(t_s=2.0, result=each) for each in trials]
    events.append(RunFinished(t_s=3.0, status="finished"))
    (store / name).mkdir(parents=True)
    (store / name / "run.json").write_bytes(msgspec.json.encode(info))
    (store / name / "events.jsonl").write_bytes(b"".join(msgspec.json.encode(e) + b"\n" for e in events))


def said(t_s: float, value: float, **levels: Level) -> Entry:
    marks = {"two_writes": value}
    return Entry(t_s=t_s, experiment=NAGLE.id, kind="predicted", marks=marks, within=2.0, levels=levels)


def test_each_prediction_meets_the_first_sound_run_that_does_what_it_speaks_of(tmp_path: Path) -> None:
    put(tmp_path, "damaged", 10.0, 1.0)
    (tmp_path / "damaged" / "events.jsonl").write_bytes(b"{")
    put(tmp_path, "other", 20.0, 140.0, rtt_ms=(50,))
    put(tmp_path, "usual", 30.0, 60.0)
    put(tmp_path, "later", 40.0, 61.0)
    entries = [
        said(1.0, 10.0),
        said(2.0, 60.0),
        said(3.0, 150.0, rtt_ms=50),
        said(35.0, 200.0),
        said(50.0, 1.0),
    ]
    found = Calibration(Shelf(tmp_path)).answered(entries, {NAGLE.id: NAGLE})
    # Of two before one run the last counts; the one after all runs waits.
    assert [(each.entry.t_s, each.run, each.measured["two_writes"]) for each in found] == [
        (3.0, "other", 140.0),
        (2.0, "usual", 60.0),
        (35.0, "later", 61.0),
    ]


def test_what_came_from_elsewhere_answers_where_no_run_here_does(tmp_path: Path) -> None:
    entry, other = said(1.0, 60.0), said(5.0, 60.0)
    came = {"marks": {"two_writes": 70.0}, "run": "there", "of_s": 1.0}
    met_there = Entry(t_s=3.0, experiment=NAGLE.id, kind="met", **came)  # type: ignore[arg-type]
    shelf = Calibration(Shelf(tmp_path))
    [found] = shelf.answered([entry, met_there, other], {NAGLE.id: NAGLE})
    assert (found.run, found.at_s, found.measured) == ("there", 3.0, {"two_writes": 70.0})
    put(tmp_path, "here", 2.0, 60.0)
    assert [each.run for each in shelf.answered([entry, met_there], {NAGLE.id: NAGLE})] == ["here"]


def test_a_few_tell_little_and_many_hits_say_so() -> None:
    [few] = told([Met("x", "y", 0.8, True)] * 5)
    assert few.endswith("So few tell little: it could be anything from 48% to 100% in the long run.")
    surely = told([Met("x", "y", 0.5, True)] * 12)[0]
    assert surely.endswith("you could be surer.")
