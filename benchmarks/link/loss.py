"""Loss as the far end sees it: datagrams that were sent and did not come."""

from __future__ import annotations

import secrets
import select
import socket
import struct
from collections.abc import Iterator

from scipy import stats

import hinterland
from benchmarks.link.row import Row

LOSSES = {0.001: 100_000, 0.01: 30_000, 0.02: 30_000, 0.1: 20_000}
"""The share asked for, and how many packets show it well enough."""

CONFIDENCE = 0.99
BATCH = 64
PATIENCE_S = 0.02
NUMBER = struct.Struct("=Q")
PORT = 9


def rows(share_of_packets: float, seed: int | None) -> Iterator[Row]:
    """Gives one row for each loss. With a `seed` the same packets are lost again."""
    return (_row(loss, round(count * share_of_packets), seed) for loss, count in LOSSES.items())


def _row(loss: float, count: int, seed: int | None) -> Row:
    seed = secrets.randbits(31) if seed is None else seed
    with hinterland.link(up=hinterland.Shape(loss=loss), seed=seed) as link:
        kind = socket.SOCK_DGRAM
        with link.client.socket(type=kind) as source, link.server.socket(type=kind) as sink:
            sink.bind((link.server.address, PORT))
            source.connect((link.server.address, PORT))
            came = _arrivals(source, sink, count)
        audit = link.audit()
    lost = count - came
    low, high = (int(bound) for bound in stats.binom.interval(CONFIDENCE, count, loss))
    return Row(
        group="loss",
        asked=f"{loss:.1%} of {count:,} packets",
        measured=f"{lost / count:.3%}",
        target=f"{low / count:.3%} to {high / count:.3%} ({CONFIDENCE:.0%})",
        met=low <= lost <= high and not audit.unintended,
        detail={
            "loss": loss,
            "packets": count,
            "lost": lost,
            "low": low,
            "high": high,
            "seed": seed,
            "unintended": audit.unintended,
        },
    )


def _arrivals(source: socket.socket, sink: socket.socket, count: int) -> int:
    """Sends `count` datagrams, a few at a time so that no buffer is full, and returns how many came."""
    sink.setblocking(False)
    came, sent = 0, 0
    while sent < count:
        until = min(sent + BATCH, count)
        for number in range(sent, until):
            source.send(NUMBER.pack(number))
        sent, last = until, -1
        # Nothing overtakes here: when the last of them has come, or nothing more comes, all have.
        while last < until - 1 and select.select([sink], [], [], PATIENCE_S)[0]:
            last = NUMBER.unpack(sink.recv(64))[0]
            came += 1
    return came
