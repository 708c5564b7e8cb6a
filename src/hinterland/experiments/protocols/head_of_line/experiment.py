"""Sends twenty feeds to one reader, loses a packet on purpose, and sees which messages wait for it."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hinterland.lab import (
    FATES,
    UNFINISHED,
    Assumption,
    Finding,
    History,
    Host,
    HostSettings,
    LoadSample,
    LogReady,
    Outcome,
    PacketLog,
    Shape,
    Trial,
    UsageError,
    WitnessEvent,
    caddy,
    certificate,
    until_ready,
)

SYSTEMS = Path(__file__).parent / "systems"
PORT, RATE_PER_S, FEEDS = 8443, 100, 20
LATE_MS = 15
STALL_MS = 8
"""A reader that was not given the processor for so long may have made a message late itself."""
GAP_NS = round(1e9 / RATE_PER_S)
MESSAGE_BYTES, OBJECTS, OBJECT_BYTES = 1000, 50, 10_000
WINDOW_PACKETS = 100
Rows = list[list[int]]
"""A reader's notebook: [number, due_ns, sent_ns, done_ns, arrival] for each message."""

PROGRAMS = {
    "http1_x6": ("http1_feed.py", 6),
    "http2": ("http2_feed.py", FEEDS),
    "http3": ("http3_feed.py", FEEDS),
    "http3_one": ("http3_feed.py", 1),
    "udp": ("udp_feed.py", FEEDS),
}
"""What serves a variant, and on how many answers the twenty feeds come."""
BROWSERS = {"http1_x6": "http1", "http2": "http2", "http3": "http3"}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    still = Shape(delay_ms=t["rtt_ms"] / 2)
    # With wide windows on TCP as on QUIC, a message waits for a repair, never for permission to leave. A page
    # comes as fast as it may, with the windows that servers have.
    window = HostSettings(initcwnd=WINDOW_PACKETS) if t["load"] == "feeds" else HostSettings()
    link = await t.rig.link(up=still, down=still, server=window, packets=True)
    received = t.scratch / "received.json"
    serve, follow = (feeds if t["load"] == "feeds" else page)(t, link.server)
    # Both take their time to load; the reader connects when it is told to.
    reader, _ = await asyncio.gather(
        t.rig.start([*follow, "--out", received], name="reader", host=link.client, waits=True), serve
    )
    reader.tell("connect")
    await until_ready(reader, LogReady("connected"))
    # Connections are made on a sound link, so that no trial begins with a lost handshake.
    if t["load"] == "feeds":
        await link.change(down=replace(still, drop=drops(t.random, t["messages"], t["loss_percent"])))
    else:
        await link.change(down=replace(still, loss=t["loss_percent"] / 100))
    t.phase("measure")
    reader.tell("begin")
    await until_ready(reader, LogReady("done"))
    reader.hang_up()
    t.phase("final")
    result = json.loads(received.read_text())
    if t["load"] == "page":
        t.loaded("page", page_sample(result))
        return
    t.loaded("feeds", sample(result["rows"], t["messages"]))
    t.reading("arrivals", arrivals(result["rows"], t["messages"]))
    t.reading("stalls", result["stalls"])


def feeds(t: Trial, host: Host) -> tuple[Awaitable[Any], list[Any]]:
    """Returns the start of this variant's newsroom, and the command of its reader."""
    program, parts = PROGRAMS[t["variant"]]
    ends = [host.address, PORT, "--count", t["messages"], "--rate", RATE_PER_S, "--parts", parts]
    command = [SYSTEMS / program, "serve", *ends]
    start = t.rig.start(command, name="newsroom", host=host, ready=LogReady("listening"))
    return start, [SYSTEMS / program, "follow", *ends]


def page(t: Trial, host: Host) -> tuple[Awaitable[Any], list[Any]]:
    """Returns the start of Caddy with the page's objects, and the command of the browser that loads them."""
    if t["variant"] not in BROWSERS:
        raise UsageError(
            f"variant={t['variant']}, load=page: no browser loads a page so.",
            f"Give --set load=page --set variant={','.join(BROWSERS)}.",
        )
    folder = t.rig.folder("objects")
    for number in range(OBJECTS):
        (folder / str(number)).write_bytes(t.random.randbytes(OBJECT_BYTES))
    signed = certificate(t.cache, ["page"])
    body = f"root * {folder}\n    file_server"
    start = t.start(caddy(body, certificate=signed, protocols="h1 h2 h3", host=host, port=PORT))
    return start, [SYSTEMS / "page.py", BROWSERS[t["variant"]], host.address, PORT, "--objects", OBJECTS]


