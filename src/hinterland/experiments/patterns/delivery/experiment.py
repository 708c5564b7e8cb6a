"""Lets an audience follow a feed, publishes events at random moments, and times each one's way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    UNFINISHED,
    Assumption,
    Audiences,
    Finding,
    Following,
    History,
    HttpClient,
    LoadSample,
    Outcome,
    Trial,
    Where,
    WitnessEvent,
    fastest_agree,
    percentile,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST = "127.0.0.1"
DURATION_S = 0.6
PATIENCE_S = 1.0  # After the last poll, or the last event that anybody had; what is not there then is lost.
SHUT_OUT_PATIENCE_S = 0.3  # Where a webhook's doors are shut: there is nobody whom time could help.
AGREE_MS = 50  # Of half a second: thirty polls spread over a second are 33 ms apart.
LEAST_DELAY_MS = 3.0  # What is sooner depends on whom the scheduler of this machine lets run first.

PATIENCE_A_CLIENT_S = 0.001  # For so long a server may be busy with each of the others.
NEWSROOM_S = 20.0  # So long may the server take to get to the newsroom when thousands ask before it.
MOST_TOLD = 1_000

PATHS = {
    "short_polling": "/poll",
    "long_polling": "/wait",
    "sse": "/stream",
    "websocket": "/socket",
    "webhook": "/hooks",
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    port = t.rig.free_port()
    server = await t.rig.start([SYSTEMS / "server.py", port], name="server", port=port)
    count = max(1, round(t["event_rate"] * DURATION_S))
    # A Poisson process, given its count: moments with which no schedule is in step.
    moments_ms = sorted(t.random.uniform(0, DURATION_S * 1000) for _ in range(count))
    followings = [following(t, place) for place in range(t["clients"])]
    shut_out = t["variant"] == "webhook" and t["doors"] != "open"
    patience_s = SHUT_OUT_PATIENCE_S if shut_out else t["interval_ms"] / 1000 + PATIENCE_S
    patience_s += PATIENCE_A_CLIENT_S * t["clients"]
    async with (
        Audiences(followings, HOST, port) as audience,
        HttpClient(HOST, port, timeout_s=NEWSROOM_S) as newsroom,
    ):
        t.phase("measure")
        cpu_s = t.rig.usage(server).cpu_s
        await newsroom.post("/publish", json=moments_ms)
        # Polls go on while nothing happens, and are counted; where all is pushed, the last event is the end.
        until_s = DURATION_S if t["variant"] == "short_polling" or shut_out else 0.0
        heard = await audience.listen(until_s, events=count, patience_s=patience_s)
        t.reading("server_cpu_s", t.rig.usage(server).cpu_s - cpu_s)
        t.reading("requests", heard.requests)
        t.reading("connections", heard.connections)
        t.reading("bytes", heard.bytes)
        t.reading("received", sum(len(arrivals) for arrivals in heard.arrivals))
        t.reading("gone", heard.errors)
        t.reading("asked_to_publish", count)
        t.phase("final")
        published = (await newsroom.get("/poll?after=0")).json()
        t.loaded("deliveries", audience.sample({event["id"]: event["published_ns"] for event in published}))


def following(t: Trial, place: int) -> Following:
    """Returns how one client follows. Those who poll are spread evenly over the interval, as many are."""
    interval_s = t["interval_ms"] / 1000
    return Following(
        t["variant"],
        PATHS[t["variant"]],
        interval_s=interval_s,
        phase_s=interval_s * (place + t.random.random()) / t["clients"],
        reachable=is_reachable(t.treatment, place),
    )


def is_reachable(treatment: Where, place: int) -> bool:
    """Decides whether a connection from outside reaches a client: every second one's door may be shut."""
    return treatment["doors"] == "open" or place % 2 == 0


def outcome(h: History) -> Outcome:
    sample, readings = h.loads["deliveries"], h.readings
    arrived = sample.done_ns != UNFINISHED
    latency_ms = np.where(arrived, (sample.done_ns - sample.sent_ns) / 1e6, np.inf)
    once, wanted = int(arrived.sum()), int(readings["asked_to_publish"]) * int(h.treatment["clients"])
    metrics = {
        "half_interval_ms": float(h.treatment["interval_ms"]) / 2,
        "missed": float(len(arrived) - once),
        "connections_per_client": readings["connections"] / int(h.treatment["clients"]),
    }
    if once:
        metrics["requests_per_event"] = readings["requests"] / once
        metrics["bytes_per_event"] = readings["bytes"] / once
        metrics["server_cpu_us"] = readings["server_cpu_s"] * 1e6 / once
    for name, q in (("latency_p50_ms", 50), ("latency_p90_ms", 90)):
        value = percentile(latency_ms, q)
        if value is not None and np.isfinite(value.estimate):
            metrics[name] = value.estimate
    agree: tuple[Assumption, ...] = ()
    if soonest_ms := medians(sample.sent_ns, latency_ms):
        agree = (fastest_agree("events", soonest_ms, AGREE_MS),) if len(soonest_ms) > 1 else ()
        metrics["told_after_ms"] = max(soonest_ms[0], LEAST_DELAY_MS)
    # Who can't be called may miss events; whether they do is what such a trial finds out.
    shut_out = np.array([not is_reachable(h.treatment, int(place)) for place in sample.connection], bool)
    everything = Assumption(
        id="delivered_once",
        says="every event was published and reached every client that can be reached, exactly once",
        held=bool((arrived | shut_out).all()) and once == readings["received"] and len(arrived) == wanted,
        measured=f"{once:,} of {wanted:,} arrived, {readings['received'] - once:,} of them twice"
        + "".join(f"; a client stopped: {cause}" for cause in readings["gone"][:1]),
    )
    lost = np.flatnonzero(~arrived)
    return Outcome(
        metrics=metrics,
        findings=tuple(missed(sample, int(place)) for place in lost[:MOST_TOLD]),
        tries={"missed": int(shut_out.sum())},
        assumptions=(everything, *agree),
    )


def medians(published_ns: NDArray[np.int64], latency_ms: NDArray[np.float64]) -> list[float]:
    """Returns the median delay over the clients of each event that most of them had, the soonest first.

    What time a stall adds, it adds to some events. A poll has its half interval in each of them.
    """
    each = [np.median(latency_ms[published_ns == moment_ns]) for moment_ns in np.unique(published_ns)]
    return sorted(float(median) for median in each if np.isfinite(median))


def missed(sample: LoadSample, place: int) -> Finding:
    """Tells of a delivery that did not happen."""
    client = f"client {int(sample.connection[place]) + 1}"
    published = np.unique(sample.sent_ns)
    event = int(np.searchsorted(published, sample.sent_ns[place])) + 1
    return Finding(
        kind="missed",
        key=f"event {event} to {client}",
        says=f"{client} did not get event {event} of {len(published)}",
        witness=(
            WitnessEvent(
                float(sample.sent_ns[place] - sample.start_ns) / 1e6, "server", "publishes the event"
            ),
            WitnessEvent(
                float(sample.end_ns - sample.start_ns) / 1e6, client, "is still without it; others have it"
            ),
        ),
    )
