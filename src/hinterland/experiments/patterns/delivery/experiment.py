"""Lets an audience follow a feed, publishes events at random moments, and times each one's way."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hinterland import Assumption, History, Outcome, Trial, matches, ratio_at_least
from hinterland.load.audience import Audience, EventStream, Follower, LongPolling, ShortPolling, WebSocketFeed
from hinterland.load.client import HttpClient
from hinterland.model.claims import RatioAtLeast
from hinterland.model.experiment import Where
from hinterland.model.history import UNFINISHED
from hinterland.statistics.percentiles import percentile

SYSTEMS = Path(__file__).parent / "systems"
HOST = "127.0.0.1"
DURATION_S = 0.8
PATIENCE_S = 1.0  # After the last poll; what is not there then is lost.

RARE: Where = {"event_rate": 5}
POLLING: Where = {"variant": "short_polling"}
SLOWLY: Where = {"interval_ms": 500}
EAGERLY: Where = {"interval_ms": 10}


def sooner(variant: str) -> RatioAtLeast:
    """Push against a poll every 500 ms; against one every 10 ms, push is only a few times sooner."""
    push: Where = {"variant": variant, **SLOWLY}
    return ratio_at_least(
        metric="latency_p50_ms", ratio=40, more={**POLLING, **SLOWLY}, less=push, where=RARE, control=EAGERLY
    )


CLAIMS = {
    "long_polling_is_push": sooner("long_polling"),
    "sse_is_push": sooner("sse"),
    "websocket_is_push": sooner("websocket"),
    "half_the_interval": matches(
        metric="latency_p50_ms",
        oracle="half_interval_ms",
        within=1.5,
        where={**POLLING, **SLOWLY, **RARE},
        control={"variant": "sse"},
    ),
    "price_of_eagerness": ratio_at_least(
        metric="requests_per_event",
        ratio=10,
        more={**POLLING, **EAGERLY, **RARE},
        less={"variant": "long_polling", **EAGERLY, **RARE},
        control={"event_rate": 100},
    ),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    port = t.rig.free_port()
    server = await t.rig.start([SYSTEMS / "server.py", port], name="server", port=port)
    count = max(1, round(t["event_rate"] * DURATION_S))
    # A Poisson process, given its count: moments with which no schedule is in step.
    moments_ms = sorted(t.random.uniform(0, DURATION_S * 1000) for _ in range(count))
    followers = [follower(t, place) for place in range(t["clients"])]
    async with Audience(followers, HOST, port) as audience, HttpClient(HOST, port) as newsroom:
        t.phase("measure")
        cpu_s = t.rig.usage(server).cpu_s
        await newsroom.post("/publish", json=moments_ms)
        await audience.listen(DURATION_S, events=count, patience_s=t["interval_ms"] / 1000 + PATIENCE_S)
        t.reading("server_cpu_s", t.rig.usage(server).cpu_s - cpu_s)
        t.reading("requests", sum(each.requests for each in followers))
        t.reading("bytes", sum(each.bytes_sent + each.bytes_received for each in followers))
        t.reading("received", sum(len(each.received) for each in followers))
        t.reading("asked_to_publish", count)
        t.phase("final")
        published = (await newsroom.get("/poll?after=0")).json()
        t.load("deliveries", audience.sample({event["id"]: event["published_ns"] for event in published}))


def follower(t: Trial, place: int) -> Follower:
    """Returns one client. Those who poll are spread evenly over the interval, as a large audience is."""
    match t["variant"]:
        case "short_polling":
            interval_s = t["interval_ms"] / 1000
            phase_s = interval_s * (place + t.random.random()) / t["clients"]
            return ShortPolling("/poll", interval_s=interval_s, phase_s=phase_s)
        case "long_polling":
            return LongPolling("/wait")
        case "sse":
            return EventStream("/stream")
        case _:
            return WebSocketFeed("/socket")


def outcome(h: History) -> Outcome:
    sample, readings = h.loads["deliveries"], h.readings
    arrived = sample.done_ns != UNFINISHED
    latency_ms = np.where(arrived, (sample.done_ns - sample.sent_ns) / 1e6, np.inf)
    once = int(arrived.sum())
    deliveries = max(once, 1)
    metrics = {
        "half_interval_ms": float(h.treatment["interval_ms"]) / 2,
        "requests_per_event": readings["requests"] / deliveries,
        "bytes_per_event": readings["bytes"] / deliveries,
        "server_cpu_us": readings["server_cpu_s"] * 1e6 / deliveries,
    }
    for name, q in (("latency_p50_ms", 50), ("latency_p90_ms", 90)):
        value = percentile(latency_ms, q)
        if value is not None and np.isfinite(value.estimate):
            metrics[name] = value.estimate
    wanted = readings["asked_to_publish"] * int(h.treatment["clients"])
    everything = Assumption(
        id="delivered_once",
        says="every event was published and reached every client exactly once",
        held=once == readings["received"] == len(arrived) == wanted,
        measured=f"{once:,} of {wanted:,} arrived, {readings['received'] - once:,} of them twice",
    )
    return Outcome(metrics=metrics, assumptions=(everything,))