def drops(random: random.Random, messages: int, loss_percent: float) -> tuple[str, ...]:
    """Returns which packets with payload are lost: `loss_percent` of them, one in each stretch, by lot.

    A loss falls into the first half of its stretch, but not on the first packets: so each is repaired before
    the next and can be seen alone.
    """
    if not loss_percent:
        return ()
    stretch = 100 / loss_percent
    starts = np.arange(0, messages - stretch / 2, stretch)
    return tuple(f"data:{1 + round(start + stretch * random.uniform(0.2, 0.5))}" for start in starts)


def sample(rows: Rows, count: int) -> LoadSample:
    """Returns the messages as a load: due, sent and read. `connection` is the feed.

    One that never came carries no note of when it was due; the pace of the others tells.
    """
    came = {row[0]: row for row in rows}
    first, (_, due_ns, *_) = min(came.items())
    start_ns = due_ns - first * GAP_NS
    all_due_ns = start_ns + np.arange(count, dtype=np.int64) * GAP_NS
    sent_ns, done_ns = all_due_ns.copy(), np.full(count, UNFINISHED, np.int64)
    for number, row in came.items():
        sent_ns[number], done_ns[number] = row[2], row[3]
    return LoadSample(
        intended_ns=all_due_ns,
        sent_ns=sent_ns,
        done_ns=done_ns,
        status=np.zeros(count, np.int16),
        error=np.array(done_ns == UNFINISHED, np.int8),
        connection=np.arange(count, dtype=np.int32) % FEEDS,
        start_ns=start_ns,
        end_ns=int(max(done_ns.max(), start_ns + count * GAP_NS)),
        loop="open",
        errors=("", "never came"),
    )


def arrivals(rows: Rows, count: int) -> list[int]:
    """Returns for each message which delivery of the transport brought it, -1 where none did."""
    came = {row[0]: row[4] for row in rows}
    return [came.get(number, -1) for number in range(count)]


def page_sample(result: dict[str, Any]) -> LoadSample:
    """Returns the page's objects as a load: all are due when the page is asked for."""
    done_ns, status = np.array(result["done_ns"], np.int64), np.array(result["status"], np.int16)
    whole = (status == 200) & (np.array(result["size_bytes"]) == OBJECT_BYTES)
    asked_ns = np.full(len(done_ns), result["asked_ns"], np.int64)
    return LoadSample(
        intended_ns=asked_ns,
        sent_ns=asked_ns,
        done_ns=done_ns,
        status=status,
        error=np.array(~whole, np.int8),
        connection=np.arange(len(done_ns), dtype=np.int32),
        start_ns=result["asked_ns"],
        end_ns=int(max(result["asked_ns"], done_ns.max())),
        loop="closed",
        errors=("", "not whole"),
    )


def outcome(h: History) -> Outcome:
    return page_outcome(h) if h.treatment["load"] == "page" else feeds_outcome(h)


def feeds_outcome(h: History) -> Outcome:
    messages, rtt_ms = h.loads["feeds"], float(h.treatment["rtt_ms"])
    came = messages.done_ns != UNFINISHED
    excess_ms = np.where(came, (messages.done_ns - messages.sent_ns) / 1e6 - rtt_ms / 2, np.inf)
    stalls = np.array(h.readings["stalls"], np.int64).reshape(-1, 2)
    late = int((excess_ms[came] - asleep_ms(messages.done_ns[came], stalls) > LATE_MS).sum())
    lost = lost_packets(h.packets["link"])
    waits = list(waited(h))
    stall_ms = float(np.diff(stalls).max(initial=0)) / 1e6
    metrics = {
        "late": float(late),
        "late_share": late / len(came),
        "late_odds": (late + 0.5) / (len(came) - late + 0.5),
        "missing": float((~came).sum()),
        "lost_packets": float(lost),
        "late_expected": lost * late_for_one(rtt_ms),
        "waited": float(len(waits)),
        "longest_wait_ms": float(excess_ms[came].max()),
    }
    awake = Assumption(
        id="on_schedule",
        says=f"the reader was never kept from reading for {STALL_MS} ms",
        held=stall_ms < STALL_MS,
        measured=f"{stall_ms:.2g} ms at worst",
        timed=True,
        late_ms=stall_ms,
    )
    return Outcome(
        metrics=metrics,
        findings=tuple(waits),
        tries={"waited_for_another": overtakers(h) + len(waits)},
        assumptions=(awake,),
        series={"excess_ms": [(n / RATE_PER_S, float(ms)) for n, ms in enumerate(excess_ms) if came[n]]},
    )


