"""The search for a capacity on simulated servers: what it finds, and every way in which it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from load_queue import QueueServer
from load_results import counts, plan
from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.capacity import find as capacity
from hinterland.load.capacity.find import Limits, find_capacity
from hinterland.load.capacity.words import said
from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Arrivals, LoadPlan, Objective, Scheduler
from hinterland.load.report.page import search_tiles
from hinterland.load.result.capacity import CapacityResult
from hinterland.load.result.result import LoadResult
from hinterland.statistics.boundary import BETWEEN

POISSON = plan(arrivals=Arrivals(shape="poisson"))
SLOWLY = plan(arrivals=Arrivals(shape="poisson", rate_per_s=100))
P99 = parse_objective("p99 < 20ms")


def found(
    server: Any, objective: Objective = P99, asked: LoadPlan = POISSON, **limits: Any
) -> CapacityResult:
    return asyncio.run(find_capacity(asked, objective, limits=Limits(**limits), run=server))


class Steady(QueueServer):
    """A server that answers in 1 ms up to `most_per_s`, and falls behind by what is more."""

    def __init__(self, most_per_s: float) -> None:
        super().__init__(1000.0)
        self.most_per_s = most_per_s

    async def __call__(self, plan: LoadPlan, *, watch: object = None) -> LoadResult:
        self.plans.append(plan)
        rate = plan.arrivals.rate_per_s or 100.0
        due = np.arange(round(rate * plan.duration_s)) / rate
        return self.answer(plan, 0.001 + due * max(0.0, rate / self.most_per_s - 1))


class Changed(QueueServer):
    """A queue whose results are changed before anybody sees them."""

    def __init__(self, change: Callable[[LoadPlan, LoadResult], LoadResult]) -> None:
        super().__init__(1000.0)
        self._change = change

    async def __call__(self, plan: LoadPlan, *, watch: object = None) -> LoadResult:
        return self._change(plan, await super().__call__(plan, watch=watch))


def test_the_capacity_of_a_queue_is_found_within_a_tenth() -> None:
    results = [found(QueueServer(1000.0, seed)) for seed in range(4)]
    truth = QueueServer(1000.0).highest_rate(0.02, 0.01)
    # One search in a hundred or so meets bursts that keep its interval wide until all probes are used up.
    assert [result.ended for result in results].count("decided") >= 3
    for result in results:
        assert result.capacity_per_s == pytest.approx(truth, rel=0.1)
        assert result.low_per_s is not None
        assert result.high_per_s is not None
        assert result.low_per_s < result.capacity_per_s < result.high_per_s
        narrow = result.high_per_s - result.low_per_s <= 0.2 * result.capacity_per_s * 1.001
        assert narrow is (result.ended == "decided")
        assert "holds up to" in result.says


def test_every_point_is_kept_and_the_knee_of_a_queue_is_near_half_its_rate() -> None:
    server = QueueServer(1000.0, 4)
    result = found(server)
    assert len(result.points) == len([each for each in server.plans if each.model == "open"])
    assert [point.asked_per_s for point in result.points] == sorted(p.asked_per_s for p in result.points)
    assert result.knee_per_s == pytest.approx(500, rel=0.3)
    for point in result.points:
        assert point.held is (point.beyond <= 0.01)
        assert point.p50_s is not None
        assert point.p99_s is not None
        assert point.p50_s < point.p99_s
    assert result.calm_p50_s == pytest.approx(np.log(2) / 1000, rel=0.3)


def test_probes_are_long_enough_for_their_percentile_and_for_a_slow_overload() -> None:
    server = QueueServer(1000.0, 1)
    found(server, parse_objective("p99.9 < 100ms"))
    opened = [each for each in server.plans if each.model == "open"]
    for each in opened:
        assert each.duration_s * each.arrivals.rate_per_s * 0.001 >= 10 or each.duration_s == 60
        assert each.duration_s >= 20 * 0.1
        assert each.arrivals.shape == "poisson"
    assert len({each.seed for each in opened}) == len(opened)


def test_a_server_that_falls_behind_from_one_rate_on_is_bisected() -> None:
    result = found(Steady(3000.0))
    assert result.ended == "decided"
    assert result.capacity_per_s == pytest.approx(3000, rel=0.06)
    assert len(result.points) <= 20


@pytest.mark.parametrize("start", [5.0, 40_000.0])
def test_it_does_not_matter_where_the_search_begins(start: float) -> None:
    asked = replace(POISSON, arrivals=Arrivals(shape="poisson", rate_per_s=start))
    result = found(QueueServer(1000.0, 8), asked=asked)
    assert result.capacity_per_s == pytest.approx(770, rel=0.12)


@pytest.mark.parametrize("text", ["mean < 5ms", "max < 100ms"])
def test_objectives_that_are_no_share_are_searched_too(text: str) -> None:
    result = found(QueueServer(1000.0, 2), parse_objective(text))
    # The mean is 1 / (mu - lambda).
    assert result.capacity_per_s == pytest.approx(800 if "mean" in text else 930, rel=0.15)


def test_a_limit_on_errors_is_found_where_they_begin() -> None:
    def overload(plan: LoadPlan, made: LoadResult) -> LoadResult:
        lost = max(0.0, 1 - 600 / plan.arrivals.rate_per_s) if plan.model == "open" else 0.0
        return replace(made, answered=round(made.operations * (1 - lost)))

    result = found(Changed(overload), parse_objective("error_share < 1%"))
    assert result.capacity_per_s == pytest.approx(606, rel=0.05)


def test_a_generator_at_its_limit_ends_the_search_and_its_probes_do_not_count() -> None:
    def late(plan: LoadPlan, made: LoadResult) -> LoadResult:
        if plan.arrivals.rate_per_s < 500:
            return made
        return replace(made, generator=replace(made.generator, lateness=counts(np.full(100, 0.05))))

    result = found(Changed(late), asked=SLOWLY)
    assert result.ended == "generator"
    assert result.capacity_per_s is None
    assert result.low_per_s is not None
    assert result.low_per_s < 500
    assert "lateness" in result.says
    assert {point.counted for point in result.points} == {True, False}
    assert sum(not point.counted for point in result.points) == capacity.VOID_IN_A_ROW


def test_lateness_far_below_the_objective_voids_no_probe() -> None:
    def a_little_late(plan: LoadPlan, made: LoadResult) -> LoadResult:
        # More than a third of what a calm server's answers take.
        return replace(made, generator=replace(made.generator, lateness=counts(np.full(100, 2e-3))))

    result = found(Changed(a_little_late), asked=SLOWLY)
    assert result.ended in ("decided", "budget")
    assert all(point.counted for point in result.points)


def test_lateness_voids_no_probe_for_errors_unless_requests_come_in_heaps() -> None:
    def late(seconds: float) -> Callable[[LoadPlan, LoadResult], LoadResult]:
        def change(plan: LoadPlan, made: LoadResult) -> LoadResult:
            lost = max(0.0, 1 - 600 / plan.arrivals.rate_per_s) if plan.model == "open" else 0.0
            made = replace(made, answered=round(made.operations * (1 - lost)))
            return replace(made, generator=replace(made.generator, lateness=counts(np.full(1000, seconds))))

        return change

    errors = parse_objective("error_share < 1%")
    assert all(point.counted for point in found(Changed(late(2e-3)), errors, SLOWLY).points)
    assert found(Changed(late(0.03)), errors, SLOWLY).ended == "generator"


@pytest.mark.parametrize("asked", [None, "tick"])
def test_one_search_waits_for_its_moments_in_one_way(asked: Scheduler | None) -> None:
    def by_turns(plan: LoadPlan, made: LoadResult) -> LoadResult:
        chosen = plan.scheduler or ("timerfd" if plan.seed % 2 == 0 else "spin")
        used = tuple(replace(process, scheduler=chosen) for process in made.generator.processes)
        return replace(made, generator=replace(made.generator, processes=used))

    server = Changed(by_turns)
    made = found(server, asked=replace(SLOWLY, scheduler=asked))
    opened = [each.scheduler for each in server.plans if each.model == "open"]
    assert set(opened[1:]) == {asked or "timerfd"}
    assert made.plan.scheduler == asked


def test_a_bracket_is_not_called_a_95_percent_interval() -> None:
    made = replace(found(QueueServer(1000.0)), capacity_per_s=149.0, low_per_s=80.0, high_per_s=260.0)
    assert "(95 % interval 80.0 to 260)" in said(replace(made, ended="decided"))
    bracket = said(replace(made, assumed=BETWEEN, ended="decided"))
    assert "between 80.0 and 260" in bracket
    assert "no 95 % interval" in bracket
    tiles = [search_tiles(replace(made, assumed=assumed))[0][2] for assumed in (made.assumed, BETWEEN)]
    assert tiles == ["80/s to 260/s, 95 %", "between 80/s and 260/s"]


def test_a_generator_that_broke_in_a_probe_is_named() -> None:
    def breaks(plan: LoadPlan, made: LoadResult) -> LoadResult:
        return replace(made, partial="process 0 ended by itself." if plan.arrivals.rate_per_s > 300 else "")

    result = found(Changed(breaks), asked=SLOWLY)
    assert result.ended == "interrupted"
    assert result.says.endswith("interrupted before more was known: process 0 ended by itself.")


def test_one_disturbed_probe_is_repeated() -> None:
    disturbed: list[float] = []

    def once(plan: LoadPlan, made: LoadResult) -> LoadResult:
        if plan.model == "open" and len(disturbed) < 1:
            disturbed.append(plan.arrivals.rate_per_s)
            return replace(made, generator=replace(made.generator, lateness=counts(np.full(100, 0.05))))
        return made

    result = found(Changed(once))
    assert result.ended == "decided"
    assert [point.asked_per_s for point in result.points].count(disturbed[0]) >= 2


def test_it_says_when_no_rate_holds_and_when_all_do() -> None:
    never = found(QueueServer(100.0), parse_objective("p99 < 1ms"))
    assert never.ended == "never_held"
    assert never.capacity_per_s is None
    assert "does not hold even at" in never.says
    always = found(QueueServer(1000.0), most_per_s=200)
    assert always.ended == "always_held"
    assert always.low_per_s == 200
    assert "still holds at 200" in always.says


def test_it_waits_for_a_backlog_and_says_when_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[bool] = []

    def leaves(plan: LoadPlan, made: LoadResult) -> LoadResult:
        if plan.model == "open" and plan.arrivals.rate_per_s > 900:
            broken.append(True)
            return replace(made, errors={"unfinished": 50}, answered=made.operations - 50)
        if plan.model == "closed" and broken:
            broken.append(False)
            slow = len(broken) < stays
            return replace(made, response=counts(np.full(100, 5.0 if slow else 0.001)))
        return made

    stays = 5
    assert found(Changed(leaves)).ended == "decided"
    assert broken.count(False) >= 4
    broken.clear()
    stays = 1 << 60
    monkeypatch.setattr(capacity, "CALM_AGAIN_S", 0.02)
    result = found(Changed(leaves))
    assert result.ended == "not_settled"
    assert "did not come back" in result.says


def test_an_interrupted_probe_ends_the_search_with_what_is_known() -> None:
    def cut(plan: LoadPlan, made: LoadResult) -> LoadResult:
        return replace(made, partial="interrupted") if plan.arrivals.rate_per_s > 600 else made

    result = found(Changed(cut), asked=SLOWLY)
    assert result.ended == "interrupted"
    assert result.low_per_s is not None
    assert result.low_per_s < 600


def test_the_budget_ends_it_with_the_interval_so_far() -> None:
    result = found(QueueServer(1000.0), tolerance=0.01, budget_s=0.05, curve=False)
    assert result.ended == "budget"
    assert "ran out" in result.says


def test_watchers_see_each_point() -> None:
    seen: list[CapacityResult] = []
    asyncio.run(find_capacity(POISSON, P99, watch=seen.append, run=QueueServer(1000.0)))
    assert [len(each.points) for each in seen] == list(range(1, len(seen) + 1))
    assert {each.ended for each in seen} == {"running"}


@pytest.mark.parametrize("text", ["p99 > 20ms", "rate >= 900", "lateness_p99 < 1ms", "errors = 3"])
def test_objectives_that_load_does_not_break_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no objective that more load breaks"):
        found(QueueServer(1000.0), parse_objective(text))


def test_plans_without_a_rate_to_search_are_refused() -> None:
    with pytest.raises(UsageError, match="arrivals ramp"):
        found(QueueServer(1.0), asked=replace(POISSON, arrivals=Arrivals(shape="ramp")))
    with pytest.raises(UsageError, match="subscribes"):
        found(QueueServer(1.0), asked=replace(POISSON, subscribe=True))
    with pytest.raises(UsageError, match="tolerance"):
        found(QueueServer(1.0), tolerance=0.9)
    with pytest.raises(UsageError, match="must be above 0"):
        found(QueueServer(1.0), probe_s=0)
