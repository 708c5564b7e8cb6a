"""What waited for the machine is told from what waited for the server, on hand-written times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.checkers.standstills import kept_waiting, stood_during, waited_ns
from hinterland.model.history import LoadSample

MS = 1_000_000


def load(due_ms: list[float], sent_ms: list[float], done_ms: list[float]) -> LoadSample:
    due, sent, done = ((np.array(each) * MS).astype(np.int64) for each in (due_ms, sent_ms, done_ms))
    zeros: Any = np.zeros(len(due), np.int16)
    return LoadSample(
        due, sent, done, zeros + 200, zeros.astype(np.int8), zeros.astype(np.int32), 0, 100 * MS, "open"
    )


@pytest.mark.parametrize(
    ("due_ms", "sent_ms", "done_ms", "waited"),
    [
        # It stood still from 20 to 30 ms.
        ([10], [10], [11], False),
        ([19], [19], [31], True),
        ([25], [30], [31], True),
        ([40], [40], [41], False),
        # Slow by itself, and over before.
        ([1], [1], [19], False),
    ],
)
def test_an_operation_that_met_a_standstill(due_ms: Any, sent_ms: Any, done_ms: Any, waited: bool) -> None:
    assert kept_waiting(load(due_ms, sent_ms, done_ms), [(20 * MS, 30 * MS)]).tolist() == [waited]


def test_whoever_stood_in_the_queue_of_a_standstill_waited_for_it() -> None:
    # Due while the queue was worked off, at 31 and 32; the one at 40 was sent at once.
    sample = load([25, 31, 32, 40, 41], [30, 34, 35, 40, 45], [34, 35, 36, 41, 46])
    assert kept_waiting(sample, [(20 * MS, 30 * MS)]).tolist() == [True, True, True, False, False]


def test_a_queue_that_never_ends_is_the_standstills_to_the_end() -> None:
    sample = load([25, 50, 90], [30, 60, 99], [31, 61, 100])
    assert kept_waiting(sample, [(20 * MS, 30 * MS)]).all()


SPANS = st.lists(
    st.tuples(st.integers(0, 99), st.integers(1, 20)).map(lambda one: (one[0], sum(one))), max_size=5
)


@given(SPANS)
def test_nothing_waits_longer_than_it_lasted_or_than_the_machine_stood(spans: list[tuple[int, int]]) -> None:
    apart: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        apart += [] if apart and since <= apart[-1][1] else [(since, until)]
    operations = [(at, at + 10) for at in range(0, 120, 10)]
    covered = {t for since, until in apart for t in range(since, until)} & set(range(120))
    assert waited_ns(operations, apart) == len(covered)
    begin, end = (np.array([each[side] for each in operations]) for side in (0, 1))
    expected = [bool(covered & set(range(*each))) for each in operations]
    assert stood_during(begin, end, apart).tolist() == expected
