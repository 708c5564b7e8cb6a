"""Finished operations as counts: what a process of the generator tells, small whatever the rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from hinterland.load.engine.failures import words_of
from hinterland.load.engine.recorder import Columns
from hinterland.load.result.result import GeneratorProcess, Stall
from hinterland.model.history import UNFINISHED
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import Times, coarse

WORST_GOOD_STATUS = 399
SECOND_NS = 1_000_000_000
# A second's histogram is for a picture: bins of 1.6 % keep an hour of them small.
SECOND_WIDTH = 16


class KindCounts(Struct, frozen=True):
    """What was measured of one request of the mix."""

    operations: int
    answered: int
    errors: dict[str, int]
    statuses: dict[str, int]
    response: Counts
    service: Counts


class SecondCounts(Struct, frozen=True):
    """What was due in one second, the warm-up's included."""

    due: int
    answered: int
    errors: dict[str, int]
    response: Counts


class Part(Struct, frozen=True):
    """What one process adds to a load's result: counts since its last part.

    kinds: by their place, what was measured after the warm-up. seconds: by the second from the start in which
    operations were due. completed: good answers by the second in which they came. last_ns: when the last good
    answer came, from the start, 0 without one; last_due_ns: when the last operation was due. held_ns: the
    time from sending to the answer, summed over all that had one, as far as it lies in the measured window.
    visits: how many became due after the warm-up; first_visit_ns, last_visit_ns: the first of them and the
    last, from the start, -1 without one. in_flight: lanes under way, summed over `samples` looks at
    that window. process: its figures since the measured window began. first_exception: the traceback of a
    scenario's first. surplus_answers: how often more came than was asked for. reasons: why operations failed,
    by the words of the error, and how often it was that. notes: what is no error and should be known, and how
    often.
    """

    kinds: dict[int, KindCounts]
    seconds: dict[int, SecondCounts]
    completed: dict[int, int]
    last_ns: int = 0
    last_due_ns: int = 0
    held_ns: int = 0
    lateness: Counts | None = None
    visits: int = 0
    first_visit_ns: int = -1
    last_visit_ns: int = -1
    waited: int = 0
    in_flight: float = 0.0
    samples: int = 0
    connect: Counts | None = None
    open_errors: dict[str, int] = field(default_factory=dict)
    bytes_received: int = 0
    stalls: tuple[Stall, ...] = ()
    process: GeneratorProcess | None = None
    first_exception: str = ""
    surplus_answers: int = 0
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)


class Window(Struct, frozen=True):
    """When a load starts, and when what is measured begins and ends, in ns of CLOCK_MONOTONIC."""

    start_ns: int
    measured_ns: int
    end_ns: int


def fold(columns: Columns, window: Window, any_status: Sequence[bool]) -> Part:
    """Returns the counts of finished operations; `any_status` says of which kinds any status is good."""
    good = (columns.done_ns != UNFINISHED) & (columns.error == 0)
    strict = ~np.asarray(any_status, dtype=np.bool_)[columns.kind]
    good &= ~(strict & (columns.status > WORST_GOOD_STATUS))
    measured = columns.intended_ns >= window.measured_ns
    response = Times.of(columns.done_ns - columns.intended_ns)
    service = Times.of(columns.done_ns - columns.sent_ns)
    kinds = {}
    for kind in np.unique(columns.kind[measured]).tolist():
        chosen = measured if len(any_status) == 1 else measured & (columns.kind == kind)
        kinds[kind] = _kind(columns, good, response, service, chosen)
    done = columns.done_ns[good] - window.start_ns
    return Part(
        kinds=kinds,
        seconds=_seconds(columns, good, response, window.start_ns),
        completed=_by_second(done),
        last_ns=int(done.max(initial=0)),
        last_due_ns=int((columns.intended_ns - window.start_ns).max(initial=0)),
        held_ns=_held_ns(columns, window),
    )


def _held_ns(columns: Columns, window: Window) -> int:
    answered = (columns.done_ns != UNFINISHED) & (columns.sent_ns != UNFINISHED)
    begins = np.maximum(columns.sent_ns[answered], window.measured_ns)
    ends = np.minimum(columns.done_ns[answered], window.end_ns)
    return int(np.maximum(ends - begins, 0).sum())


def _kind(
    columns: Columns, good: NDArray[np.bool_], response: Times, service: Times, chosen: NDArray[np.bool_]
) -> KindCounts:
    answered = good & chosen
    count, well = int(np.count_nonzero(chosen)), int(np.count_nonzero(answered))
    with_status = columns.status[chosen & (columns.status > 0)]
    return KindCounts(
        operations=count,
        answered=well,
        errors=_errors(columns, chosen & ~good) if well < count else {},
        statuses=_statuses(with_status),
        response=response.counts(answered, missing=count - well),
        service=service.counts(answered, missing=count - well),
    )


def _statuses(status: NDArray[np.int16]) -> dict[str, int]:
    seen = np.bincount(status)
    return {str(value): int(seen[value]) for value in np.nonzero(seen)[0].tolist()}


def _errors(columns: Columns, bad: NDArray[np.bool_]) -> dict[str, int]:
    """Returns what was wrong, by its words: an error, or an answer whose status is one."""
    counted: Counter[str] = Counter()
    codes = np.where(
        columns.error[bad] != 0, columns.error[bad].astype(np.int32), -columns.status[bad].astype(np.int32)
    )
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        counted[words_of(int(code)) if code > 0 else f"status {-code}"] += int(count)
    return dict(counted)


def _seconds(
    columns: Columns, good: NDArray[np.bool_], response: Times, start_ns: int
) -> dict[int, SecondCounts]:
    due_ns = np.maximum(columns.intended_ns - start_ns, 0)
    made = {}
    for second in _seconds_in(due_ns):
        chosen = (due_ns >= second * SECOND_NS) & (due_ns < (second + 1) * SECOND_NS)
        answered = chosen & good
        count, well = int(np.count_nonzero(chosen)), int(np.count_nonzero(answered))
        made[second] = SecondCounts(
            due=count,
            answered=well,
            errors=_errors(columns, chosen & ~good) if well < count else {},
            response=coarse(response.counts(answered, missing=count - well), SECOND_WIDTH),
        )
    return made


def _seconds_in(moments_ns: NDArray[np.int64]) -> Sequence[int]:
    """Returns the seconds that moments lie in; mostly one or two, which is seen without sorting them."""
    if not len(moments_ns):
        return ()
    first, last = int(moments_ns.min()) // SECOND_NS, int(moments_ns.max()) // SECOND_NS
    if last - first <= 1:
        return range(first, last + 1)
    seconds: list[int] = np.unique(moments_ns // SECOND_NS).tolist()
    return seconds


def _by_second(done: NDArray[np.int64]) -> dict[int, int]:
    seconds, counts = np.unique(np.maximum(done, 0) // SECOND_NS, return_counts=True)
    return dict(zip(seconds.tolist(), counts.tolist(), strict=True))
