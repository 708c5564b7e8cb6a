"""Recorded trials give the outcome they must; real ones wait where the kernel makes them wait."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from hinterland.lab import PacketLog
from hinterland.lab.testing import HEAD_BYTES, OneBlock, experiment_of, history

HERE = experiment_of(__file__)


def test_a_trial_of_few_exchanges_is_no_evidence() -> None:
    kept = HERE.recorded.trial("two_writes_wait")
    kept["readings"]["exchanges_us"] = kept["readings"]["exchanges_us"][:5]
    outcome = HERE.recorded.outcome(kept)
    assert [each.measured for each in outcome.assumptions if not each.held] == ["5 exchanges"]


def test_an_exchange_is_believed_in_noise_where_the_quicker_ones_agree() -> None:
    kept = HERE.recorded.trial("two_writes_wait")
    exchanges_us = kept["readings"]["exchanges_us"]
    # All but one were held up by 10 ms.
    kept["readings"]["exchanges_us"] = [*(each + 10_000 for each in exchanges_us[:-1]), exchanges_us[-1]]
    broken = [each for each in HERE.recorded.outcome(kept).assumptions if not each.held]
    assert [(each.id, each.timed) for each in broken] == [("quick_ones_agree", True)]
    kept["readings"]["exchanges_us"] = []
    assert "exchange_ms" not in HERE.recorded.outcome(kept).metrics


def test_stalls_of_most_exchanges_change_nothing() -> None:
    kept = HERE.recorded.trial("no_delay")
    took = kept["readings"]["exchanges_us"]
    quiet_ms = HERE.recorded.outcome(kept).metrics["exchange_ms"]
    took[2:-12] = [each + 80_000 for each in took[2:-12]]
    assert HERE.recorded.outcome(kept).metrics["exchange_ms"] == pytest.approx(quiet_ms, rel=0.05)


def test_only_the_clients_packets_with_a_payload_count() -> None:
    size_bytes = np.array([60, 60, 52, 152, 52, 452, 152], np.int32)
    source = np.array([0, 1, 0, 0, 1, 0, 1], np.int16)
    count = len(source)
    log = PacketLog(
        hosts=("client", "server"),
        source=source,
        destination=1 - source,
        sent_ns=np.arange(count, dtype=np.int64),
        done_ns=np.arange(count, dtype=np.int64) + 1,
        size_bytes=size_bytes,
        fate=np.zeros(count, np.int8),
        duplicate=np.zeros(count, np.bool_),
        head=np.zeros((count, HEAD_BYTES), np.uint8),
    )
    kept = HERE.recorded.trial("two_writes_wait")
    kept["readings"]["exchanges_us"] = [20_000.0]
    with_packets = replace(history(kept), packets={"link": log})
    assert HERE.outcome(with_packets).metrics["packets_per_request"] == 2


def test_the_waiting_way_says_so() -> None:
    for client in ("client.py", "client.js"):
        assert "wrong on purpose" in (HERE.folder / "systems" / client).read_text()


@pytest.mark.system
def test_two_writes_wait_for_the_acknowledgement_and_nothing_else_does(one_block: OneBlock) -> None:
    trials = one_block(HERE, "program:node")
    seen: dict[tuple[Any, ...], dict[str, float]] = {}
    for one in trials:
        levels = one.treatment
        metrics = one.outcome.metrics
        seen[levels["variant"], levels["receiver"], levels["rtt_ms"], levels["client"]] = metrics
        # On a machine at its limit a packet may be sent again.
        packets = 2 if levels["variant"] in ("two_writes", "no_delay") else 1
        assert packets <= metrics["packets_per_request"] < packets + 0.5
    for client in ("python", "node"):
        waiting, cured = seen["two_writes", "delayed", 10, client], seen["no_delay", "delayed", 10, client]
        assert waiting["exchange_ms"] > 2 * cured["exchange_ms"]
        assert waiting["exchange_ms"] >= 59, "the delayed acknowledgement lasts 40 ms at the least"
        assert cured["exchange_ms"] >= 10
    assert seen["two_writes", "quick", 10, "python"]["exchange_ms"] >= 20, "Nagle alone: one more round trip"
    assert seen["two_writes", "delayed", 0, "python"]["exchange_ms"] >= 39
    assert seen["two_writes", "quick", 0, "python"]["exchange_ms"] < 20
