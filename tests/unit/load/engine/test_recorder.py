"""The columns of a load."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hinterland.load.engine.recorder import (
    CONNECTION_SHIFT,
    ERRORS,
    KIND_SHIFT,
    TIMEOUT,
    UNFINISHED_AT_END,
    UNSENT,
    Recorder,
    ended,
    joined,
    unsent,
)
from hinterland.model.history import UNFINISHED, LoadSample


def sample_of(recorder: Recorder, count: int) -> LoadSample:
    return recorder.sample(count, start_ns=0, end_ns=10, loop="open", detail={})


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**62),
            st.integers(0, 2**31 - 1),
            st.integers(100, 599),
            st.integers(0, len(ERRORS) - 1),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_goes_in_comes_out_in_order_of_intended_time(rows: list[tuple[int, int, int, int]]) -> None:
    recorder = Recorder(2)
    for index, (at_ns, connection, status, error) in enumerate(rows):
        if index >= recorder.capacity:
            recorder.room()
        recorder.intended[index] = recorder.sent[index] = at_ns
        if error:
            recorder.fail(index, connection, error)
        else:
            recorder.done[index] = at_ns + 1
            recorder.meta[index] = connection << CONNECTION_SHIFT | status
    sample = sample_of(recorder, len(rows))
    ordered = sorted(rows, key=lambda row: row[0])
    assert sample.intended_ns.tolist() == [row[0] for row in ordered]
    assert sample.connection.tolist() == [row[1] for row in ordered]
    assert sample.status.tolist() == [0 if row[3] else row[2] for row in ordered]
    assert sample.error.tolist() == [row[3] for row in ordered]
    assert sample.done_ns.tolist() == [UNFINISHED if row[3] else row[0] + 1 for row in ordered]


def test_operations_without_an_end_stay_in_the_sample() -> None:
    recorder = Recorder(3)
    recorder.sent[0] = 5
    recorder.sent[1] = 6
    recorder.fail(1, 0, TIMEOUT)
    sample = sample_of(recorder, 3)
    assert sample.error.tolist() == [UNFINISHED_AT_END, TIMEOUT, UNSENT]
    assert np.all(sample.done_ns == UNFINISHED)
    assert [sample.errors[code] for code in sample.error] == ["unfinished", "timeout", "unsent"]


@given(st.lists(st.sampled_from(["answered", "failed", "sent", "due"]), max_size=40))
def test_draining_takes_what_ended_and_keeps_what_is_under_way(ends: list[str]) -> None:
    recorder = Recorder(64)
    for index, end in enumerate(ends):
        recorder.intended[index] = 100 + index
        if end != "due":
            recorder.sent[index] = 200 + index
        if end == "answered":
            recorder.done[index] = 300 + index
            recorder.meta[index] = 7 << CONNECTION_SHIFT | 3 << KIND_SHIFT | 200
        if end == "failed":
            recorder.fail(index, 7, TIMEOUT, kind=3)
    columns, moved = recorder.drain(len(ends))
    over = [index for index, end in enumerate(ends) if end in ("answered", "failed")]
    assert columns.intended_ns.tolist() == [100 + index for index in over]
    assert set(columns.kind.tolist()) <= {3}
    assert set(columns.connection.tolist()) <= {7}
    assert moved == {
        old: new for new, old in enumerate(index for index in range(len(ends)) if index not in over)
    }
    for old, new in moved.items():
        assert recorder.intended[new] == 100 + old
        assert recorder.sent[new] == (200 + old if ends[old] == "sent" else UNFINISHED)
    # Everything behind them is as new.
    assert set(recorder.done[: len(ends)]) <= {UNFINISHED}
    assert set(recorder.sent[len(moved) : 64]) <= {UNFINISHED}
    assert set(recorder.meta[: len(ends)]) <= {0}


def test_in_flight_is_sent_and_not_yet_answered() -> None:
    recorder = Recorder(8)
    for index, (sent, done) in enumerate([(10, 20), (15, 30), (25, UNFINISHED), (UNFINISHED, UNFINISHED)]):
        recorder.sent[index], recorder.done[index] = sent, done
    assert [recorder.in_flight(4, moment) for moment in (5, 10, 17, 20, 27, 99)] == [0, 1, 2, 1, 2, 1]
    recorder.fail(2, 0, TIMEOUT)
    assert recorder.in_flight(4, 99) == 0


def test_what_never_ended_has_its_reason_at_the_end() -> None:
    recorder = Recorder(2)
    recorder.sent[0] = 5
    columns = joined(ended(recorder.columns(2)), unsent(np.array([8, 9], dtype=np.int64)))
    assert columns.error.tolist() == [UNFINISHED_AT_END, UNSENT, UNSENT, UNSENT]
    assert columns.intended_ns.tolist() == [0, 0, 8, 9]
