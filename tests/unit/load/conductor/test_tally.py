"""Folding operations and adding the parts up: as if all operations had been counted at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hinterland.load.conductor.tally import MOST_SECONDS, Tally
from hinterland.load.engine.recorder import CHECK, ERRORS, TIMEOUT, UNSENT, Columns
from hinterland.load.plan.plan import Arrivals, LoadPlan, Target
from hinterland.load.result.result import LoadResult, Stall
from hinterland.load.worker import messages as frames
from hinterland.load.worker.fold import Part, SecondCounts, Window, fold
from hinterland.load.worker.messages import Counted, Frames, FromWorker, Go, Job, Stop, ToWorker
from hinterland.model.history import UNFINISHED
from hinterland.statistics.histogram import Histogram, counts_of

S = 1_000_000_000
WINDOW = Window(start_ns=10 * S, measured_ns=11 * S, end_ns=14 * S)
PLAN = LoadPlan(
    target=Target(url="http://127.0.0.1:1/", protocol="http1", host="127.0.0.1", port=1),
    duration_s=3,
    warm_up_s=1,
)

Row = tuple[int, int, int, int, int]
"""Due in ms from the start, answered how many ms later (-1: not), status, error, kind."""
rows = st.lists(
    st.tuples(
        st.integers(0, 3999),
        st.integers(-1, 3000),
        st.sampled_from([0, 200, 204, 404, 503]),
        st.sampled_from([0, 0, 0, TIMEOUT, CHECK, UNSENT]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=60,
)


def columns_of(some: list[Row]) -> Columns:
    table = np.array(some, dtype=np.int64).reshape(-1, 5)
    due = 10 * S + table[:, 0] * 1_000_000
    answered = table[:, 1] >= 0
    # What has no answer has an error.
    error = np.where(~answered & (table[:, 3] == 0), TIMEOUT, table[:, 3])
    return Columns(
        due,
        due + 500,
        np.where(answered, due + 500 + table[:, 1] * 1_000_000, UNFINISHED),
        np.where(answered, table[:, 2], 0).astype(np.int16),
        error.astype(np.int8),
        table[:, 4].astype(np.uint8),
        np.zeros(len(table), np.int32),
    )


def result_of(*parts: Part) -> LoadResult:
    tally = Tally(("one", "other"))
    for process, part in enumerate(parts):
        tally.add(part, process % 2)
    return tally.result(PLAN, started="", window_s=3)


def is_good(columns: Columns, place: int) -> bool:
    """The rule, written down a second time: any status will do for the second kind."""
    status_bad = columns.kind[place] == 0 and columns.status[place] >= 400
    return bool(columns.done_ns[place] >= 0 and columns.error[place] == 0 and not status_bad)


@given(rows)
def test_a_result_counts_every_operation_once(some: list[Row]) -> None:
    columns = columns_of(some)
    result = result_of(fold(columns, WINDOW, (False, True)))
    places = [place for place in range(len(some)) if some[place][0] >= 1000]
    good = [place for place in places if is_good(columns, place)]
    assert (result.operations, result.answered) == (len(places), len(good))
    assert result.operations == sum(kind.operations for kind in result.kinds)
    assert result.answered + sum(result.errors.values()) == result.operations
    bad = [place for place in places if place not in good]
    assert Counter(result.errors) == Counter(
        ERRORS[columns.error[place]] if columns.error[place] else f"status {columns.status[place]}"
        for place in bad
    )
    assert Counter(result.statuses) == Counter(
        str(columns.status[place]) for place in places if columns.status[place]
    )
    expected = counts_of((columns.done_ns - columns.intended_ns)[good], missing=len(bad))
    assert Histogram.from_counts(result.response).total_ns == expected.total_ns
    assert result.response.missing == result.service.missing == expected.missing
    assert result.service.total_ns == expected.total_ns - 500 * len(good)
    # The seconds have the warm-up, too.
    assert sum(second.due for second in result.seconds) == len(some)
    assert sum(second.completed for second in result.seconds) == sum(
        is_good(columns, place) for place in range(len(some))
    )
    for second in result.seconds:
        assert second.due == sum(row[0] // 1000 == second.second for row in some)
        assert second.due == second.answered + sum(second.errors.values())


@given(rows, rows)
def test_parts_add_up_to_the_whole(one: list[Row], other: list[Row]) -> None:
    flags = (False, True)
    together = result_of(fold(columns_of(one + other), WINDOW, flags))
    apart = result_of(fold(columns_of(one), WINDOW, flags), fold(columns_of(other), WINDOW, flags))
    for name in ("operations", "answered", "reached_per_s"):
        assert getattr(together, name) == getattr(apart, name)
    assert Counter(together.errors) == Counter(apart.errors)
    for q in (0.1, 0.5, 0.99, 1.0):
        one_of, other_of = (Histogram.from_counts(each.response) for each in (together, apart))
        assert np.array_equal(one_of.percentile(q), other_of.percentile(q), equal_nan=True)
    assert [(s.second, s.due, s.answered, s.completed) for s in together.seconds] == [
        (s.second, s.due, s.answered, s.completed) for s in apart.seconds
    ]


def test_the_percentile_is_over_all_that_was_due() -> None:
    some: list[Row] = [(1000 + place, 10, 200, 0, 0) for place in range(98)]
    result = result_of(
        fold(columns_of([*some, (2000, -1, 0, TIMEOUT, 0), (2001, 5, 503, 0, 0)]), WINDOW, (False,))
    )
    held = Histogram.from_counts(result.response)
    assert held.percentile(0.98) == pytest.approx(0.01, rel=1e-2)
    assert held.percentile(0.99) == float("inf")
    assert result.errors == {"timeout": 1, "status 503": 1}


def test_an_open_loop_that_falls_behind_reaches_less() -> None:
    # Three seconds of load, and the last answer comes three seconds after its end.
    result = result_of(fold(columns_of([(1000, 0, 200, 0, 0), (3999, 3001, 200, 0, 0)]), WINDOW, (False,)))
    assert result.reached_per_s == pytest.approx(2 / 6, rel=1e-3)


def test_one_slow_answer_does_not_stretch_the_time_in_which_the_others_came() -> None:
    even: list[Row] = [(1000 + 3 * place, 1, 200, 0, 0) for place in range(1000)]
    slow: Row = (3999, 9000, 200, 0, 0)
    result = result_of(fold(columns_of([*even, slow]), WINDOW, (False,)))
    assert result.reached_per_s == pytest.approx(1001 / 3, rel=1e-2)


@pytest.mark.parametrize(("service_ms", "in_flight"), [(1000, 1000), (3000, 1500), (1, 1)])
def test_littles_law_is_held_to_the_window(service_ms: int, in_flight: float) -> None:
    # 1,000 a second from the very start of the window: at first nothing is under way.
    some: list[Row] = [(1000 + place, service_ms, 200, 0, 0) for place in range(3000)]
    columns = columns_of(some)
    little = result_of(fold(columns, WINDOW, (False,))).generator.little
    moments = WINDOW.measured_ns + np.arange(0.5, 300) * S / 100
    held = [np.count_nonzero((columns.sent_ns <= at) & (columns.done_ns > at)) for at in moments]
    assert little == pytest.approx(np.mean(held), rel=0.01, abs=0.5)
    assert little == pytest.approx(in_flight - service_ms**2 / 6000 * (service_ms < 3000), rel=0.01, abs=0.5)


def test_a_load_by_count_ends_with_what_was_due_last_even_if_nothing_was_answered() -> None:
    some: list[Row] = [(1000 + 10 * place, -1, 0, TIMEOUT, 0) for place in range(51)]
    part = replace(fold(columns_of(some), WINDOW, (False,)), visits=51)
    tally = Tally()
    tally.add(part, 0)
    result = tally.result(replace(PLAN, count=51), started="", window_s=3)
    assert result.window_s == pytest.approx(0.5)
    assert result.asked_per_s == pytest.approx(102)


OPEN = replace(PLAN, warm_up_s=0.0, arrivals=Arrivals(rate_per_s=2.0))


@pytest.mark.parametrize(
    ("due_ms", "changes", "asked", "reached"),
    [
        # By count, n visits span n - 1 gaps, whatever their shape.
        ([0, 500], {"count": 2}, 2, 2),
        ([0], {"count": 1}, 2, 2),
        ([0, 500, 1500], {"count": 3, "arrivals": Arrivals(shape="poisson", rate_per_s=2)}, 4 / 3, 4 / 3),
        ([0], {"count": 1, "arrivals": Arrivals(shape="poisson", rate_per_s=4)}, 4, 4),
        ([0, 500], {"count": 2, "arrivals": Arrivals(shape="steps", steps=((2, 10),))}, 2, 2),
        ([0], {"count": 1, "arrivals": Arrivals(shape="ramp", rate_per_s=1, to_per_s=3)}, 2, 2),
        ([0, 500, 1000], {"arrivals": Arrivals(shape="trace")}, 2, 2),
        ([0], {"arrivals": Arrivals(shape="trace")}, 1, 1),
        ([0, 0, 0], {"arrivals": Arrivals(shape="trace")}, 3, 3),
        # In a short window there is one more than the rate makes of it.
        ([0], {"duration_s": 0.1}, 2, 2),
        ([0, 500, 1000], {"duration_s": 1.1}, 2, 2),
        ([0], {"duration_s": 0.1, "arrivals": Arrivals(shape="steps", steps=((2, 0.1),))}, 2, 2),
        ([0, 500], {"duration_s": 2.0, "arrivals": Arrivals(shape="poisson", rate_per_s=2)}, 1, 1),
    ],
)
def test_a_short_load_reaches_no_more_than_was_asked(
    due_ms: list[int], changes: dict[str, Any], asked: float, reached: float
) -> None:
    plan = replace(OPEN, **changes)
    window = Window(10 * S, 10 * S, 10 * S + round(plan.duration_s * S))
    part = fold(columns_of([(due, 1, 200, 0, 0) for due in due_ms]), window, (False,))
    first_ns, last_ns = due_ms[0] * 1_000_000, due_ms[-1] * 1_000_000
    tally = Tally()
    tally.add(replace(part, visits=len(due_ms), first_visit_ns=first_ns, last_visit_ns=last_ns), 0)
    result = tally.result(plan, started="", window_s=plan.duration_s)
    assert result.asked_per_s == pytest.approx(asked)
    assert result.reached_per_s == pytest.approx(reached)


def test_a_slow_answer_of_a_short_load_still_takes_its_time() -> None:
    part = fold(columns_of([(1000, 3000, 200, 0, 0)]), WINDOW, (False,))
    tally = Tally()
    tally.add(replace(part, visits=1, first_visit_ns=S, last_visit_ns=S), 0)
    result = tally.result(replace(PLAN, count=1, arrivals=Arrivals(rate_per_s=100)), started="", window_s=3.0)
    assert result.asked_per_s == pytest.approx(100)
    assert result.reached_per_s == pytest.approx(1 / 3, rel=0.02)


def test_while_it_runs_a_load_has_not_reached_more_than_was_asked() -> None:
    part = fold(columns_of([(1000, 1, 200, 0, 0)]), WINDOW, (False,))
    tally = Tally()
    tally.add(replace(part, visits=1, first_visit_ns=S, last_visit_ns=S), 0)
    plan = replace(PLAN, arrivals=Arrivals(rate_per_s=2))
    assert tally.result(plan, started="", window_s=0.1, over=False).reached_per_s == pytest.approx(2)
    assert tally.result(plan, started="", window_s=2.0, over=False).reached_per_s == pytest.approx(0.5)


def test_the_longest_stalls_are_kept_and_all_are_counted() -> None:
    nothing = fold(columns_of([]), WINDOW, (False,))
    parts = [
        replace(nothing, stalls=tuple(Stall(at + place / 1000, 6.0 + place % 7, 0) for place in range(700)))
        for at in range(3)
    ]
    audit = result_of(*parts).generator
    assert (audit.stall_count, len(audit.stalls)) == (2100, 1000)
    assert audit.stalled_s == pytest.approx(2100 * 9e-3)
    assert min(stall.lasted_ms for stall in audit.stalls) >= 9
    assert [stall.at_s for stall in audit.stalls] == sorted(stall.at_s for stall in audit.stalls)


def test_a_long_load_takes_wider_bins_for_its_seconds() -> None:
    random = np.random.default_rng(1)
    tally = Tally()
    for second in range(2 * MOST_SECONDS + 2):
        times = counts_of(random.lognormal(13, 0.4, 200).astype(np.int64))
        tally.add(Part({}, {second: SecondCounts(200, 200, {}, times)}, {second: 200}), 0)
        if second == MOST_SECONDS - 1:
            before = sum(
                row.response.bins.nbytes for row in tally.result(PLAN, started="", window_s=3).seconds
            )
    rows = tally.result(PLAN, started="", window_s=3).seconds
    assert len(rows) == 2 * MOST_SECONDS + 2
    assert all(row.response.counts.sum() == 200 for row in rows)
    # Twice the seconds, and no more bytes.
    assert sum(row.response.bins.nbytes for row in rows) < before
    widest = Histogram.from_counts(rows[0].response).percentile(0.5)
    assert widest == pytest.approx(np.exp(13) / 1e9, rel=0.15)


def test_figures_of_the_processes_are_kept_apart() -> None:
    nothing = fold(columns_of([]), WINDOW, (False,))
    stall = Stall(1.0, 9.0, 0)
    first = replace(nothing, in_flight=30.0, samples=10, stalls=(stall,), visits=6)
    second = replace(nothing, in_flight=50.0, samples=10)
    audit = result_of(first, second).generator
    # Three and five under way in two processes are eight.
    assert audit.in_flight_mean == 8
    assert audit.stalls == (stall,)
    assert result_of(first, second).asked_per_s == 2


@given(rows, st.integers(1, 50))
def test_frames_arrive_as_they_were_sent_in_any_pieces(some: list[Row], size: int) -> None:
    sent = [
        Counted(fold(columns_of(some), WINDOW, (False, True))),
        Counted(fold(columns_of([]), WINDOW, (False,)), True),
    ]
    data = b"".join(frames.encode(frame) for frame in sent)
    reader = Frames(FromWorker)
    came = [frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])]
    assert [frame.last for frame in came] == [False, True]
    assert np.array_equal(result_of(came[0].part).response.bins, result_of(sent[0].part).response.bins)
    assert result_of(*[frame.part for frame in came]).seconds[0].due == result_of(sent[0].part).seconds[0].due


def test_what_goes_to_a_worker_comes_back() -> None:
    told: list[ToWorker] = [Job(PLAN, 1, 3, 20, "spin", ("127.0.1.1",), "x"), Go(5), Stop()]
    assert list(Frames(ToWorker).feed(b"".join(frames.encode(frame) for frame in told))) == told
