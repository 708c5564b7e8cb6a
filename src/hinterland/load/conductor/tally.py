"""The sum of what the processes of a generator have told so far, and the result that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import nlargest

from msgspec import structs

from hinterland.load.plan.plan import LoadPlan
from hinterland.load.result.result import (
    GeneratorAudit,
    GeneratorProcess,
    KindResult,
    LoadResult,
    Second,
    Stall,
)
from hinterland.load.worker.fold import SECOND_WIDTH, KindCounts, Part, SecondCounts
from hinterland.statistics.histogram import Histogram, coarse, merged

MOST_STALLS = 1000
"""The longest are kept; all are counted."""
MOST_SECONDS = 4096
"""With more seconds than that, each has wider bins, twice as wide for twice as many, up to 1/4 of a time."""
WIDEST = 256
LATE_SHARE = 0.01
"""So many of the answers may come late without stretching the time in which a rate was reached."""


class Tally:
    """Adds parts up. Its size follows from the bins, the kinds and the seconds, not from the operations."""

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        self.name(kinds)
        self._kinds: dict[int, KindCounts] = {}
        self._seconds: dict[int, SecondCounts] = {}
        self._most_seconds, self._width = MOST_SECONDS, 0
        self._completed: Counter[int] = Counter()
        self._response, self._service, self._lateness = Histogram(), Histogram(), Histogram()
        self._connect = Histogram()
        self._open_errors: Counter[str] = Counter()
        self._in_flight: dict[int, tuple[float, int]] = {}
        self._processes: dict[int, GeneratorProcess] = {}
        self._stalls: list[Stall] = []
        self._first_exception = ""
        self._surplus_answers = 0
        self._reasons: dict[str, Counter[str]] = {}
        self._notes: Counter[str] = Counter()
        self._stall_count, self._stalled_ms = 0, 0.0
        self._last_ns = self._last_due_ns = self._held_ns = self._visits = self._waited = self._bytes = 0
        self._visits_ns: tuple[int, int] | None = None

    @property
    def operations(self) -> int:
        """How many were due in the measured time."""
        return sum(kind.operations for kind in self._kinds.values())

    def name(self, kinds: Sequence[str]) -> None:
        """Gives the kinds their names."""
        self._names = tuple(kinds)

    def add(self, part: Part, process: int) -> None:
        """Adds what one process counted."""
        for kind, counts in part.kinds.items():
            held = self._kinds.get(kind)
            self._kinds[kind] = counts if held is None else _kinds_together(held, counts)
            self._response.merge(counts.response)
            self._service.merge(counts.service)
        for second, of_second in part.seconds.items():
            before = self._seconds.get(second)
            of_second = of_second if before is None else _seconds_together(before, of_second)
            self._seconds[second] = _coarsened(of_second, self._width) if self._width else of_second
        self._thin_out()
        self._completed.update(part.completed)
        for histogram, found in ((self._lateness, part.lateness), (self._connect, part.connect)):
            if found is not None:
                histogram.merge(found)
        self._open_errors.update(part.open_errors)
        summed, samples = self._in_flight.get(process, (0.0, 0))
        self._in_flight[process] = (summed + part.in_flight, samples + part.samples)
        self._stall_count += len(part.stalls)
        self._stalled_ms += sum(stall.lasted_ms for stall in part.stalls)
        self._stalls += part.stalls
        if len(self._stalls) > MOST_STALLS:
            self._stalls = nlargest(MOST_STALLS, self._stalls, key=lambda stall: stall.lasted_ms)
        self._last_ns = max(self._last_ns, part.last_ns)
        self._last_due_ns = max(self._last_due_ns, part.last_due_ns)
        self._held_ns += part.held_ns
        if part.first_visit_ns >= 0:
            first_ns, last_ns = self._visits_ns or (part.first_visit_ns, part.last_visit_ns)
            self._visits_ns = min(first_ns, part.first_visit_ns), max(last_ns, part.last_visit_ns)
        self._visits += part.visits
        self._waited += part.waited
        self._bytes += part.bytes_received
        self._first_exception = self._first_exception or part.first_exception
        self._surplus_answers += part.surplus_answers
        for words, why in part.reasons.items():
            self._reasons.setdefault(words, Counter()).update(why)
        self._notes.update(part.notes)
        if part.process is not None:
            self._processes[process] = part.process

    def _thin_out(self) -> None:
        """Takes wider bins for all seconds each time that their number has doubled."""
        if len(self._seconds) <= self._most_seconds:
            return
        self._most_seconds *= 2
        self._width = min(2 * (self._width or SECOND_WIDTH), WIDEST)
        self._seconds = {second: _coarsened(row, self._width) for second, row in self._seconds.items()}

    def result(
        self,
        plan: LoadPlan,
        *,
        started: str,
        window_s: float,
        partial: str = "",
        over: bool = True,
    ) -> LoadResult:
        """Returns the result after `window_s` of the measured time; `over` says that the load is."""
        ends_early = plan.count is not None or plan.arrivals.shape == "trace"
        if over and ends_early:
            window_s = min(window_s, self._ended_s() - plan.warm_up_s)
        due_s = self._due_s(plan, window_s, over)
        window_s = max(window_s, due_s if over and ends_early else 0.0, 1e-9)
        answered = sum(kind.answered for kind in self._kinds.values())
        return LoadResult(
            plan=plan,
            started=started,
            window_s=window_s,
            operations=self.operations,
            answered=answered,
            asked_per_s=None if plan.model == "closed" or plan.subscribe else self._visits / due_s,
            reached_per_s=self._reached_per_s(plan, answered, due_s, over),
            response=self._response.counts(),
            service=self._service.counts(),
            errors=_summed([kind.errors for kind in self._kinds.values()]),
            statuses=_summed([kind.statuses for kind in self._kinds.values()]),
            kinds=tuple(
                KindResult(
                    self._names[kind] if kind < len(self._names) else str(kind),
                    counts.operations,
                    counts.answered,
                    counts.errors,
                    counts.statuses,
                    counts.response,
                    counts.service,
                )
                for kind, counts in sorted(self._kinds.items())
            ),
            seconds=self._rows(),
            generator=self._audit(plan, window_s),
            bytes_received=self._bytes,
            connections_opened=self._connect.values,
            connect=self._connect.counts(),
            open_errors=dict(self._open_errors),
            partial=partial,
            first_exception=self._first_exception,
            surplus_answers=self._surplus_answers,
            reasons={words: dict(found) for words, found in self._reasons.items()},
            notes=dict(self._notes),
        )

    def _due_s(self, plan: LoadPlan, window_s: float, over: bool) -> float:
        """Returns the time that the visits stand for that were due in a window: each has the gap behind it.

        Where the load ends by itself with the last of n visits, they span n - 1 gaps, and stand for n. In a
        short window of an even schedule there may be one more than the rate makes of it.
        """
        window_s, visits = max(window_s, 1e-9), self._visits
        if plan.model == "closed" or plan.subscribe or not visits:
            return window_s
        arrivals = plan.arrivals
        if arrivals.shape == "constant" and arrivals.rate_per_s:
            return visits / arrivals.rate_per_s if over else max(window_s, visits / arrivals.rate_per_s)
        if over and self._visits_ns and (plan.count is not None or arrivals.shape == "trace"):
            span_s = (self._visits_ns[1] - self._visits_ns[0]) / 1e9
            return span_s * visits / (visits - 1) if span_s else visits / (mean_rate_per_s(plan) or visits)
        expected = mean_rate_per_s(plan) * plan.duration_s
        is_even = arrivals.shape in ("ramp", "steps") and not arrivals.jittered
        return window_s * max(1.0, visits / expected) if is_even and expected and over else window_s

    def _reached_per_s(self, plan: LoadPlan, answered: int, due_s: float, over: bool) -> float:
        """Returns good answers a second; an open loop's until 99 % of them had come, where that was later.

        A server that falls behind in an open loop answers in the end, only later; the longer time shows it.
        One answer that took long is another matter. In a closed loop, at most one answer a lane comes after
        the window.
        """
        if plan.model == "open" and over:
            due_s = max(due_s, self._caught_up_s(answered) - plan.warm_up_s)
        return answered / due_s

    def _caught_up_s(self, answered: int) -> float:
        """Returns when all but the last hundredth of the answers had come, from the start.

        Within its second, the answers are taken to have come evenly.
        """
        late = LATE_SHARE * answered
        for second in sorted(self._completed, reverse=True):
            came = self._completed[second]
            if came > late:
                return min(second + 1 - late / came, self._last_ns / 1e9)
            late -= came
        return 0.0

    def _ended_s(self) -> float:
        """Returns when the last answer came or the last operation was due: the end of a load by count."""
        return max(self._last_ns, self._last_due_ns) / 1e9

    def _rows(self) -> tuple[Second, ...]:
        nothing = SecondCounts(0, 0, {}, Histogram().counts())
        rows = []
        for second in sorted({*self._seconds, *self._completed}):
            due = self._seconds.get(second, nothing)
            rows.append(
                Second(second, due.due, due.answered, self._completed[second], due.errors, due.response)
            )
        return tuple(rows)

    def _audit(self, plan: LoadPlan, window_s: float) -> GeneratorAudit:
        return GeneratorAudit(
            lateness=self._lateness.counts() if self._lateness.operations else None,
            waited=self._waited,
            in_flight_mean=sum(total / samples for total, samples in self._in_flight.values() if samples),
            little=self._held_ns / 1e9 / window_s,
            processes=tuple(process for _, process in sorted(self._processes.items())),
            stalls=tuple(sorted(self._stalls, key=lambda stall: stall.at_s)),
            stall_count=self._stall_count,
            stalled_s=self._stalled_ms / 1e3,
        )


def mean_rate_per_s(plan: LoadPlan) -> float:
    """Returns the rate at which visits are due, over all of the load; 0 where nothing says it."""
    arrivals = plan.arrivals
    match arrivals.shape:
        case "ramp":
            return (arrivals.rate_per_s + arrivals.to_per_s) / 2
        case "steps":
            length_s = sum(span_s for _, span_s in arrivals.steps)
            return sum(rate * span_s for rate, span_s in arrivals.steps) / length_s if length_s else 0.0
    return arrivals.rate_per_s


def _kinds_together(one: KindCounts, other: KindCounts) -> KindCounts:
    return KindCounts(
        one.operations + other.operations,
        one.answered + other.answered,
        _summed([one.errors, other.errors]),
        _summed([one.statuses, other.statuses]),
        merged(one.response, other.response),
        merged(one.service, other.service),
    )


def _coarsened(row: SecondCounts, width: int) -> SecondCounts:
    return structs.replace(row, response=coarse(row.response, width))


def _seconds_together(one: SecondCounts, other: SecondCounts) -> SecondCounts:
    return SecondCounts(
        one.due + other.due,
        one.answered + other.answered,
        _summed([one.errors, other.errors]),
        merged(one.response, other.response),
    )


def _summed(parts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)
