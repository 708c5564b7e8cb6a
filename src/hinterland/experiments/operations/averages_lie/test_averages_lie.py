"""Loads of known times give the means, percentiles and pages that can be computed by hand."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from hinterland.lab import UNFINISHED, History, LoadSample
from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)
MS = 1_000_000


def history(
    times_ms: list[float], *, a_page: int = 1, variant: str = "two_faced", share: float = 0.05
) -> History:
    """A second of requests that took so long; those of a page were due at one moment."""
    count = len(times_ms)
    due_ns = np.repeat(np.linspace(0, 1000 * MS, count // a_page, endpoint=False), a_page).astype(np.int64)
    done_ns = due_ns + (np.array(times_ms) * MS).astype(np.int64)
    sample = LoadSample(
        intended_ns=due_ns,
        sent_ns=due_ns,
        done_ns=done_ns,
        status=np.full(count, 200, np.int16),
        error=np.zeros(count, np.int8),
        connection=np.zeros(count, np.int32),
        start_ns=0,
        end_ns=1000 * MS,
        loop="open",
    )
    treatment: dict[str, Any] = {"variant": variant, "slow_share": share, "requests_a_page": a_page}
    return History(treatment=treatment, seed=0, loads={"requests": sample})


RECORDED = HERE.recorded_as(lambda kept: history(kept["times_ms"], **kept["levels"]))


@pytest.mark.parametrize("name", RECORDED.names)
def test_recorded_history(name: str) -> None:
    assert not RECORDED.differences(name)


def test_slow_answers_that_come_together_are_averaged_away() -> None:
    spread = [202.0 if place % 20 == 7 else 2.0 for place in range(1000)]
    together = [202.0 if 420 <= place < 470 else 2.0 for place in range(1000)]
    one, other = (HERE.outcome(history(times)).metrics for times in (spread, together))
    assert one["mean_ms"] == other["mean_ms"] == pytest.approx(12)
    assert one["p99_ms"] == other["p99_ms"] == pytest.approx(202)
    assert one["averaged_p99_ms"] == pytest.approx(202)
    assert other["averaged_p99_ms"] == pytest.approx(22), "nine windows of 2 ms, and one of 202"


def test_a_stall_raises_a_p99_but_not_that_of_the_calmest_fifth() -> None:
    steady = [12.0] * 1000
    stalled = [90.0 if 420 <= place < 470 else 12.0 for place in range(1000)]
    one, other = (HERE.outcome(history(times, variant="steady")).metrics for times in (steady, stalled))
    assert one["p99_ms"] == pytest.approx(12)
    assert other["p99_ms"] == pytest.approx(90)
    assert one["calm_p99_ms"] == other["calm_p99_ms"] == pytest.approx(12)
    spread = HERE.outcome(history([202.0 if place % 20 == 7 else 2.0 for place in range(1000)])).metrics
    assert spread["calm_p99_ms"] == pytest.approx(202)


def test_a_page_is_as_slow_as_its_slowest_answer() -> None:
    times = [2.0] * 40
    times[5] = times[25] = 202.0
    metrics = HERE.outcome(history(times, a_page=20)).metrics
    assert metrics["slow_pages"] == 1
    times[25], times[6] = 2.0, 202.0
    metrics = HERE.outcome(history(times, a_page=20)).metrics
    assert metrics["slow_pages"] == 0.5, "two slow answers on one page hurt once"
    assert metrics["computed_slow_pages"] == pytest.approx(1 - 0.95**20)


def test_a_request_without_an_answer_is_no_evidence() -> None:
    kept = history([2.0] * 40)
    kept.loads["requests"].done_ns[3] = UNFINISHED
    assert [each.held for each in HERE.outcome(kept).assumptions] == [False]


def test_the_servers_differ_in_nothing_but_the_places_of_their_slow_answers() -> None:
    spec = importlib.util.spec_from_file_location("averages_server", HERE.folder / "systems" / "server.py")
    assert spec is not None
    assert spec.loader is not None
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    plans = {name: server.plan(name, 0.05, 1000, 3) for name in ("steady", "two_faced", "in_a_burst")}
    assert {name: sum(times) / 1000 for name, times in plans.items()} == pytest.approx(
        dict.fromkeys(plans, 12)
    )
    slow = [place for place, time in enumerate(plans["in_a_burst"]) if time > 100]
    assert slow == list(range(420, 470)), "within one window of a tenth"


@pytest.mark.system
def test_means_alike_and_pages_apart(one_block: OneBlock) -> None:
    trials = one_block(HERE)
    seen = {
        (one.treatment["variant"], one.treatment["requests_a_page"]): one.outcome.metrics
        for one in trials
        if one.treatment["slow_share"] == 0.05
    }
    steady, faced, burst = (seen[name, 1] for name in ("steady", "two_faced", "in_a_burst"))
    assert faced["p99_ms"] > 3 * steady["p99_ms"]
    assert burst["understated"] > 2 * faced["understated"]
    assert seen["two_faced", 20]["slow_pages"] > 3 * seen["in_a_burst", 20]["slow_pages"]
    assert seen["two_faced", 20]["p50_ms"] > 5 * faced["p50_ms"]
