"""The highest rate at which an objective holds: probes, one after the other, until the boundary is known.

Each probe is an open loop of its own, at one rate, long enough for the percentile to rest on 10 operations
beyond it and for an overload of a few per cent to show. A backlog never leaks into the next probe: where
operations were left without an answer, the next waits until a single connection is answered as quickly as
it was before all load.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct, convert, structs

from hinterland.errors import UsageError
from hinterland.load.capacity.aim import Aim, aim_of, beyond
from hinterland.load.capacity.search import Probe, Search
from hinterland.load.capacity.words import said
from hinterland.load.judging.asserted import asserted
from hinterland.load.judging.audit import judge
from hinterland.load.plan.plan import Arrivals, LoadPlan, Objective, Scheduler
from hinterland.load.result.capacity import CapacityPoint, CapacityResult, Ended
from hinterland.load.result.result import LoadResult
from hinterland.statistics.histogram import Histogram
from hinterland.statistics.knee import knee

PROBE_S, LONGEST_PROBE_S = 4.0, 60.0
# A server that is 5 % too slow for its load falls behind by the limit of the objective in 20 times that
# limit.
LIMITS_IN_PROBE = 20
LEAST_WARM_UP_S = 0.25
# Before a curve can be drawn: probes at these shares of the capacity, where none is near.
CURVE = (0.2, 0.4, 0.6, 0.8)
MOST_PROBES, VOID_IN_A_ROW = 40, 5
CALM_S, CALM_AGAIN_S, CALM_FACTOR = 1.0, 30.0, 3.0
MOST_PER_S = 10_000_000.0

Watch = Callable[[LoadResult], None]


class Runner(Protocol):
    """Runs a load, as `run_load` does."""

    def __call__(self, plan: LoadPlan, *, watch: Watch | None = None) -> Awaitable[LoadResult]: ...


class Limits(Struct, frozen=True, kw_only=True):
    """How far a search may go.

    tolerance: half the width of the interval, as a share of the capacity, at which it ends. probe_s: the
    least length of a probe. budget_s: no probe is begun after that. most_per_s: no rate beyond that. curve:
    adds probes below the capacity, for the knee and the drawing.
    """

    tolerance: float = 0.1
    probe_s: float = PROBE_S
    budget_s: float = 180.0
    most_per_s: float = MOST_PER_S
    curve: bool = True


async def find_capacity(
    plan: LoadPlan,
    objective: Objective,
    *,
    limits: Limits | None = None,
    watch: Callable[[CapacityResult], None] | None = None,
    watch_load: Watch | None = None,
    run: Runner | None = None,
) -> CapacityResult:
    """Returns the highest open-loop rate at which `objective` holds, with every probe on the way.

    `plan` says all but rate and length; its arrivals are `poisson` or `constant`, and their rate, if any,
    is where the search begins. `watch` is called after each probe with what is known by then (`ended` is
    `running`), `watch_load` during each. Raises UsageError for an objective that more load does not break,
    or a plan with no rate to search.
    """
    limits = limits or Limits()
    aim = aim_of(objective)
    _check(plan, limits)
    if run is None:
        from hinterland.load.conductor.run import run_load

        run = run_load
    hunt = _Hunt(plan, objective, aim, limits, run, watch, watch_load)
    return await hunt.result()


class _Hunt:
    """One search under way."""

    def __init__(
        self,
        plan: LoadPlan,
        objective: Objective,
        aim: Aim,
        limits: Limits,
        run: Runner,
        watch: Callable[[CapacityResult], None] | None,
        watch_load: Watch | None,
    ) -> None:
        self.plan, self.objective, self.aim, self.limits = plan, objective, aim, limits
        self._run, self._watch, self._watch_load = run, watch, watch_load
        self._points: list[CapacityPoint] = []
        self._search: Search | None = None
        self._calm_s: float | None = None
        # Probes that wait for their moments in different ways are not the same probe.
        self._scheduler = plan.scheduler
        self._why = ""
        self._cut_short = False
        self._began_s = time.monotonic()

    async def result(self) -> CapacityResult:
        ended = await self._probes()
        if ended in ("decided", "budget") and self.limits.curve:
            await self._fill_curve()
        return self._found(ended)

    async def _probes(self) -> Ended:
        calm = await self._calm()
        if calm is None:
            return "interrupted"
        self._calm_s = calm if math.isfinite(calm) else None
        self._search = search = self._begin(calm)
        void = 0
        while (rate := search.next()) is not None:
            if len(self._points) >= MOST_PROBES or self._took_s() > self.limits.budget_s:
                return "budget"
            result = await self._probe(rate)
            if result.partial:
                self._why = result.partial
                return "interrupted"
            point = self._judged(rate, result)
            self._points.append(point)
            if point.counted:
                void = 0
                operations = float(point.operations) if self.aim.by_operation else 1.0
                search.add(Probe(rate, point.beyond, operations))
            else:
                void, self._why = void + 1, point.why
                if void == VOID_IN_A_ROW:
                    return "generator"
            if self._watch is not None:
                self._watch(self._found("running"))
            if not await self._settled(result):
                return "interrupted" if self._cut_short else "not_settled"
        return search.ended or "decided"

    def _begin(self, calm_s: float) -> Search:
        """Starts at half of what one connection reaches that asks and waits, unless the plan names a rate."""
        asked = self.plan.arrivals.rate_per_s
        least = self.aim.least_operations / LONGEST_PROBE_S
        start = asked or (0.5 / calm_s if math.isfinite(calm_s) and calm_s > 0 else 100.0)
        return Search(
            allowed=self.aim.allowed,
            start_per_s=start,
            least_per_s=min(least, self.limits.most_per_s),
            most_per_s=self.limits.most_per_s,
            tolerance=self.limits.tolerance,
        )

    async def _probe(self, rate_per_s: float) -> LoadResult:
        """Runs one probe, in which the percentile has 10 operations beyond it even if it just holds."""
        narrowed = self._search is not None and self._search.bracketed
        duration_s = max(
            self.limits.probe_s if narrowed else self.limits.probe_s / 2,
            1.2 * self.aim.least_operations / rate_per_s,
            LIMITS_IN_PROBE * self.aim.limit_s,
        )
        shape = self.plan.arrivals.shape
        plan = structs.replace(
            self.plan,
            model="open",
            arrivals=Arrivals(shape=shape, rate_per_s=rate_per_s),
            scheduler=self._scheduler,
            duration_s=min(duration_s, LONGEST_PROBE_S),
            count=None,
            warm_up_s=min(max(10 * self.aim.limit_s, LEAST_WARM_UP_S), 5.0),
            seed=self.plan.seed + len(self._points),
            objectives=(),
        )
        return await self._run(plan, watch=self._watch_load)

    def _judged(self, rate_per_s: float, result: LoadResult) -> CapacityPoint:
        # An objective on errors speaks of no time: only requests that are sent in heaps change those.
        audit = judge(result, limit_s=self.aim.limit_s or math.inf)
        faults = audit.faults
        if not faults and self._scheduler is None:
            self._scheduler = _scheduler_of(result)
        response = Histogram.from_counts(result.response)
        p50, p99 = (response.percentile(q) for q in (0.5, 0.99))
        share = beyond(self.objective, result)
        # Wrong answers are so whoever was late.
        decided = asserted(self.objective, structs.replace(result, generator=audit)).verdict != "undecided"
        return CapacityPoint(
            asked_per_s=result.asked_per_s or rate_per_s,
            reached_per_s=result.reached_per_s,
            p50_s=p50 if math.isfinite(p50) else None,
            p99_s=p99 if math.isfinite(p99) else None,
            beyond=share,
            operations=result.operations,
            duration_s=result.window_s,
            held=share <= self.aim.allowed,
            counted=not faults or decided,
            why="" if decided or not faults else faults[0],
        )

    async def _calm(self) -> float | None:
        """Returns the median response time of one connection that asks and waits; None when interrupted."""
        plan = structs.replace(
            self.plan,
            model="closed",
            arrivals=Arrivals(),
            connections=1,
            multiplexed=1,
            processes=1,
            duration_s=CALM_S,
            count=None,
            warm_up_s=0.0,
            objectives=(),
        )
        result = await self._run(plan)
        if result.partial:
            self._why = result.partial
            return None
        return Histogram.from_counts(result.response).percentile(0.5)

    async def _settled(self, result: LoadResult) -> bool:
        """Waits until nothing of a probe's backlog is left; whether that was so in time."""
        left = (
            result.errors.get("unfinished", 0)
            + result.errors.get("unsent", 0)
            + result.errors.get("timeout", 0)
        )
        if not left or self._calm_s is None:
            return True
        began_s = time.monotonic()
        while time.monotonic() - began_s < CALM_AGAIN_S:
            again = await self._calm()
            if again is None:
                self._cut_short = True
                return False
            if again <= CALM_FACTOR * self._calm_s:
                return True
        return False

    async def _fill_curve(self) -> None:
        """Adds probes below the capacity, so that the curve has a left side."""
        assert self._search is not None
        capacity = self._search.interval().estimate
        if not math.isfinite(capacity):
            return
        for share in CURVE:
            rate = share * capacity
            near = any(abs(point.asked_per_s / rate - 1) < 0.15 for point in self._points if point.counted)
            if near or rate < self._search.least_per_s:
                continue
            result = await self._probe(rate)
            if result.partial:
                return
            self._points.append(self._judged(rate, result))
            if self._watch is not None:
                self._watch(self._found("running"))

    def _found(self, ended: Ended) -> CapacityResult:
        counted = [point for point in self._points if point.counted]
        known = self._search.interval() if self._search is not None and self._search.probes else None
        estimate = low = high = None
        if known is not None:
            estimate, low, high = (
                value if math.isfinite(value) else None for value in (known.estimate, known.low, known.high)
            )
        found = CapacityResult(
            plan=self.plan,
            objective=self.objective,
            capacity_per_s=estimate,
            low_per_s=low,
            high_per_s=high,
            knee_per_s=knee(
                [point.asked_per_s for point in counted],
                [math.inf if point.p50_s is None else point.p50_s for point in counted],
            ),
            calm_p50_s=self._calm_s,
            points=tuple(sorted(self._points, key=lambda point: point.asked_per_s)),
            ended=ended,
            says="",
            assumed=known.assumed if known is not None else "",
            took_s=self._took_s(),
        )
        return structs.replace(found, says=said(found, self._why))

    def _took_s(self) -> float:
        return time.monotonic() - self._began_s


def _scheduler_of(result: LoadResult) -> Scheduler | None:
    """Returns how the processes of a load kept their schedule, where all did so alike."""
    used = {process.scheduler for process in result.generator.processes}
    return convert(used.pop(), Scheduler) if len(used) == 1 and used != {""} else None


def _check(plan: LoadPlan, limits: Limits) -> None:
    if plan.arrivals.shape not in ("constant", "poisson"):
        raise UsageError(
            f"arrivals {plan.arrivals.shape}: a search for capacity sets the rate itself.",
            "Give --arrivals poisson or constant.",
        )
    if plan.subscribe:
        raise UsageError("a load that subscribes has no rate of its own to search.", "Leave out --subscribe.")
    if not 0.01 <= limits.tolerance <= 0.5:
        raise UsageError(f"tolerance={limits.tolerance} must be between 0.01 and 0.5.", "Give 0.1 for 10 %.")
    if limits.probe_s <= 0 or limits.budget_s <= 0 or limits.most_per_s <= 0:
        raise UsageError(
            f"probe_s={limits.probe_s}, budget_s={limits.budget_s} and most_per_s={limits.most_per_s} "
            "must be above 0.",
            "Leave them out for 4 s, 180 s and no limit.",
        )
