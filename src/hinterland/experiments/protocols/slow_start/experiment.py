"""Fetches a file and counts its flights, or downloads without end while pings pass."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from hinterland import (
    Assumption,
    Finding,
    History,
    Outcome,
    Trial,
    WitnessEvent,
    matches,
    never,
    ratio_at_least,
)
from hinterland.checkers.assumptions import fastest_agree
from hinterland.model.experiment import Where
from hinterland.rig.link.settings import HostSettings
from hinterland.rig.link.shape import Shape

SYSTEMS = Path(__file__).parent / "systems"
PORT = 7000
FETCHES = 8
LADDER_PACKETS = 80  # The first fetch and little more: what the packet view shows.
PATIENCE_S = 60
# What of a stream is left out, and what counts. BBR first fills the queue, then drains it; where of a hundred
# packets one is lost there is none, but CUBIC's pace shows more slowly.
SETTLE_S, WINDOW_S = 0.8, 0.3
LOSSY_SETTLE_S, LOSSY_WINDOW_S = 0.7, 0.8
MOST_PACKETS = 30_000  # More than a path of 200 Mbit/s carries while a stream runs.
SEGMENT_BYTES = 1448  # What a packet of 1,500 bytes carries beside its headers and timestamps.
QUEUES: dict[str, dict[str, Any]] = {
    "long": {"queue_ms": 500.0},
    "short": {"queue_ms": 20.0},
    "codel": {"queue_ms": 500.0, "discipline": "codel"},
}
EARLY = 0.05  # By so much of a round trip a link may be early; everything else can only add.
LEAST_QUEUE_MS = 5.0  # What CoDel lets stand: less is no queue, and a ratio of two such waits says nothing.

FETCH: Where = {"task": "fetch", "variant": "cubic"}
FRESH: Where = {**FETCH, "connection": "fresh"}
WARM: Where = {"connection": "warm"}
STREAM: Where = {"task": "stream", "loss": 0}
LOSSY: Where = {"task": "stream", "loss": 0.01, "queue": "long"}
CUBIC: Where = {"variant": "cubic"}
BBR: Where = {"variant": "bbr"}
CODEL: Where = {"queue": "codel"}

CLAIMS = {
    "computed_rounds": never(
        finding="another_number_of_rounds", where=FRESH, control={**WARM, "initcwnd": 1}, at_most=0.06
    ),
    "time_is_rounds": matches(
        metric="fetch_ms", oracle="computed_ms", within=1.5, where=FRESH, control={**WARM, "initcwnd": 1}
    ),
    "a_larger_beginning": ratio_at_least(
        metric="fetch_ms", ratio=1.7, more={"initcwnd": 1}, less={"initcwnd": 30}, where=FRESH, control=WARM
    ),
    "bbr_stands": ratio_at_least(
        metric="throughput_mbit", ratio=5, more=BBR, less=CUBIC, where=LOSSY, control={"loss": 0}
    ),
    "cubic_fills_queues": ratio_at_least(
        metric="queue_ms", ratio=3, more=CUBIC, less=BBR, where={**STREAM, "queue": "long"}, control=CODEL
    ),
    "codel_cures": ratio_at_least(
        metric="queue_ms", ratio=3, more={"queue": "long"}, less=CODEL, where={**STREAM, **CUBIC}, control=BBR
    ),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    link = await t.rig.link(
        rtt_ms=t["rtt_ms"],
        down=Shape(drop=drops(t)),
        rate_mbit=t["rate_mbit"] or None,
        server=HostSettings(congestion=t["variant"], initcwnd=t["initcwnd"]),
        packets=t["task"] == "fetch",
        packets_limit=LADDER_PACKETS,
        **(QUEUES[t["queue"]] if t["rate_mbit"] else {}),
    )
    address = link.server.address
    # Beside a stream that loses packets there are no pings: all that is lost is the stream's.
    alone = ["alone"] if t["loss"] else []
    times_s = (LOSSY_SETTLE_S, LOSSY_WINDOW_S) if t["loss"] else (SETTLE_S, WINDOW_S)
    program: list[Any] = [SYSTEMS / "stream.py", address, PORT, *times_s, *alone]
    if t["task"] == "fetch":
        program = [SYSTEMS / "fetch.py", address, PORT, t["size_kib"] * 1024, t["connection"], FETCHES]
    # Both take their time to load; the client connects when it is told to begin.
    client, _ = await asyncio.gather(
        t.rig.start(program, name="client", host=link.client, waits=True),
        t.rig.start([SYSTEMS / "server.py", address, PORT], name="server", host=link.server, port=PORT),
    )
    t.phase("measure")
    client.tell()
    if await client.wait(PATIENCE_S) != 0:
        raise client.failure("did not finish.")
    t.phase("final")
    for name, value in json.loads(client.log().splitlines()[-1]).items():
        t.reading(name, value)


def drops(t: Trial) -> tuple[str, ...]:
    """Returns which of the sender's packets are lost: one in each stretch of 1 / loss of them, by lot.

    So each trial loses as many. With every packet at its own risk, CUBIC's throughput in half a second lay
    anywhere between 3 and 11 Mbit/s at 1 %.
    """
    stretches = round(MOST_PACKETS * t["loss"])
    places = [(n + t.random.random()) / t["loss"] for n in range(stretches)]
    return tuple(f"data:{1 + int(place)}" for place in places)


def outcome(h: History) -> Outcome:
    return of_fetches(h) if h.treatment["task"] == "fetch" else of_stream(h)


def of_fetches(h: History) -> Outcome:
    """Counts the flights in which each fetch arrived: what came within half a round trip came together.

    Where a stall tears a flight apart or joins two, the time of the last byte tells: each flight takes a
    round trip, and few stalls take one more. So a fetch is at odds with the computed number when both are.
    """
    rtt_ms = float(h.treatment["rtt_ms"])
    fetches = [np.array(each, float) for each in h.readings["arrivals"]]
    rounds = [1 + int((np.diff(each[:, 0]) / 1000 > rtt_ms / 2).sum()) for each in fetches]
    took_ms = [float(each[-1, 0]) / 1000 for each in fetches]
    # Whatever else the machine does can only add: the fastest shows best what the flights take.
    metrics = {"fetch_ms": min(took_ms), "rounds": float(np.median(rounds))}
    sound = (on_time(h, rtt_ms / 4), fastest_agree("fetches", took_ms, rtt_ms / 4))
    expected = computed_rounds(h)
    if expected is None:
        return Outcome(metrics=metrics, assumptions=sound)
    metrics |= {"computed_rounds": float(expected), "computed_ms": expected * rtt_ms}
    findings = [
        another_number(place, fetches[place], found, expected, rtt_ms)
        for place, (found, ms) in enumerate(zip(rounds, took_ms, strict=True))
        if expected not in (found, math.floor(ms / rtt_ms + EARLY))
    ]
    return Outcome(
        metrics=metrics,
        findings=tuple(findings),
        tries={"another_number_of_rounds": len(rounds)},
        assumptions=sound,
    )


def on_time(h: History, most_ms: float) -> Assumption:
    """Decides whether nothing was held up for so long that flights could fall apart or meet."""
    audits = [event.detail for event in h.events if event.kind == "link" and event.name == "audit"]
    link_ms = max(((audit.get("lateness_max_us") or 0) / 1000 for audit in audits), default=0.0)
    client_ms = float(h.readings["late_ms"])
    return Assumption(
        id="flights_undisturbed",
        says=f"neither the client nor the link was held up for a quarter of a round trip, {most_ms:g} ms",
        held=max(client_ms, link_ms) < most_ms,
        measured=f"client {client_ms:.3g} ms, link {link_ms:.3g} ms",
        timed=True,
        late_ms=max(client_ms, link_ms),
    )


def computed_rounds(h: History) -> int | None:
    """Returns in how many flights the file leaves if the window doubles with each from initcwnd on.

    None where something else decides: loss, a rate, or BBR, which spreads a flight over the round trip.
    """
    levels = h.treatment
    if levels["loss"] or levels["rate_mbit"] or levels["variant"] == "bbr":
        return None
    segments = math.ceil(int(levels["size_kib"]) * 1024 / SEGMENT_BYTES)
    # 1 + 2 + 4 + ... windows carry 2^rounds - 1 times the first.
    return math.ceil(math.log2(segments / int(levels["initcwnd"]) + 1))


def another_number(
    place: int, arrivals: np.ndarray[Any, Any], found: int, expected: int, rtt_ms: float
) -> Finding:
    """Tells of a fetch that took another number of flights than computed."""
    times_ms, arrived = arrivals[:, 0] / 1000, arrivals[:, 1]
    ends = [*np.flatnonzero(np.diff(times_ms) > rtt_ms / 2), len(times_ms) - 1]
    shown = ends if len(ends) <= 4 else [*ends[:2], *ends[-2:]]
    flights = [
        WitnessEvent(float(times_ms[end]), "client", f"has {int(arrived[end]):,} bytes when a flight ends")
        for end in shown
    ]
    return Finding(
        kind="another_number_of_rounds",
        key=f"fetch {place + 1}",
        says=f"the file came in {found} flights, {expected} were computed",
        witness=(WitnessEvent(0.0, "client", "asks for the file"), *flights),
    )


def of_stream(h: History) -> Outcome:
    """Returns what arrived a second, and how much longer than the empty path a ping took."""
    rtt_ms = float(h.treatment["rtt_ms"])
    pings_ms = [took / 1000 for took in h.readings["pings_us"] if took is not None]
    received = h.readings["received_bytes"]
    metrics = {"throughput_mbit": received * 8 / 1e6 / h.readings["window_s"]}
    if pings_ms:
        metrics["ping_ms"] = float(np.median(pings_ms))
        # What stands, and not what a burst puts there for a moment: nine of ten pings waited longer.
        metrics["queue_ms"] = max(float(np.percentile(pings_ms, 10)) - rtt_ms, LEAST_QUEUE_MS)
    alone = bool(h.treatment["loss"])
    flowed = Assumption(
        id="stream_flowed",
        says="bytes arrived in the window" + ("" if alone else ", and at least ten pings came back"),
        held=received > 0 and (alone or len(pings_ms) >= 10),
        measured=f"{received:,} bytes, {len(pings_ms)} of {len(h.readings['pings_us'])} pings",
    )
    return Outcome(metrics=metrics, assumptions=(flowed,))
