"""Recorded trials give the outcome they must; real ones show the order of the five ways of delivery."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
from typing import Any

import pytest

from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)


def test_an_event_that_came_twice_is_no_evidence() -> None:
    recorded = HERE.recorded.trial("streamed")
    recorded["readings"]["received"] += 1
    once = HERE.recorded.outcome(recorded).assumptions[0]
    assert not once.held
    assert "1 of them twice" in once.measured


def test_only_who_can_not_be_called_may_miss_an_event() -> None:
    recorded = HERE.recorded.trial("half_shut_out")
    shut_out = HERE.recorded.outcome(recorded)
    assert shut_out.tries["missed"] == len(shut_out.findings) == 60
    assert shut_out.assumptions[0].held
    deliveries = recorded["loads"]["deliveries"]
    deliveries["done_us"][deliveries["connection"].index(4)] = None
    recorded["readings"]["received"] -= 1
    assert not HERE.recorded.outcome(recorded).assumptions[0].held
    recorded["readings"]["gone"] = ["the server closed the connection"]
    assert "a client stopped: the server closed" in HERE.recorded.outcome(recorded).assumptions[0].measured


def test_stalls_that_strike_most_events_move_the_median_but_not_the_soonest_event() -> None:
    recorded = HERE.recorded.trial("streamed")
    calm = HERE.recorded.outcome(recorded).metrics
    deliveries = recorded["loads"]["deliveries"]
    first_us = min(deliveries["sent_us"])
    for place, sent_us in enumerate(deliveries["sent_us"]):
        if sent_us != first_us:
            deliveries["done_us"][place] += 300_000
    outcome = HERE.recorded.outcome(recorded)
    stalled = outcome.metrics
    assert stalled["latency_p50_ms"] > 300 > 100 * calm["latency_p50_ms"]
    assert stalled["told_after_ms"] == calm["told_after_ms"] == 3
    assert [each.id for each in outcome.assumptions if not each.held] == ["events_agree"], (
        "one came undelayed"
    )


def test_a_webhook_is_tried_until_it_is_taken_and_events_stay_in_order() -> None:
    webhooks = runpy.run_path(str(HERE.folder / "systems" / "webhooks.py"))
    answers = iter(["500 Oops", "", "204 No Content", "204 No Content"])
    came: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                came.append((await reader.readexactly(length)).decode())
                if not (status := next(answers)):
                    break
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async def scenario() -> None:
        all_had, asked = asyncio.Event(), []

        async def news(number: int) -> list[str]:
            asked.append(number)
            if number < 2:
                return ["first", "second"][number:]
            all_had.set()
            return await asyncio.Future()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, asyncio.timeout(60):
            delivering = asyncio.create_task(
                webhooks["deliver"](f"http://127.0.0.1:{port}/me", news, after=0)
            )
            await all_had.wait()
            delivering.cancel()
        assert asked == [0, 2]

    asyncio.run(scenario())
    assert came == ["first", "first", "first", "second"]


@pytest.mark.system
def test_every_way_delivers_each_event_once_at_its_own_price(one_block: OneBlock) -> None:
    trials = one_block(HERE)
    seen: dict[tuple[Any, ...], dict[str, float]] = {}
    for one in trials:
        broken = {each.id for each in one.outcome.assumptions if not each.held and not each.timed}
        assert not broken, one.outcome.assumptions
        levels = one.treatment
        if levels["doors"] == "half_shut":
            # 15 clients behind a shut door, 3 events.
            lost = 45 if levels["variant"] == "webhook" else 0
            assert one.outcome.metrics["missed"] == len(one.outcome.findings) == lost
            continue
        # 90 deliveries are too few for a 90th percentile.
        assert set(one.outcome.metrics) | {"latency_p90_ms"} == set(HERE.experiment.metric)
        assert one.outcome.metrics["connections_per_client"] == (2 if levels["variant"] == "webhook" else 1)
        seen[levels["variant"], levels["interval_ms"], levels["event_rate"]] = one.outcome.metrics
    events = 3
    assert seen["sse", 1000, 5]["requests_per_event"] == 1 / events
    assert seen["websocket", 1000, 5]["requests_per_event"] == 1 / events
    assert seen["webhook", 1000, 5]["requests_per_event"] == (events + 1) / events
    assert 1 < seen["long_polling", 1000, 5]["requests_per_event"] <= (events + 1) / events
    lazy, eager = seen["short_polling", 1000, 5], seen["short_polling", 10, 5]
    assert 300 < lazy["latency_p50_ms"] < 700
    assert eager["requests_per_event"] > 10 * lazy["requests_per_event"]
    assert eager["latency_p50_ms"] < lazy["latency_p50_ms"] / 5
    assert seen["short_polling", 10, 100]["requests_per_event"] < eager["requests_per_event"] / 5
