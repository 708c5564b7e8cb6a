"""Round trips: ICMP echo requests on a schedule, which the far kernel answers.

Neither end has a process that would have to wait for a core: the far kernel answers by itself, and the near
one notes when the answer came (SO_TIMESTAMPNS). What is measured is the link, and two kernels.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator

import hinterland
from benchmarks.link.row import Row, quantiles

RTTS_MS = (0, 10, 50, 100, 200)
MEDIAN_MS, P99_MS = 0.5, 2.0
EVERY_NS = 5_000_000
PATIENCE_S = 2.0
SO_TIMESTAMPNS = 35
REQUEST = struct.Struct("!BBHHHQ")
"""Type, code, checksum and identifier (the kernel's business), number, and the moment of sending in ns."""

ECHO_REQUEST = 8
MOMENT = struct.Struct("@ll")


def rows(probes: int) -> Iterator[Row]:
    """Gives one row for each round-trip time, from `probes` probes, 200 a second."""
    return (_row(rtt_ms, probes) for rtt_ms in RTTS_MS)


def _row(rtt_ms: int, probes: int) -> Row:
    with hinterland.link(rtt_ms=rtt_ms) as link:
        with link.client.socket(type=socket.SOCK_DGRAM, proto=socket.IPPROTO_ICMP) as ours:
            ours.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            ours.connect((link.server.address, 0))
            found_ms = _round_trips_ms(ours, probes)
        audit = link.audit()
        tier = link.tier
    errors_ms = [abs(one - rtt_ms) for one in found_ms]
    median_ms, p99_ms = quantiles(errors_ms, 0.5, 0.99)
    [middle_ms] = quantiles(found_ms, 0.5)
    late = "" if audit.lateness_p99_us is None else f"; link late p99 {audit.lateness_p99_us / 1000:.2f}"
    complete = len(found_ms) == probes
    return Row(
        group="delay",
        asked=f"RTT {rtt_ms} ms",
        measured=f"{middle_ms:.2f} ms; error {median_ms:.2f}, p99 {p99_ms:.2f}{late}",
        target=f"error {MEDIAN_MS} ms, p99 {P99_MS:g} ms",
        met=complete and median_ms <= MEDIAN_MS and p99_ms <= P99_MS,
        detail={
            "rtt_ms": rtt_ms,
            "tier": tier,
            "median_ms": middle_ms,
            "error_median_ms": median_ms,
            "error_p99_ms": p99_ms,
            "error_max_ms": max(errors_ms),
            "probes": probes,
            "answers": len(found_ms),
            "lateness_p99_us": audit.lateness_p99_us,
        },
    )


def _round_trips_ms(ours: socket.socket, probes: int) -> list[float]:
    """Sends probes on schedule, whatever comes back meanwhile, and returns the time that each took."""
    ours.setblocking(False)
    found_ms: list[float] = []
    sent, due_ns = 0, time.monotonic_ns()
    end_ns = due_ns + probes * EVERY_NS + round(PATIENCE_S * 1e9)
    while len(found_ms) < probes and (now_ns := time.monotonic_ns()) < end_ns:
        if sent < probes and now_ns >= due_ns:
            # The kernel's stamps are on the wall clock.
            ours.send(REQUEST.pack(ECHO_REQUEST, 0, 0, 0, sent & 0xFFFF, time.time_ns()))
            sent, due_ns = sent + 1, due_ns + EVERY_NS
            continue
        wait_ns = max(0, min(due_ns, end_ns) - now_ns) if sent < probes else end_ns - now_ns
        if select.select([ours], [], [], wait_ns / 1e9)[0]:
            found_ms.append(_took_ns(ours) / 1e6)
    return found_ms


def _took_ns(ours: socket.socket) -> int:
    """Reads one answer; returns the time from the sending of its request to its arrival."""
    data, more, _, _ = ours.recvmsg(256, socket.CMSG_SPACE(MOMENT.size))
    [came] = [
        content for level, kind, content in more if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)
    ]
    seconds, nanoseconds = MOMENT.unpack(came)
    *_, sent_ns = REQUEST.unpack(data[: REQUEST.size])
    return int(seconds) * 1_000_000_000 + int(nanoseconds) - int(sent_ns)
