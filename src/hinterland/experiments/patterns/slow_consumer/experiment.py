"""Publishes a feed to subscribers of which one may read slowly, under five policies of the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from hinterland.lab import (
    Assumption,
    Finding,
    History,
    HttpClient,
    LogReady,
    Outcome,
    Process,
    Trial,
    WitnessEvent,
    nats,
)

SYSTEMS = Path(__file__).parent / "systems"
WATCH_S = 0.73  # The feed takes 0.64 s.
PATIENCE_S = 10
LIMITS = {"max_pending": 1_048_576, "max_payload": 65_536}  # 64 messages; by default 4,096.
LEAST_GROWTH_MIB = 1.0  # Less is no backlog, and a ratio of two such growths says nothing.
MIB = 1 << 20
WAITING = ("block", "nats")  # Whose sender is slowed down for the slow one.


async def trial(t: Trial) -> None:
    t.phase("prepare")
    if t["variant"] in ("nats", "nats_no_stall"):
        stall = {"no_fast_producer_stall": True} if t["variant"] == "nats_no_stall" else {}
        server = await t.start(nats({**LIMITS, **stall}))
        watched = server.process
        publisher = t.rig.start([SYSTEMS / "publisher.py", server.url], name="publisher", waits=True)
        feed, *readers = await asyncio.gather(publisher, *start_readers(t, "nats", watched))
    else:
        port = t.rig.free_port()
        command = [SYSTEMS / "server.py", port, t["variant"]]
        watched = feed = await t.rig.start(command, name="server", port=port, waits=True)
        readers = await asyncio.gather(*start_readers(t, "server", watched))
    async with t.rig.probe(watched, interval_s=0.02) as probe:
        t.phase("measure")
        feed.tell()
        await asyncio.sleep(WATCH_S)
        for each in readers:
            each.tell()
        for each in readers:
            if await each.wait(PATIENCE_S) != 0:
                raise each.failure("did not finish.")
    t.phase("final")
    if watched is not feed:
        async with HttpClient("127.0.0.1", server.monitor_port) as monitor:
            t.reading("stalls", (await monitor.get("/varz")).json().get("stalled_clients", 0))
    t.reading("feed", json.loads(feed.log().splitlines()[1]))
    t.reading("fast", json.loads(readers[0].log().splitlines()[-1]))
    t.reading("last", json.loads(readers[1].log().splitlines()[-1]))
    t.reading("rss_bytes", list(zip(probe.t_ns, probe.rss_bytes, strict=True)))


def start_readers(t: Trial, way: str, server: Process) -> Iterator[Awaitable[Process]]:
    """Yields the starts of subscribers, which are done when they have joined; they end when told."""
    slow = [t["slow_rate"]] if t["reader"] == "slow" else []
    for name, words in (("fast", [t["fast"]]), ("last", [1, *slow])):
        command = [SYSTEMS / "readers.py", way, server.port, *words]
        yield t.rig.start(command, name=name, waits=True, ready=LogReady("ready"))


def outcome(h: History) -> Outcome:
    feed, fast, [last] = h.readings["feed"], h.readings["fast"], h.readings["last"]
    everybody = [*((f"fast {place}", each) for place, each in enumerate(fast, 1)), ("the last", last)]
    # What any of them had read by the end was sent to all by then.
    published = max(number for _, each in everybody for number, _ in each["read"])
    found = [
        gap(who, number, missing, each, feed)
        for who, each in everybody
        for missing in missing_in(each, published)
        for number in missing
    ]
    found += [stalled(number, h) for number in range(1, int(h.readings.get("stalls", 0)) + 1)]
    found += [cut_off(who, each, feed) for who, each in everybody if each["cut_ns"]]
    metrics = {
        "growth_mib": max(growth_bytes(h) / MIB, LEAST_GROWTH_MIB),
        "fast_late_ms": float(np.median([late_ms(each, feed) for each in fast])),
        "fast_read": float(np.mean([len(each["read"]) for each in fast])),
        "slow_read": float(len(last["read"])),
        "slow_missed": float(sum(len(missing) for missing in missing_in(last, published))),
    }
    waited = h.treatment["variant"] in WAITING and h.treatment["reader"] == "slow"
    whole = Assumption(
        id="fed",
        says="all was published, or the server made the feed wait for the slow one",
        held=published == int(feed["count"]) or waited,
        measured=f"{published} of {feed['count']} messages",
    )
    return Outcome(
        metrics=metrics,
        findings=tuple(found),
        tries={
            "gap": published * len(everybody),
            "cut_off": len(everybody),
            "sender_stalled": published,
        },
        assumptions=(whole,),
    )


def growth_bytes(h: History) -> int:
    """Returns how much more memory the server has at the end than before: what it keeps for somebody."""
    end_ns = h.readings["last"][0]["ended_ns"]
    sizes = [size for t_ns, size in h.readings["rss_bytes"] if t_ns <= end_ns]
    return int(sizes[-1] - sizes[0])


def numbers(reader: dict[str, Any]) -> list[int]:
    """Returns the messages that were sent to a subscriber, whether it had read them by the end or not."""
    return [number for number, _ in reader["read"]] + list(reader["left"])


def late_ms(reader: dict[str, Any], feed: dict[str, Any]) -> float:
    """Returns how late a subscriber has the latest tenth of all messages that were due, at the least.

    What it never had counts with its age at the end: it was at least as late.
    """
    count = int(feed["count"])
    due_ns = feed["start_ns"] + np.arange(1, count + 1) * feed["every_s"] * 1e9
    had_ns = np.full(count, float(reader["ended_ns"]))
    for number, t_ns in reader["read"]:
        had_ns[number - 1] = t_ns
    return float(np.percentile(had_ns - due_ns, 90)) / 1e6


def missing_in(reader: dict[str, Any], published: int) -> list[range]:
    """Returns the stretches of published messages that were not sent to a subscriber who was connected."""
    sent = [0, *numbers(reader)]
    if not reader["cut_ns"]:
        sent.append(published + 1)
    return [range(one + 1, other) for one, other in pairwise(sent) if other > one + 1]


def gap(who: str, number: int, missing: range, reader: dict[str, Any], feed: dict[str, Any]) -> Finding:
    """Tells of a message that a subscriber was never sent, one of a stretch."""
    at = dict(reader["read"])
    story = [WitnessEvent(number * feed["every_s"] * 1e3, "feed", f"message {number} is due")]
    story += [
        WitnessEvent((at[other] - feed["start_ns"]) / 1e6, who, f"reads message {other}")
        for other in (missing.start - 1, missing.stop)
        if other in at
    ]
    if missing.stop not in at:
        end_ms = (reader["ended_ns"] - feed["start_ns"]) / 1e6
        story.append(WitnessEvent(end_ms, who, f"is connected; message {number} is not on its way"))
    story.sort(key=lambda event: event.t_ms)
    return Finding(
        "gap", f"{who}, message {number}", f"message {number} was left out for {who}", tuple(story)
    )


def stalled(number: int, h: History) -> Finding:
    """Tells of a message at which the broker made its sender wait; when, the broker does not say."""
    last, start_ns = h.readings["last"][0], h.readings["feed"]["start_ns"]
    read, t_ns = last["read"][-1]
    story = (
        WitnessEvent((t_ns - start_ns) / 1e6, "the last", f"reads message {read}"),
        WitnessEvent(
            (last["ended_ns"] - start_ns) / 1e6, "nats", f"has stalled senders {h.readings['stalls']} times"
        ),
    )
    return Finding("sender_stalled", f"stall {number}", "the sender had to wait", story)


def cut_off(who: str, reader: dict[str, Any], feed: dict[str, Any]) -> Finding:
    """Tells of a subscriber whose connection the server has closed."""
    number, t_ns = reader["read"][-1]
    start_ns = feed["start_ns"]
    story = (
        WitnessEvent((t_ns - start_ns) / 1e6, who, f"reads message {number}, its last"),
        WitnessEvent((reader["cut_ns"] - start_ns) / 1e6, who, "finds that its connection was closed"),
    )
    return Finding("cut_off", who, f"{who} was cut off after message {number} of {feed['count']}", story)