def asleep_ms(done_ns: NDArray[np.int64], stalls: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns for how long the reader may have been kept from each message that it read at `done_ns`.

    What came while it was not given the processor was read before it noticed how late its clock tick was.
    """
    asleep = np.zeros(len(done_ns))
    for due_ns, noticed_ns in stalls:
        during = (due_ns <= done_ns) & (done_ns <= noticed_ns)
        asleep[during] = (done_ns[during] - due_ns) / 1e6
    return asleep


def late_for_one(rtt_ms: float) -> float:
    """Returns how many messages one lost packet makes late where all wait for it.

    What is sent until the sender knows of the loss is ahead of the repair and waits for it. The next message
    shows the gap, and news of that takes a round trip; a quarter of one more has to pass before Linux takes
    the packet for lost, not for late (tcp_rack_reo_wnd). Who then waits less than LATE_MS is not late.
    """
    gap_ms = 1000 / RATE_PER_S
    known_after_ms = max(gap_ms + rtt_ms, 1.25 * rtt_ms)
    return max((known_after_ms - LATE_MS) / gap_ms + 1, 1.0)


def lost_packets(log: PacketLog) -> int:
    """Returns how many packets that carried a message were lost on their way to the reader."""
    to_reader = log.destination == log.hosts.index("client")
    return int((to_reader & (log.fate != FATES.index("delivered")) & (log.size_bytes > MESSAGE_BYTES)).sum())


def waited(h: History) -> Iterator[Finding]:
    """Yields each message that was given out together with another: the packet that came was not its own.

    That is a fact of order, not of time: however slow the machine, one datagram carries one message.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for number, arrival in enumerate(h.readings["arrivals"]):
        groups[arrival].append(number)
    for first, *others in (group for arrival, group in groups.items() if arrival >= 0):
        for number in others:
            yield told(h.loads["feeds"], first, number)


def told(messages: LoadSample, first: int, number: int) -> Finding:
    began_ns = messages.sent_ns[first]
    sent_ms = [float(messages.sent_ns[n] - began_ns) / 1e6 for n in (first, number)]
    done_ms = float(messages.done_ns[number] - began_ns) / 1e6
    feed, other = number % FEEDS, first % FEEDS
    return Finding(
        kind="waited_for_another",
        key=f"message {number}",
        says=f"message {number} of feed {feed} waited for message {first} of feed {other}",
        witness=(
            WitnessEvent(sent_ms[0], "newsroom", f"sends message {first} of feed {other}"),
            WitnessEvent(sent_ms[1], "newsroom", f"sends message {number} of feed {feed}"),
            WitnessEvent(done_ms, "reader", f"is given messages {first} and {number} by the same packet"),
        ),
    )


def overtakers(h: History) -> int:
    """Returns how many messages were read while one sent before them was still missing, though it came."""
    arrivals: NDArray[np.int64] = np.array([a for a in h.readings["arrivals"] if a >= 0], np.int64)
    slowest_before = np.maximum.accumulate(arrivals)
    return int((arrivals < slowest_before).sum())


def page_outcome(h: History) -> Outcome:
    objects = h.loads["page"]
    took_ms = (objects.done_ns - objects.intended_ns) / 1e6
    whole = objects.error == 0
    metrics = {"lost_packets": float(lost_packets(h.packets["link"]))}
    if whole.all():
        metrics |= {"page_ms": float(took_ms.max()), "object_p50_ms": float(np.median(took_ms))}
    complete = Assumption(
        id="page_whole",
        says="every object came whole",
        held=bool(whole.all()),
        measured=f"{int(whole.sum())} of {len(whole)}",
    )
    return Outcome(metrics=metrics, assumptions=(complete,))
