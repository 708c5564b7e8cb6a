"""What a load came to: rates, times and errors, computed from the sample alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hinterland.model.history import UNFINISHED, LoadSample

Seconds = NDArray[np.float64]


class LoadSummary(Struct, frozen=True):
    """A load in numbers. Every operation that was due counts, answered or not.

    response_s: from the intended moment to the answer; service_s: from sending to the answer; one entry an
    operation in the sample's order, infinite where no answer came, so that percentiles leave nothing out.
    asked_per_s: the schedule's rate, None for a closed loop, which asks for none. reached_per_s: answers a
    second.
    lateness_p50_s, lateness_p99_s: how late the generator itself noticed that an operation was due; None
    for a closed loop.
    by_error: operations without an answer by the name of their error; by_status: answers by status.
    """

    loop: Literal["open", "closed"]
    operations: int
    answered: int
    window_s: float
    asked_per_s: float | None
    reached_per_s: float
    lateness_p50_s: float | None
    lateness_p99_s: float | None
    response_s: Seconds
    service_s: Seconds
    by_error: dict[str, int]
    by_status: dict[int, int]


def summarise(sample: LoadSample) -> LoadSummary:
    """Returns the summary of a load sample; an empty sample has rate 0 and empty arrays."""
    answered = sample.done_ns != UNFINISHED
    p50_s, p99_s = _lateness(sample)
    return LoadSummary(
        loop=sample.loop,
        operations=len(sample.done_ns),
        answered=int(np.count_nonzero(answered)),
        window_s=(sample.end_ns - sample.start_ns) / 1e9,
        asked_per_s=_asked_per_s(sample),
        reached_per_s=_reached_per_s(sample, answered),
        lateness_p50_s=p50_s,
        lateness_p99_s=p99_s,
        response_s=_elapsed_s(sample.intended_ns, sample.done_ns, answered),
        service_s=_elapsed_s(sample.sent_ns, sample.done_ns, answered),
        by_error={
            sample.errors[code]: int(count)
            for code, count in zip(
                *np.unique(sample.error[sample.error != 0], return_counts=True), strict=True
            )
        },
        by_status={
            int(status): int(count)
            for status, count in zip(*np.unique(sample.status[answered], return_counts=True), strict=True)
        },
    )


def _elapsed_s(
    since_ns: NDArray[np.int64], done_ns: NDArray[np.int64], answered: NDArray[np.bool_]
) -> Seconds:
    elapsed = np.full(len(done_ns), np.inf)
    elapsed[answered] = (done_ns[answered] - since_ns[answered]) / 1e9
    return elapsed


def _asked_per_s(sample: LoadSample) -> float | None:
    """Returns the schedule's mean rate: n arrivals span n - 1 gaps."""
    if sample.loop == "closed" or len(sample.intended_ns) < 2:
        return None
    span_ns = int(sample.intended_ns[-1] - sample.intended_ns[0])
    return (len(sample.intended_ns) - 1) / (span_ns / 1e9) if span_ns else None


def _reached_per_s(sample: LoadSample, answered: NDArray[np.bool_]) -> float:
    """Returns answers a second: in the window of a closed loop; of an open one until its last answer.

    A server that falls behind in an open loop answers in the end, only later; the longer time shows it.
    """
    done_ns = sample.done_ns[answered]
    if sample.loop == "closed":
        done_ns = done_ns[done_ns <= sample.end_ns]
        until_ns = sample.end_ns
    else:
        until_ns = max(sample.end_ns, int(done_ns.max(initial=0)))
    elapsed_s = (until_ns - sample.start_ns) / 1e9
    return len(done_ns) / elapsed_s if elapsed_s > 0 else 0.0


def _lateness(sample: LoadSample) -> tuple[float | None, float | None]:
    """Returns the generator's lateness at p50 and p99 in s.

    The generator notes it in `detail`, apart from the wait for a free connection, which is the server's
    doing. A sample without it, read from elsewhere, can only give both together.
    """
    if sample.loop == "closed":
        return None, None
    detail = sample.detail
    if "lateness_p50_us" in detail and "lateness_p99_us" in detail:
        return detail["lateness_p50_us"] / 1e6, detail["lateness_p99_us"] / 1e6
    sent = sample.sent_ns != UNFINISHED
    if not sent.any():
        return None, None
    p50, p99 = np.percentile(sample.sent_ns[sent] - sample.intended_ns[sent], (50, 99))
    return float(p50) / 1e9, float(p99) / 1e9
