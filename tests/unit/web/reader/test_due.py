"""When a place is due again: rated by what was said and what came, the same for the same answers."""

from __future__ import annotations

import time

import pytest
from fsrs import Rating
from hypothesis import given
from hypothesis import strategies as st

from hinterland import catalogue
from hinterland.web.reader.calibration import Answered
from hinterland.web.reader.due import Due, rating, schedule, told
from hinterland.web.reader.notebook import Entry

NAGLE = catalogue.find("protocols/nagle")
C10K = catalogue.find("execution/c10k")
ATLAS = {one.id: one for one in (NAGLE, C10K)}
DAY_S = 86_400.0
MEASURED = {"two_writes": 60.0, "no_delay": 10.0, "corked": 10.2, "one_write": 10.1}


def marked(*, at_s: float = 0.0, times: float = 1.0, within: float = 2.0, **rows: float) -> Answered:
    marks = rows or {key: value * times for key, value in MEASURED.items()}
    entry = Entry(t_s=at_s - 60, experiment=NAGLE.id, kind="predicted", marks=marks, within=within)
    return Answered(entry, f"r{at_s}", at_s, MEASURED)


def chosen(option: str, sure: float) -> Answered:
    entry = Entry(t_s=0.0, experiment=C10K.id, kind="predicted", option=option, sure=sure)
    return Answered(entry, "r", 1.0, {})


@pytest.mark.parametrize(
    ("answered", "word"),
    [
        (marked(times=1.1, within=1.5), Rating.Easy),
        (marked(times=1.1, within=1.2), Rating.Easy),
        (marked(times=1.7, within=2.0), Rating.Good),
        (marked(times=1.7, within=1.5), Rating.Hard),
        (marked(times=2.9, within=2.0), Rating.Hard),
        (marked(times=3.2, within=2.0), Rating.Again),
        (marked(two_writes=10.0, no_delay=60.0, within=2.0), Rating.Again),
        # 8 times in 10: of four marks three.
        (marked(two_writes=60.0, no_delay=10.0, corked=10.0, one_write=90.0), Rating.Good),
        (marked(two_writes=60.0, no_delay=10.0, corked=90.0, one_write=90.0), Rating.Again),
        (chosen("No answer at all", 0.97), Rating.Easy),
        (chosen("No answer at all", 0.85), Rating.Good),
        (chosen("No answer at all", 0.5), Rating.Hard),
        (chosen("Slower answers", 0.97), Rating.Again),
    ],
)
def test_how_well_a_prediction_was_met(answered: Answered, word: Rating) -> None:
    assert rating(answered, ATLAS[answered.entry.experiment]) == word


def test_of_a_choice_and_marks_the_worse_counts() -> None:
    entry = Entry(
        t_s=0.0, experiment=C10K.id, kind="predicted", option="No answer at all", sure=0.97,
        marks={"100 | threads": 1.0}, within=1.5,
    )  # fmt: skip
    assert rating(Answered(entry, "r", 1.0, {"100 | threads": 9.0}), C10K) == Rating.Again
    assert rating(Answered(entry, "r", 1.0, {"100 | threads": 1.2}), C10K) == Rating.Easy


def test_a_number_alone_is_not_rated_and_comes_back_as_if_missed() -> None:
    entry = Entry(t_s=0.0, experiment=NAGLE.id, kind="predicted", number=60.0, within=2.0)
    [due] = schedule([Answered(entry, "r", DAY_S, MEASURED)], ATLAS)
    assert (due.seen, due.at_s) == (False, 2 * DAY_S)
    assert "place marks" in due.says


def test_what_is_met_comes_back_later_and_later() -> None:
    at_s, gaps, history = DAY_S, [], []
    for _ in range(4):
        history.append(marked(at_s=at_s, times=1.7))
        [due] = schedule(history, ATLAS)
        gaps.append(round((due.at_s - at_s) / DAY_S))
        at_s = due.at_s
    assert gaps == [2, 11, 46, 163]
    history.append(marked(at_s=at_s, times=9.0))
    [due] = schedule(history, ATLAS)
    assert DAY_S <= due.at_s - at_s < 11 * DAY_S
    assert (due.says, due.times) == ("missed", 5)


def test_the_soonest_comes_first_and_a_place_that_is_gone_does_not() -> None:
    gone = Answered(Entry(t_s=0.0, experiment="no/where", kind="predicted"), "r", 1.0, {})
    found = schedule([marked(at_s=DAY_S, within=1.2), chosen("Slower answers", 0.7), gone], ATLAS)
    assert [due.experiment for due in found] == [C10K.id, NAGLE.id]


@given(st.lists(st.tuples(st.floats(0.01, 90), st.floats(0.2, 5)), min_size=1, max_size=12), st.randoms())
def test_it_is_worked_out_from_the_answers_alone_in_whatever_order(
    answers: list[tuple[float, float]], random: object
) -> None:
    at_s, history = 0.0, []
    for days, times in answers:
        at_s += days * DAY_S
        history.append(marked(at_s=at_s, times=times))
    first = schedule(history, ATLAS)
    random.shuffle(history)  # type: ignore[attr-defined]
    assert schedule(history, ATLAS) == first
    assert first[0].at_s > at_s


@pytest.mark.parametrize("at_s", [-1e18, 0.0, 1e18, float(2**63)])
def test_a_clock_that_was_wrong_stops_nothing(at_s: float) -> None:
    [due] = schedule([marked(at_s=at_s)], ATLAS)
    assert due.days(0.0) > 0


@pytest.mark.parametrize(
    ("days", "says"),
    [(0, "today"), (-1, "since yesterday"), (-4, "for 4 days"), (1, "tomorrow"), (9, "in 9 days")],
)
def test_when_that_is_in_words(days: int, says: str) -> None:
    assert told(days) == says


def test_a_day_is_the_readers_day_and_not_24_hours() -> None:
    evening = time.mktime((2026, 12, 4, 22, 0, 0, 0, 0, -1))
    morning = time.mktime((2026, 12, 4, 7, 0, 0, 0, 0, -1))
    due = Due("a/b", evening, 0.0, 1, 3, True)
    assert due.days(morning) == 0
    assert due.days(morning - 12 * 3600) == 1
    assert due.days(evening + 3 * 3600) == -1
