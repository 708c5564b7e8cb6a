"""Recorded trials give the outcome they must; real ones show what each transport makes of a bad network."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest

from hinterland.lab import History
from hinterland.lab.testing import OneBlock, experiment_of, packets

HERE = experiment_of(__file__)
MODULE = HERE.source
WHOLE = {"missing": 0, "out_of_order_share": 0, "twice_share": 0}


def history(recorded: dict[str, Any]) -> History:
    """Returns a recorded trial; times were kept in whole microseconds since the first chunk was due."""
    rows = [[number, due * 1000, done * 1000, intact] for number, due, done, intact in recorded["rows"]]
    sent = {name: [t * 1000 for t in times] for name, times in recorded["sent"].items()}
    return History(
        treatment=recorded["treatment"],
        seed=recorded["seed"],
        readings={"rows": rows, "sent": sent},
        loads={"chunks": MODULE.sample(sent, rows)},
        packets={"link": packets(recorded["packets"])},
    )


RECORDED = HERE.recorded_as(history)


@pytest.mark.parametrize("name", RECORDED.names)
def test_recorded_history(name: str) -> None:
    assert not RECORDED.differences(name)


def test_the_histories_acquit_whole_transports_and_convict_the_others() -> None:
    outcomes = {name: RECORDED.file(name)["outcome"] for name in RECORDED.names}
    convicted = {name for name, one in outcomes.items() if one["findings"]}
    datagrams = {"datagrams_lossy", "datagrams_shuffled"}
    assert convicted == {"udp_lossy", "udp_narrow", "udp_shuffled", "stream_that_forgets"} | datagrams
    assert set(outcomes) - convicted == {"stream_lossy", "tcp_lossy", "tcp_narrow"}


def test_each_way_of_breaking_the_bytes_is_told_once() -> None:
    sent = {name: [n * 5_000_000 for n in range(6)] for name in ("due_ns", "begun_ns", "sent_ns")}
    rows = [[0, 0, 9, 1], [2, 0, 10, 1], [1, 0, 11, 1], [2, 0, 12, 1], [3, 0, 13, 0], [5, 0, 14, 1]]
    recorded = History(
        treatment={"variant": "udp"},
        seed=1,
        readings={"rows": rows, "sent": sent},
        loads={"chunks": MODULE.sample(sent, rows)},
        packets={"link": packets([["client", 0, None, 900, "lost"], ["server", 0, None, 900, "lost"]])},
    )
    outcome = HERE.outcome(recorded)
    assert [(found.kind, found.says) for found in outcome.findings] == [
        ("lost_or_out_of_order", "what came as chunk 3 was not what was sent"),
        ("lost_or_out_of_order", "chunk 1 came after chunk 2"),
        ("lost_or_out_of_order", "chunk 4 never came"),
        ("came_twice", "chunk 2 came a second time"),
    ]
    assert outcome.metrics["missing"] == 2
    assert outcome.metrics["twice_share"] == pytest.approx(1 / 6)
    assert outcome.metrics["dropped_packets"] == 1


@pytest.mark.parametrize(("name", "least", "most"), [("udp_lossy", 5, 8), ("tcp_lossy", 15, 30)])
def test_a_stall_hides_no_repair_and_makes_none(name: str, least: float, most: float) -> None:
    kept = RECORDED.trial(name)
    rows = sorted(kept["rows"], key=lambda row: row[2])
    assert least < RECORDED.outcome(kept).metrics["slowest_of_ten_ms"] < most
    woke_us = rows[60][2] + 60_000
    for row in rows[60:]:
        row[2] = max(row[2], woke_us)
    kept["rows"] = rows
    outcome = RECORDED.outcome(kept)
    assert outcome.metrics["longest_delay_ms"] > 60
    assert least < outcome.metrics["slowest_of_ten_ms"] < most


def test_a_silence_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE.folder / "systems"))
    chunks = importlib.import_module("chunks")

    async def go() -> list[int]:
        ledger = chunks.Ledger(3, 0.01)
        waiting = asyncio.create_task(ledger.complete(whole=False))
        ledger.take(chunks.chunk(0, 0))
        await asyncio.wait({waiting}, timeout=0.3)
        assert not waiting.done(), "the machine may have stood still"
        ledger.take(chunks.END)
        ledger.take(chunks.chunk(1, 0))
        await asyncio.wait_for(waiting, 60)
        return [row[0] for row in ledger.rows]

    assert asyncio.run(go()) == [0, 1]


def test_a_sender_held_up_by_its_transport_is_not_a_late_generator() -> None:
    due_ns = [n * 5_000_000 for n in range(4)]
    sent_ns = [1_000_000, 900_000_000, 900_100_000, 900_200_000]
    begun_ns = [0, 5_000_000, 900_000_000, 900_100_000]
    rows = [[n, 0, 950_000_000, 1] for n in range(4)]
    held = MODULE.sample({"due_ns": due_ns, "begun_ns": begun_ns, "sent_ns": sent_ns}, rows)
    assert held.detail["lateness_p99_us"] == 0
    assert held.sent_ns[2] - held.intended_ns[2] == 890_000_000


@pytest.mark.system
def test_streams_are_whole_and_datagrams_as_the_network_makes_them(one_block: OneBlock) -> None:
    chosen: dict[str, Any] = {
        "disorder": (0, 0.1), "rate_mbit": (100,), "loss": (0.1,), "chunks": (100,),
    }  # fmt: skip
    trials = one_block(HERE, **chosen)
    assert len(trials) == 8
    for one in trials:
        metrics, levels = one.outcome.metrics, one.treatment
        assert metrics["dropped_packets"] > 0
        if levels["variant"] in ("tcp", "quic_stream"):
            assert {name: metrics[name] for name in WHOLE} == WHOLE
            assert one.outcome.findings == ()
        elif levels["disorder"] == 0:
            assert metrics["missing"] == metrics["dropped_packets"] >= 6
            assert metrics["twice_share"] == 0
        else:
            assert metrics["out_of_order_share"] > 0
            # A packet number is taken once; a UDP datagram has none.
            assert (metrics["twice_share"] > 0) == (levels["variant"] == "udp")


@pytest.mark.system
def test_at_a_bottleneck_udp_loses_and_tcp_holds_its_sender(one_block: OneBlock) -> None:
    chosen: dict[str, Any] = {
        "variant": ("udp", "tcp"), "disorder": (0,), "rate_mbit": (0.6,), "loss": (0,), "chunks": (100,),
    }  # fmt: skip
    trials = one_block(HERE, **chosen)
    seen = {one.treatment["variant"]: one.outcome.metrics for one in trials}
    assert seen["udp"]["missing"] == seen["udp"]["dropped_packets"] > 30
    assert seen["tcp"]["missing"] == 0
    assert seen["tcp"]["held_p75_ms"] > 50
