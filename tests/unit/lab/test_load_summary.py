"""A load sample in numbers."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from hinterland.lab.summary import summarise
from hinterland.load.engine.recorder import ERRORS
from hinterland.model.history import LoadSample

MS = 1_000_000


def sample(
    rows: list[tuple[int, int, int, int, int]], loop: Literal["open", "closed"] = "open", **detail: Any
) -> LoadSample:
    """Rows of intended, sent, done in ms (-1: never), status, error; the window is 0 to 10 ms."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5)
    times = [np.where(columns[:, i] < 0, -1, columns[:, i] * MS) for i in range(3)]
    return LoadSample(
        intended_ns=times[0],
        sent_ns=times[1],
        done_ns=times[2],
        status=columns[:, 3].astype(np.int16),
        error=columns[:, 4].astype(np.int8),
        connection=np.zeros(len(columns), dtype=np.int32),
        start_ns=0,
        end_ns=10 * MS,
        loop=loop,
        errors=ERRORS,
        detail=detail,
    )


def test_response_counts_from_intended_and_service_from_sent() -> None:
    summary = summarise(sample([(0, 2, 5, 200, 0), (5, 5, 9, 503, 0)]))
    assert summary.response_s.tolist() == pytest.approx([0.005, 0.004])
    assert summary.service_s.tolist() == pytest.approx([0.003, 0.004])
    assert summary.by_status == {200: 1, 503: 1}
    assert summary.by_error == {}


def test_unanswered_operations_are_infinite_not_absent() -> None:
    timeout, unsent = ERRORS.index("timeout"), ERRORS.index("unsent")
    summary = summarise(sample([(0, 0, 1, 200, 0), (1, 1, -1, 0, timeout), (2, -1, -1, 0, unsent)]))
    assert summary.operations == 3
    assert summary.answered == 1
    assert summary.response_s.tolist() == pytest.approx([0.001, np.inf, np.inf])
    assert np.isinf(summary.service_s[1:]).all()
    assert summary.by_error == {"timeout": 1, "unsent": 1}


def test_rates_of_an_open_loop() -> None:
    # Eleven operations, 1 ms apart: 1000/s asked; the last is answered 10 ms after it was due.
    rows = [(i, i, i, 200, 0) for i in range(10)] + [(10, 10, 20, 200, 0)]
    summary = summarise(sample(rows))
    assert summary.asked_per_s == pytest.approx(1000)
    assert summary.reached_per_s == pytest.approx(11 / 0.020)


def test_rates_of_a_closed_loop_count_the_window_only() -> None:
    rows = [(0, 0, 4, 200, 0), (4, 4, 8, 200, 0), (8, 8, 12, 200, 0)]
    summary = summarise(sample(rows, loop="closed"))
    assert summary.asked_per_s is None
    assert summary.reached_per_s == pytest.approx(200)
    assert summary.lateness_p99_s is None


def test_lateness_is_the_generators_where_it_is_known() -> None:
    rows = [(0, 7, 9, 200, 0), (1, 8, 9, 200, 0)]
    assert summarise(sample(rows)).lateness_p50_s == pytest.approx(0.007)
    known = summarise(sample(rows, lateness_p50_us=1.5, lateness_p99_us=20.0))
    assert known.lateness_p50_s == pytest.approx(1.5e-6)
    assert known.lateness_p99_s == pytest.approx(2e-5)


def test_an_empty_sample_has_no_rate() -> None:
    summary = summarise(sample([]))
    assert summary.operations == 0
    assert summary.asked_per_s is None
    assert summary.reached_per_s == 0
    assert summary.lateness_p50_s is None
