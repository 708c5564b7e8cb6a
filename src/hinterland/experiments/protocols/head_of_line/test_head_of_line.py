"""Recorded trials give the outcome they must; real feeds show who waits for a lost packet."""

from __future__ import annotations

import asyncio
import importlib
import random
from typing import Any

import numpy as np
import pytest

from hinterland.lab import History
from hinterland.lab.testing import OneBlock, experiment_of, packets, parse_drops

HERE = experiment_of(__file__)
MODULE = HERE.source


def history(recorded: dict[str, Any]) -> History:
    """Returns a recorded trial; times were kept in whole microseconds since its first message."""
    readings: dict[str, Any] = {}
    if recorded["treatment"]["load"] == "page":
        result = recorded["page"]
        times = {"asked_ns": 0, "done_ns": [-1 if t is None else t * 1000 for t in result["done_us"]]}
        sample = MODULE.page_sample({**result, **times})
    else:
        rows = [[number, *(t * 1000 for t in times), at] for number, *times, at in recorded["rows"]]
        count = recorded["treatment"]["messages"]
        sample = MODULE.sample(rows, count)
        stalls = [[t * 1000 for t in times] for times in recorded["readings"]["stalls"]]
        readings = {"stalls": stalls, "arrivals": MODULE.arrivals(rows, count)}
    return History(
        treatment=recorded["treatment"],
        seed=recorded["seed"],
        readings=readings,
        loads={recorded["treatment"]["load"]: sample},
        packets={"link": packets(recorded["packets"])},
    )


RECORDED = HERE.recorded_as(history)


@pytest.mark.parametrize("name", RECORDED.names)
def test_recorded_history(name: str) -> None:
    assert not RECORDED.differences(name)


def test_the_histories_hold_convictions_acquittals_and_both_broken_assumptions() -> None:
    outcomes = {name: RECORDED.file(name)["outcome"] for name in RECORDED.names}
    assert outcomes["a_stream_each"]["findings"] == []
    assert outcomes["a_stream_each"]["tries"]["waited_for_another"] > 0
    assert outcomes["one_stream_for_all"]["findings"] != []
    assert {each for one in outcomes.values() for each in one["broken"]} == {"on_schedule", "page_whole"}


@pytest.mark.parametrize(("name", "late"), [("nothing_lost", 0), ("a_stream_each", 1)])
def test_what_the_reader_slept_through_is_not_late(name: str, late: int) -> None:
    kept = RECORDED.trial(name)
    slept_us = kept["rows"][30][3] - 1000, kept["rows"][34][3]
    for row in kept["rows"][30:34]:
        row[3] = slept_us[1]
    assert RECORDED.outcome(kept).metrics["late"] == late + 3
    kept["readings"]["stalls"].append(slept_us)
    outcome = RECORDED.outcome(kept)
    assert outcome.metrics["late"] == late
    assert [each.id for each in outcome.assumptions if not each.held] == ["on_schedule"]


def test_losses_are_as_many_as_asked_and_far_apart() -> None:
    for seed in range(50):
        drops = MODULE.drops(random.Random(seed), 200, 2)
        places = sorted(parse_drops(drops)["data"])
        assert len(places) == 4
        assert min(np.diff(places)) > 20
        assert places[0] >= 10
        assert places[-1] <= 180
    assert MODULE.drops(random.Random(1), 200, 0) == ()
    assert len(MODULE.drops(random.Random(1), 50, 2)) == 1


def test_one_lost_packet_makes_more_messages_late_the_longer_the_round_trip() -> None:
    late = [MODULE.late_for_one(rtt_ms) for rtt_ms in (0, 10, 50, 100)]
    assert late == sorted(late)
    assert late[0] == 1
    assert late[2] == pytest.approx(5.75)


def test_a_reader_does_not_give_up_in_a_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE.folder / "systems"))
    messages = importlib.import_module("messages")

    def message(number: int) -> bytes:
        return bytes(messages.HEAD.pack(number, 0, 0).ljust(messages.MESSAGE_BYTES, b"."))

    async def go() -> int:
        notebook = messages.Notebook(3)
        notebook.lossy = True
        filled = asyncio.create_task(notebook.filled())
        notebook.read("first", message(0))
        await asyncio.wait({filled}, timeout=0.5)
        assert not filled.done(), "the machine may have stood still"
        notebook.read("last", message(2))
        await asyncio.wait_for(filled, 60)
        return len(notebook.rows)

    assert asyncio.run(go()) == 2


@pytest.mark.system
def test_who_shares_an_order_waits(one_block: OneBlock) -> None:
    chosen: dict[str, Any] = {"load": ("feeds",), "loss_percent": (2,)}
    trials = one_block(HERE, **chosen)
    seen = {one.treatment["variant"]: one.outcome for one in trials}
    assert set(seen) == set(HERE.experiment.factor["variant"].levels)
    assert all(one.metrics["lost_packets"] == 1 for one in seen.values())
    assert {name: one.metrics["missing"] for name, one in seen.items() if one.metrics["missing"]} == {
        "udp": 1.0
    }
    # What follows is order alone, which no busy machine can change.
    assert seen["http3"].metrics["waited"] == 0
    assert seen["http3"].tries["waited_for_another"] >= 3
    assert seen["udp"].metrics["waited"] == 0
    assert seen["http3_one"].metrics["waited"] >= 3
    assert seen["http2"].metrics["waited"] >= 3


@pytest.mark.system
def test_a_page_comes_whole_over_all_three(one_block: OneBlock) -> None:
    chosen: dict[str, Any] = {"load": ("page",), "variant": ("http1_x6", "http2", "http3")}
    trials = one_block(HERE, "service:caddy", **chosen)
    whole = {
        one.treatment["variant"] for one in trials for each in one.outcome.assumptions
        if each.id == "page_whole" and each.held
    }  # fmt: skip
    assert whole >= {"http1_x6", "http2", "http3"}
