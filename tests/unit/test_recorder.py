"""The columns of a load."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hinterland.load.recorder import CONNECTION_SHIFT, ERRORS, TIMEOUT, UNFINISHED_AT_END, UNSENT, Recorder
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
