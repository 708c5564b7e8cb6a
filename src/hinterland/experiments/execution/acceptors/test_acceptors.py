"""Recorded trials give the outcome they must; real workers leave their own queue behind, and no other."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, broken, experiment_of

HERE = experiment_of(__file__)
Seen = dict[tuple[str, ...], dict[str, float]]


def test_a_client_whose_answer_never_came_is_left_and_not_cut_off() -> None:
    kept = HERE.recorded.trial("nothing_stops")
    last = next(each for each in kept["operations"] if each["kind"] == "knock")
    last.update(outcome="unknown", done_ns=-1, result=None, error="CancelledError")
    metrics = HERE.recorded.outcome(kept).metrics
    assert metrics["left_share"] == pytest.approx(1 / 120)
    assert metrics["cut_off"] == metrics["answered_late"] == 0


def test_one_client_more_or_less_than_a_share_is_a_finding() -> None:
    kept = HERE.recorded.trial("passed_in_turn")
    assert [each for each in HERE.recorded.outcome(kept).findings if each.kind == "another_number"] == []
    looked = next(each["t_ns"] for each in kept["events"] if each["name"] == "looked")
    stuck = next(each for each in kept["operations"] if each["error"])
    stuck.update(outcome="ok", done_ns=looked - 1, result=1, error="")
    [found] = [each for each in HERE.recorded.outcome(kept).findings if each.kind == "another_number"]
    assert found.says.startswith("29 of 120 clients are left waiting")


def test_a_server_that_leaves_a_visitor_out_in_calm_weather_is_no_evidence() -> None:
    kept = HERE.recorded.trial("three_serve_for_four")
    first = next(each for each in kept["operations"] if each["kind"] == "visit")
    first.update(outcome="unknown", done_ns=-1, result=None, error="timeout")
    assert HERE.recorded.broken(kept) == ["served"]


@pytest.mark.parametrize(
    ("way", "workers", "share"),
    [("one", 4, 1), ("reuseport", 4, 0.25), ("passing", 8, 0.125), ("shared", 4, None)],
)
def test_what_belongs_to_one_worker(way: str, workers: int, share: float | None) -> None:
    kept = HERE.recorded.trial("nothing_stops")
    kept["treatment"] |= {"way": way, "workers": workers}
    assert HERE.recorded.outcome(kept).metrics.get("computed_left") == share


class Clock(selectors.DefaultSelector):
    """Time as a loop sees it: it leaps where the loop would wait, and stands still where it would not."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += timeout or 0.0
        return super().select(0)


@pytest.mark.parametrize(("slices", "left"), [(15, 0), (1, 1)])
def test_a_generator_that_stands_still_loses_no_patience(
    slices: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = HERE.source
    monkeypatch.setattr(module, "SLICES", slices)
    clock = Clock()
    loop = asyncio.SelectorEventLoop(clock)
    monkeypatch.setattr(loop, "time", lambda: clock.now_s)

    async def scenario() -> int:
        async def answered() -> None:
            # The loop comes to nothing else meanwhile, as on a busy machine.
            clock.now_s += 2 * module.PATIENCE_S
            await asyncio.sleep(module.PATIENCE_S / 2)

        return len(await module.until_silent({asyncio.create_task(answered())}))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(scenario()) == left


@pytest.fixture(scope="module")
def seen(one_block: OneBlock) -> Seen:
    """What a default block and a lone server came to, by arrangement, wait, stall and program."""
    trials = one_block(HERE, "service:nginx")
    alone: dict[str, tuple[Any, ...]] = {
        "way": ("one",),
        "program": ("python",),
        "waits": ("epoll",),
        "stall": ("paused",),
    }
    trials += one_block(HERE, **alone)
    assert all(set(broken(one.outcome)) <= {"machine_quiet"} for one in trials)
    keys = ("way", "waits", "stall", "program")
    return {tuple(str(one.treatment[key]) for key in keys): one.outcome.metrics for one in trials}


@pytest.mark.system
def test_who_waits_for_a_worker_that_stopped(seen: Seen) -> None:
    for program in ("python", "nginx"):
        assert seen["shared", "epoll", "paused", program]["left_share"] == 0
        assert 0.1 < seen["reuseport", "epoll", "paused", program]["left_share"] < 0.45
    assert seen["passing", "epoll", "paused", "python"]["left_share"] == 0.25
    assert seen["one", "epoll", "paused", "python"]["left_share"] == 1
    assert all(metrics["left_share"] == 0 for levels, metrics in seen.items() if levels[2] == "none")


@pytest.mark.system
def test_who_is_cut_off_and_who_is_answered_late(seen: Seen) -> None:
    for way in ("one", "reuseport", "passing"):
        stuck = seen[way, "epoll", "paused", "python"]
        assert stuck["cut_off"] == pytest.approx(600 * stuck["left_share"])
    kept = seen["reuseport", "epoll", "paused", "nginx"]
    assert kept["cut_off"] == 0
    assert kept["answered_late"] == pytest.approx(600 * kept["left_share"])


@pytest.mark.system
def test_whom_the_kernel_wakes(seen: Seen) -> None:
    busiest = {way: seen["shared", way, "none", "python"]["busiest_share"] for way in ("epoll", "accept")}
    assert busiest["epoll"] > 1.3 * busiest["accept"]
