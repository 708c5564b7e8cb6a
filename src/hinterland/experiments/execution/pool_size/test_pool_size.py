"""Recorded trials give the outcome they must; a real database gives its core to as many as ask, in vain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hinterland.lab import Outcome
from hinterland.lab.testing import OneBlock, RunOptions, TrialResult, broken, experiment_of, run_experiment

HERE = experiment_of(__file__)


def made(visits: list[tuple[int, int, int, int]], *, customers: int, end_ms: int = 1000) -> Outcome:
    """Returns what visits come to: when in ms they came, had a connection and left, and their attempts."""
    in_ns = [[came * 10**6, had * 10**6, left * 10**6, attempts] for came, had, left, attempts in visits]
    shop = {"start_ns": 0, "end_ns": end_ms * 10**6, "visits": in_ns}
    return HERE.recorded.outcome(
        {"treatment": {"customers": customers, "pool": 1}, "seed": 0, "readings": {"shop": shop}}
    )


def test_littles_law_on_visits_made_by_hand() -> None:
    # Two customers and one connection: each is served for 10 ms, and then waits for the other's 10.
    visits = [(10 * turn - 10, 10 * turn, 10 * turn + 10, 1) for turn in range(2, 99)]
    metrics = made(visits, customers=2).metrics
    assert metrics["rate_per_s"] == pytest.approx(100, rel=0.02)
    assert (metrics["response_ms"], metrics["queue_ms"], metrics["in_database_ms"]) == (20, 10, 10)
    assert metrics["computed_response_ms"] == pytest.approx(20, rel=0.02)
    assert metrics["attempts"] == 1


def test_the_beginning_and_what_ends_late_do_not_count() -> None:
    late = [(900, 900, 1200, 9)] * 50
    early = [(0, 0, 100, 9)] * 50
    steady = [(500 + 2 * turn, 500 + 2 * turn, 505 + 2 * turn, 1) for turn in range(40)]
    metrics = made([*early, *steady, *late], customers=2).metrics
    assert metrics["rate_per_s"] == pytest.approx(500)
    assert metrics["computed_response_ms"] == pytest.approx(2 * 800 / 40)
    assert (metrics["attempts"], metrics["response_ms"]) == (1, 5)


def test_too_few_visits_are_no_evidence() -> None:
    assert broken(made([(500, 500, 505, 1)] * 19, customers=2)) == ["enough_visits"]
    assert broken(made([], customers=2)) == ["enough_visits"]
    assert made([], customers=2).metrics == {}


@pytest.mark.system
def test_a_larger_pool_helps_who_waits_and_hurts_who_collides(one_block: OneBlock) -> None:
    trials = one_block(HERE)
    for one in trials:
        assert set(broken(one.outcome)) <= {"machine_quiet", "enough_visits"}, one.outcome.assumptions
    done = [one for one in trials if one.status == "done"]
    seen = {each_of(one): one.outcome.metrics for one in done}
    calm = {each_of(one) for one in done if not one.disturbed}
    for (_, pool, think_ms), metrics in seen.items():
        # In whatever weather: 28 of 32 wait for one of 4 connections, nobody for one of 32.
        share = metrics["queue_ms"] / metrics["response_ms"]
        if pool == 32:
            assert share < 0.1, seen
        elif think_ms == 0:
            assert share > 0.4, seen
    many, few = ("sells", 32, 0), ("sells", 4, 0)
    if {many, few} <= seen.keys():
        assert seen[many]["attempts"] > (1.5 if {many, few} <= calm else 1) * seen[few]["attempts"]
    # The rest hangs on time, of which others on the machine take away.
    many, few = ("waits", 32, 0), ("waits", 4, 0)
    if {many, few} <= calm:
        assert seen[many]["rate_per_s"] > 3 * seen[few]["rate_per_s"]
    many, few = ("computes", 32, 0), ("computes", 4, 0)
    if {many, few} <= calm:
        assert seen[many]["in_database_ms"] > 1.5 * seen[few]["in_database_ms"]
    thinking = ("computes", 4, 50)
    if thinking in calm:
        assert seen[thinking]["response_ms"] < 0.7 * seen[thinking]["computed_response_ms"]


def each_of(trial: TrialResult) -> tuple[Any, ...]:
    """Returns what a trial is known by: its work, pool and thinking time."""
    return tuple(trial.treatment[name] for name in ("work", "pool", "think_ms"))


@pytest.mark.system
@pytest.mark.parametrize(("work", "pool"), [("locks", 16), ("sells", 1)])
def test_sales_with_a_lock_or_one_by_one_are_never_begun_again(
    require: Callable[[str], None], tmp_path: Path, work: str, pool: int
) -> None:
    require("service:postgresql")
    levels: dict[str, tuple[Any, ...]] = {"work": (work,), "pool": (pool,), "think_ms": (0,)}
    run_experiment(HERE.experiment, RunOptions(set=levels, blocks=1, store=tmp_path, seed=1))
    # All visits, though on a slow machine too few may end in the time that counts, and the trial be void.
    histories = [json.loads(kept.read_text()) for kept in tmp_path.glob("*/histories/*.json")]
    visits = [visit for history in histories for visit in history["readings"]["shop"]["visits"]]
    assert visits
    assert {attempts for *_, attempts in visits} == {1}
