"""Recorded trials give the outcome they must; real callers and publishers fail or don't as claimed."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_a_message_that_the_stream_lost_is_found() -> None:
    kept = HERE.recorded.trial("kept_for_the_absent")
    away = HERE.recorded.outcome(kept).tries["missed"]
    assert away > 10
    lines = kept["readings"]["received"]["first"]
    back = max(place for place, words in enumerate(lines) if words[0] == "joined")
    lost = lines.pop(back + 5)
    [finding] = HERE.recorded.outcome(kept).findings
    assert (finding.kind, finding.key) == ("missed", f"notification {lost[2]}")


def test_who_is_back_and_hears_before_saying_so_was_not_away() -> None:
    kept = HERE.recorded.trial("published_to_the_absent")
    away = HERE.recorded.outcome(kept).tries["missed"]
    lines = kept["readings"]["received"]["first"]
    joined = next(words for words in reversed(lines) if words[0] == "joined")
    # It is kept from the processor after it has joined, hears three notifications, and only then says so.
    early = [words for words in lines if words[0] == "received" and int(words[3]) > int(joined[1])][:3]
    joined[1] = str(int(early[-1][3]) + 1000)
    outcome = HERE.recorded.outcome(kept)
    assert outcome.tries["missed"] == away
    assert outcome.metrics["missed"] == 100


def test_the_caller_knows_and_the_publisher_does_not() -> None:
    told = {
        name: [one.witness[2].says for one in HERE.recorded.outcome(HERE.recorded.trial(name)).findings]
        for name in ("called_the_dead", "published_to_the_absent")
    }
    assert set(told["called_the_dead"]) == {"could not tell one receiver"}
    assert set(told["published_to_the_absent"]) == {"is done, and knows of no failure"}


def test_notifications_that_were_not_undisturbed_are_no_evidence() -> None:
    kept = HERE.recorded.trial("published_past_the_hung")
    assert HERE.recorded.broken(kept) == []
    kept["readings"]["sender"]["sent"][3][3] = 1
    assert HERE.recorded.broken(kept) == ["undisturbed_before"]


def test_an_event_in_which_nothing_was_due_is_no_evidence() -> None:
    kept = HERE.recorded.trial("published_past_the_hung")
    end = next(each for each in kept["events"] if each["stage"] == "end")
    end["t_ns"] = next(each for each in kept["events"] if each["stage"] == "effect")["t_ns"]
    assert HERE.recorded.broken(kept) == ["it_happened"]


def sender() -> Any:
    """Returns the program of the sender as a module."""
    spec = importlib.util.spec_from_file_location("sender", HERE.folder / "systems" / "sender.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("left_out_s", "calls"), [(0, 3), (60, 1)])
def test_a_breaker_does_not_call_who_did_not_answer(left_out_s: float, calls: int) -> None:
    called: list[bytes] = []

    async def notify_three_times() -> list[int]:
        enough = asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while news := await reader.read(4096):
                called.append(news)
                if len(called) == calls:
                    enough.set()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        way = sender().Concurrent([server.sockets[0].getsockname()[1]], left_out_s)
        await way.open()
        assert not way.leaves_out()
        failed = [await way.notify(b"news") for _ in range(3)]
        assert way.leaves_out() == bool(left_out_s)
        await enough.wait()
        server.close()
        return failed

    assert asyncio.run(notify_three_times()) == [1, 1, 1]
    assert len(called) == calls


@pytest.mark.system
def test_who_fails_when_a_receiver_does(one_block: OneBlock) -> None:
    trials = one_block(HERE)
    seen = {
        tuple(one.treatment[name] for name in ("variant", "receivers", "event")): one.outcome.metrics
        for one in trials
    }
    assert seen["direct", 24, "joins"]["sent_bytes"] > 20 * seen["direct", 1, "joins"]["sent_bytes"]
    assert seen["nats", 24, "joins"]["sent_bytes"] < 1.2 * seen["nats", 1, "joins"]["sent_bytes"]
    # At the same time or one after the other: the same calls, and both wait for the one who hangs.
    at_once, in_turn = (seen[way, 24, "joins"]["sent_bytes"] for way in ("direct_concurrent", "direct"))
    assert at_once == pytest.approx(in_turn, rel=0.01)
    assert seen["direct", 24, "hung"]["during_ms"] > 60
    assert seen["direct_concurrent", 24, "hung"]["during_ms"] > 60
    failed = {way: seen[way, 24, "killed"]["sender_failed"] for way in ("direct", "nats", "jetstream")}
    assert failed == {"direct": 100, "nats": 0, "jetstream": 0}
    missed = {way: seen[way, 24, "killed"]["missed"] for way in ("direct", "nats", "jetstream")}
    assert missed == {"direct": 100, "nats": 100, "jetstream": 0}
    unheard = {way: seen[way, 24, "joins"]["unheard"] for way in ("direct", "direct_concurrent", "nats")}
    assert unheard == {"direct": 100, "direct_concurrent": 100, "nats": 0}
