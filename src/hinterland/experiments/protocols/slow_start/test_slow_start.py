"""Recorded trials give the outcome they must; real fetches come in the computed number of flights."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from hinterland.lab import Event, History
from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)
MODULE = HERE.source
CUBIC: dict[str, Any] = {"variant": ("cubic",), "queue": ("long",)}


class Levels(dict[str, Any]):
    """What `drops` asks of a trial: its levels, and its randomness."""

    random = Random(5)


@pytest.mark.parametrize(
    ("size_kib", "initcwnd", "flights"),
    [
        (64, 1, 6),
        (64, 3, 5),
        (64, 10, 3),
        (64, 30, 2),
        (14, 10, 1),
        (15, 10, 2),
        (1, 1, 1),
        (2, 1, 2),
        (1024, 10, 7),
    ],
)
def test_computed_flights(size_kib: int, initcwnd: int, flights: int) -> None:
    history = HERE.recorded.trial("three_flights")
    history["treatment"] |= {"size_kib": size_kib, "initcwnd": initcwnd}
    assert HERE.recorded.outcome(history).metrics["computed_rounds"] == flights
    segments, window, left = -(-size_kib * 1024 // 1448), initcwnd, 0
    while segments > 0:
        segments, window, left = segments - window, window * 2, left + 1
    assert left == flights


@pytest.mark.parametrize("levels", [{"loss": 0.02}, {"rate_mbit": 20}, {"variant": "bbr"}])
def test_nothing_is_computed_where_something_else_decides(levels: dict[str, Any]) -> None:
    history = HERE.recorded.trial("three_flights")
    history["treatment"] |= levels
    outcome = HERE.recorded.outcome(history)
    assert not {"computed_rounds", "computed_ms"} & set(outcome.metrics)
    assert outcome.tries == {}


def test_a_fetch_that_paused_once_more_is_told() -> None:
    history = HERE.recorded.trial("three_flights")
    arrivals = history["readings"]["arrivals"][4]
    arrivals.append([arrivals[-1][0] + 50_000, arrivals[-1][1]])
    outcome = HERE.recorded.outcome(history)
    assert [(each.key, each.says) for each in outcome.findings] == [
        ("fetch 5", "the file came in 4 flights, 3 were computed")
    ]
    assert outcome.tries == {"another_number_of_rounds": 8}


def test_a_stall_that_tears_a_flight_apart_or_joins_two_makes_no_other_number() -> None:
    history = HERE.recorded.trial("three_flights")
    torn, joined = history["readings"]["arrivals"][2:4]
    torn[-1][0] += 30_000
    # The client slept when the second flight came, and found it together with the third.
    for each in joined:
        each[0] = max(each[0], 140_000) if each[0] > 70_000 else each[0]
    outcome = HERE.recorded.outcome(history)
    assert outcome.findings == ()
    assert (
        outcome.metrics["fetch_ms"]
        == HERE.recorded.outcome(HERE.recorded.trial("three_flights")).metrics["fetch_ms"]
    )


def test_a_client_or_a_link_that_was_held_up_is_no_evidence() -> None:
    history = HERE.recorded.trial("three_flights")
    audit = Event(t_ns=1, kind="link", name="audit", target="link", detail={"lateness_max_us": 13_000.0})
    disturbed, _ = HERE.outcome(History(**history, events=(audit,))).assumptions
    assert (disturbed.id, disturbed.held) == ("flights_undisturbed", False)
    assert disturbed.measured.endswith("link 13 ms")
    history["readings"]["late_ms"] = 14.0
    disturbed, _ = HERE.recorded.outcome(history).assumptions
    assert (disturbed.held, disturbed.measured) == (False, "client 14 ms, link 0 ms")


def test_a_stream_without_pings_is_no_evidence() -> None:
    history = HERE.recorded.trial("cubic_fills_the_queue")
    pings = history["readings"]["pings_us"]
    history["readings"]["pings_us"] = [None] * len(pings)
    outcome = HERE.recorded.outcome(history)
    assert [each.held for each in outcome.assumptions] == [False]
    assert set(outcome.metrics) == {"throughput_mbit"}
    history["treatment"]["loss"] = 0.01
    [flowed] = HERE.recorded.outcome(history).assumptions
    assert flowed.held
    assert "ping" not in flowed.says


@pytest.mark.parametrize("loss", [0, 0.01, 0.02, 0.1])
def test_one_packet_of_each_stretch_is_lost(loss: float) -> None:
    drops = MODULE.drops(Levels({"loss": loss}))
    numbers = [int(each.removeprefix("data:")) for each in drops]
    assert len(numbers) == round(30_000 * loss)
    stretch = 1 / loss if loss else 1
    assert [int((number - 1) / stretch + 1e-9) for number in numbers] == list(range(len(numbers)))
    assert len({number % 100 for number in numbers}) > 20 or loss in (0, 0.1)


@pytest.mark.system
def test_fresh_connections_double_their_window_and_warm_ones_need_not(one_block: OneBlock) -> None:
    trials = one_block(HERE, task=("fetch",), rtt_ms=(50,), rate_mbit=(0,), loss=(0,), **CUBIC)
    took_ms = {}
    for one in trials:
        levels, metrics = one.treatment, one.outcome.metrics
        took_ms[levels["connection"], levels["initcwnd"]] = metrics["fetch_ms"]
        undisturbed = all(each.held for each in one.outcome.assumptions if each.id == "flights_undisturbed")
        if levels["connection"] == "warm":
            assert metrics["rounds"] == 1 or not undisturbed
            assert one.outcome.findings or not undisturbed
        else:
            # A flight comes a round trip after the one before, at the soonest, on any machine.
            assert metrics["fetch_ms"] >= 0.98 * metrics["computed_ms"]
            assert metrics["rounds"] == metrics["computed_rounds"] or not undisturbed
            assert not one.outcome.findings or not undisturbed
    assert took_ms["fresh", 1] > 1.2 * took_ms["fresh", 10]
    assert took_ms["fresh", 1] > 2 * took_ms["warm", 1]


@pytest.mark.system
def test_cubic_starves_under_random_loss_and_fills_a_long_queue(one_block: OneBlock) -> None:
    stream: dict[str, Any] = {
        "task": ("stream",),
        "connection": ("fresh",),
        "initcwnd": (10,),
        "rtt_ms": (30,),
    }
    mbit, waits_ms = {}, {}
    for one in one_block(HERE, rate_mbit=(100,), loss=(0, 0.01), **stream, **CUBIC):
        mbit[one.treatment["loss"]] = one.outcome.metrics["throughput_mbit"]
    for one in one_block(HERE, rate_mbit=(20,), loss=(0,), **stream, **{**CUBIC, "queue": ("long", "codel")}):
        waits_ms[one.treatment["queue"]] = one.outcome.metrics["queue_ms"]
    assert mbit[0] > 3 * mbit[0.01] > 0
    assert waits_ms["long"] > 1.5 * waits_ms["codel"]
