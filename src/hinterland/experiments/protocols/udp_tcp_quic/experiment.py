"""Sends numbered chunks through a network that loses, shuffles or chokes, and reads the receiver's ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hinterland.lab import (
    FATES,
    UNFINISHED,
    Finding,
    History,
    LoadSample,
    LogReady,
    Outcome,
    PacketLog,
    Shape,
    Trial,
    WitnessEvent,
    until_ready,
)

SYSTEMS = Path(__file__).parent / "systems"
PORT, RATE_PER_S, CHUNK_BYTES = 9000, 250, 600
QUEUE_MS, HELD_BACK_MS = 100, 6
PATIENCE_S = 30
STRAGGLERS_S = 0.02  # What left before the sender's last word is here so soon after it, and the queue.
STRETCH = 10  # Of so many chunks one is lost, where a tenth is.
KIND = "lost_or_out_of_order"
Rows = list[list[int]]
"""A receiver's ledger: [number, due_ns, done_ns, intact], in the order of arrival."""

PROGRAMS = {
    "udp": ("udp.py", "datagram"),
    "tcp": ("tcp.py", "stream"),
    "quic_stream": ("quic.py", "stream"),
    "quic_datagram": ("quic.py", "datagram"),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    way = Shape(delay_ms=t["rtt_ms"] / 2)
    link = await t.rig.link(up=way, down=way, packets=True)
    program, kind = PROGRAMS[t["variant"]]
    ends = [link.server.address, PORT, "--kind", kind, "--count", t["chunks"], "--rate", RATE_PER_S]
    ledger, notes = t.scratch / "received.json", t.scratch / "sent.json"
    quiet_s = STRAGGLERS_S + QUEUE_MS / 1000 * (t["rate_mbit"] < 100)
    receive = [SYSTEMS / program, "receive", *ends, "--quiet-s", quiet_s, "--out", ledger]
    send = [SYSTEMS / program, "send", *ends, "--out", notes]
    # Both take their time to load; the sender does nothing before it is told to.
    receiver, sender = await asyncio.gather(
        t.rig.start(receive, name="receiver", host=link.server, ready=LogReady("listening")),
        t.rig.start(send, name="sender", host=link.client, waits=True),
    )
    sender.tell("connect")
    await until_ready(sender, LogReady("connected"))
    # The connection was made on a sound link: what is compared is what becomes of the bytes.
    await link.change(up=network(t))
    t.phase("measure")
    sender.tell("send")
    await until_ready(sender, LogReady("done"))
    if kind == "datagram":
        # Where chunks may be lost a receiver can't know the end. The sender's word comes over a sound link.
        await link.change(up=way)
        sender.tell("end")
    if await receiver.wait(PATIENCE_S) != 0:
        raise receiver.failure("it ended before it was done.")
    sender.hang_up()
    t.phase("final")
    t.loaded("chunks", sample(json.loads(notes.read_text()), json.loads(ledger.read_text())["rows"]))
    t.reading("rows", json.loads(ledger.read_text())["rows"])
    t.reading("sent", json.loads(notes.read_text()))


def network(t: Trial) -> Shape:
    """Returns what the way from the sender does to packets."""
    limit = {} if t["rate_mbit"] >= 100 else {"rate_mbit": t["rate_mbit"], "queue_ms": QUEUE_MS}
    return Shape(
        delay_ms=t["rtt_ms"] / 2,
        drop=drops(t),
        reorder=t["disorder"],
        reorder_ms=HELD_BACK_MS,
        duplicate=t["disorder"],
        **limit,
    )


def drops(t: Trial) -> tuple[str, ...]:
    """Returns which packets with payload are lost: one in each stretch of 1 / loss of them, by lot.

    So every trial loses as many, no transport has the luck of a mild one, and a loss is mostly repaired
    before the next.
    """
    stretches = round(t["chunks"] * t["loss"])
    places = [(n + t.random.uniform(0.2, 0.5)) / t["loss"] for n in range(stretches)]
    return tuple(f"data:{1 + int(place)}" for place in places)


def sample(sent: dict[str, list[int]], rows: Rows) -> LoadSample:
    """Returns the chunks as a load: when each was due, when the sender turned to it, when it first came."""
    due_ns, begun_ns, sent_ns = (np.array(sent[name], np.int64) for name in ("due_ns", "begun_ns", "sent_ns"))
    done_ns = np.full(len(due_ns), UNFINISHED, np.int64)
    for number, _, came_ns, _ in told_apart(rows)[0]:
        done_ns[number] = came_ns
    # Held up by the chunk before is not late: that is how a transport slows its sender.
    free_ns = np.maximum(due_ns, np.concatenate([due_ns[:1], sent_ns[:-1]]))
    p50_us, p99_us = np.percentile((begun_ns - free_ns) / 1e3, (50, 99))
    return LoadSample(
        intended_ns=due_ns,
        sent_ns=begun_ns,
        done_ns=done_ns,
        status=np.zeros(len(due_ns), np.int16),
        error=np.array(done_ns == UNFINISHED, np.int8),
        connection=np.zeros(len(due_ns), np.int32),
        start_ns=int(due_ns[0]),
        end_ns=int(max(sent_ns[-1], done_ns.max())),
        loop="open",
        errors=("", "never came"),
        detail={"lateness_p50_us": float(p50_us), "lateness_p99_us": float(p99_us)},
    )


def outcome(h: History) -> Outcome:
    chunks, rows = h.loads["chunks"], h.readings["rows"]
    due_ns, sent_ns = (np.array(h.readings["sent"][name]) for name in ("due_ns", "sent_ns"))
    came = chunks.done_ns != UNFINISHED
    delay_ms = (chunks.done_ns[came] - chunks.intended_ns[came]) / 1e6
    first, again = told_apart(rows)
    numbers = np.array([row[0] for row in first])
    metrics = {
        "arrived_share": float(came.mean()),
        "missing": float((~came).sum()),
        "out_of_order_share": float((numbers < np.maximum.accumulate(numbers)).sum()) / len(came),
        "twice_share": len(again) / len(came),
        "dropped_packets": float(dropped_packets(h.packets["link"])),
        "delay_p50_ms": float(np.median(delay_ms)),
        "longest_delay_ms": float(delay_ms.max()),
        "slowest_of_ten_ms": slowest_of_ten_ms(chunks),
        "held_p75_ms": float(np.percentile((sent_ns - due_ns) / 1e6, 75)),
        "sending_ms": float(sent_ns[-1] - due_ns[0]) / 1e6,
    }
    sent_s = np.flatnonzero(came) / RATE_PER_S
    return Outcome(
        metrics=metrics,
        findings=(*broken(chunks, rows), *(twice(chunks, row) for row in again)),
        tries={KIND: len(came), "came_twice": len(came)},
        series={"delay_ms": list(zip(sent_s.tolist(), delay_ms.tolist(), strict=True))},
    )


def slowest_of_ten_ms(chunks: LoadSample) -> float:
    """Returns the longest delay of each ten chunks in a row, in the median of the tens.

    Where a tenth is lost, that is the chunk that had to be sent again. A machine that stands still for a
    moment spoils a few of the tens.
    """
    came = chunks.done_ns != UNFINISHED
    delay_ms = np.where(came, (chunks.done_ns - chunks.intended_ns) / 1e6, -np.inf)
    tens = [delay_ms[start : start + STRETCH].max() for start in range(0, len(delay_ms), STRETCH)]
    return float(np.median([each for each in tens if np.isfinite(each)]))


def told_apart(rows: Rows) -> tuple[Rows, Rows]:
    """Returns the rows of intact chunks in the order of arrival: those that came first, and those again."""
    first: dict[int, list[int]] = {}
    again = [row for row in rows if row[3] and first.setdefault(row[0], row) is not row]
    return list(first.values()), again


def dropped_packets(log: PacketLog) -> int:
    """Returns how many packets large enough for a chunk the network dropped on their way to the receiver."""
    data = (log.source == log.hosts.index("client")) & (log.size_bytes > CHUNK_BYTES)
    return int((data & (log.fate != FATES.index("delivered"))).sum())


def broken(chunks: LoadSample, rows: Rows) -> Iterator[Finding]:
    """Yields each chunk that came with other bytes, after one sent later (as RFC 4737 counts), or never."""
    damaged = {row[0]: row for row in rows if not row[3]}
    yield from (spoilt(chunks, row) for row in damaged.values())
    latest = [-1, 0, 0, 1]
    for row in told_apart(rows)[0]:
        if row[0] < latest[0]:
            yield overtaken(chunks, row, latest)
        latest = max(latest, row)
    for number in np.flatnonzero(chunks.done_ns == UNFINISHED):
        if number not in damaged:
            yield lost(chunks, int(number))


def spoilt(chunks: LoadSample, row: list[int]) -> Finding:
    witness = (
        WitnessEvent(0.0, "sender", "begins to send, each chunk with bytes of its own"),
        WitnessEvent(since_ms(chunks, row[2]), "receiver", f"gets other bytes as chunk {row[0]}"),
    )
    return Finding(KIND, f"chunk {row[0]}", f"what came as chunk {row[0]} was not what was sent", witness)


def overtaken(chunks: LoadSample, row: list[int], by: list[int]) -> Finding:
    witness = (
        WitnessEvent(since_ms(chunks, chunks.sent_ns[row[0]]), "sender", f"sends chunk {row[0]}"),
        WitnessEvent(since_ms(chunks, chunks.sent_ns[by[0]]), "sender", f"sends chunk {by[0]}"),
        WitnessEvent(since_ms(chunks, by[2]), "receiver", f"gets chunk {by[0]}"),
        WitnessEvent(since_ms(chunks, row[2]), "receiver", f"gets chunk {row[0]}, which was sent before"),
    )
    return Finding(KIND, f"chunk {row[0]}", f"chunk {row[0]} came after chunk {by[0]}", witness)


def lost(chunks: LoadSample, number: int) -> Finding:
    witness = (
        WitnessEvent(since_ms(chunks, chunks.sent_ns[number]), "sender", f"sends chunk {number}"),
        WitnessEvent(
            since_ms(chunks, chunks.end_ns), "receiver", f"has all that comes; chunk {number} did not"
        ),
    )
    return Finding(KIND, f"chunk {number}", f"chunk {number} never came", witness)


def twice(chunks: LoadSample, row: list[int]) -> Finding:
    witness = (
        WitnessEvent(since_ms(chunks, chunks.sent_ns[row[0]]), "sender", f"sends chunk {row[0]}"),
        WitnessEvent(since_ms(chunks, chunks.done_ns[row[0]]), "receiver", f"gets chunk {row[0]}"),
        WitnessEvent(since_ms(chunks, row[2]), "receiver", f"gets chunk {row[0]} again"),
    )
    return Finding("came_twice", f"chunk {row[0]}", f"chunk {row[0]} came a second time", witness)


def since_ms(chunks: LoadSample, t_ns: int) -> float:
    return float(t_ns - chunks.start_ns) / 1e6
