from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hinterland.checkers import assumptions
from hinterland.model.history import UNFINISHED, Event, History, LoadSample, Operation


def history(*operations: Operation, events: tuple[Event, ...] = (), **loads: LoadSample) -> History:
    return History(treatment={}, seed=1, operations=operations, events=events, loads=loads)


def operation(
    outcome: Any, *, kind: str = "submit", key: str = "k", sent: int = 0, done: int = 1
) -> Operation:
    return Operation(kind, key, 0, sent, sent, done, outcome)


def fault(stage: str) -> Event:
    return Event(1, "fault", "kill", "server", stage)


def sample(lateness_ms: float, error: int = 0) -> LoadSample:
    due = np.arange(1000, dtype=np.int64) * 1_000_000
    sent = due + int(lateness_ms * 1e6)
    return LoadSample(
        due, sent, sent + 1000, np.full(1000, 200, np.int16), np.full(1000, error, np.int8),
        np.zeros(1000, np.int32), 0, 10**9, "open", ("", "refused"),
    )  # fmt: skip


def broken(history: History) -> set[str]:
    return {a.id for a in assumptions.automatic(history) if not a.held}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (history(), set()),
        (history(operation("ok")), set()),
        (history(operation("unknown"), operation("fail")), {"something_succeeded"}),
        (history(events=(fault("start"), fault("effect"))), set()),
        (history(events=(fault("start"),)), {"fault_fired"}),
        (history(events=(fault("start"), fault("effect"), fault("start"))), {"fault_fired"}),
        (history(events=(Event(1, "note", "kill", stage="planned"),)), {"fault_fired"}),
        (history(active=sample(0.1)), set()),
        (history(active=sample(50)), {"on_schedule"}),
        (history(active=sample(0.1, error=1)), {"something_succeeded"}),
    ],
)
def test_automatic_assumptions(given: History, expected: set[str]) -> None:
    assert broken(given) == expected


def test_a_generator_that_sent_nothing_was_late_by_nothing_that_can_be_told() -> None:
    none = sample(0.1)
    none.sent_ns[:] = UNFINISHED
    found = assumptions.on_schedule("active", none)
    assert not found.held
    assert (found.late_ms, found.measured) == (0.0, "nothing was sent")


def test_every_kind_succeeded_names_the_kind_that_did_not() -> None:
    found = assumptions.every_kind_succeeded(history(operation("ok"), operation("fail", kind="refund")))
    assert not found.held
    assert "refund" in found.measured


@pytest.mark.parametrize(
    ("operations", "held"),
    [
        ((operation("ok", sent=0, done=10), operation("ok", sent=5, done=12)), True),
        ((operation("ok", sent=0, done=10), operation("ok", sent=10, done=12)), False),
        ((operation("ok", sent=0, done=10), operation("ok", key="other", sent=5, done=12)), False),
    ],
)
def test_overlapped(operations: tuple[Operation, ...], held: bool) -> None:
    assert assumptions.overlapped(history(*operations)).held is held


@pytest.mark.parametrize(
    ("times_ms", "held", "measured"),
    [
        ([150.2, 171.0, 150.9], True, "0.7 ms apart"),
        ([150.2, 171.0], False, "20.8 ms apart"),
        ([150.2], False, "there are no two"),
        ([], False, "there are no two"),
    ],
)
def test_the_least_of_several_times_is_believed_where_the_two_fastest_agree(
    times_ms: list[float], held: bool, measured: str
) -> None:
    found = assumptions.fastest_agree("handshakes", times_ms, 5)
    assert (found.id, found.held, found.measured, found.timed) == ("handshakes_agree", held, measured, True)
