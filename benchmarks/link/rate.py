"""The rate limit, in turns with the kernel's own; then what the link carries without one."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import hinterland
from benchmarks.link import bulk, kernel
from benchmarks.link.row import Row

RATES_MBIT = (1, 10, 100, 500)
WITHIN = 0.05
PACKETS_PER_S = 150_000


def rows(turns: int, turn_s: float) -> Iterator[Row]:
    """Gives one row for each rate, from `turns` turns of each side, each `turn_s` long."""
    return (_limited(rate_mbit, turns, turn_s) for rate_mbit in RATES_MBIT)


def _limited(rate_mbit: float, turns: int, turn_s: float) -> Row:
    lacking = kernel.missing()
    ours, theirs, cpu_us = [], [], []
    for turn in range(turns):
        # Whoever goes first this time goes last the next.
        sides = ("link", "tbf") if turn % 2 == 0 else ("tbf", "link")
        for side in sides:
            if side == "link":
                measured, cost_us = _by_link(rate_mbit, turn_s)
                ours.append(measured)
                cpu_us.append(cost_us)
            elif not lacking:
                with kernel.limited(rate_mbit) as pair:
                    theirs.append(pair.transfer(turn_s).rate_mbit(kernel.FRAME_BYTES))
    found = median(ours)
    error = found / rate_mbit - 1
    ratio = median([a / b for a, b in zip(ours, theirs, strict=True)]) if theirs else None
    against = f"{ratio:.3f} of tbf" if ratio is not None else f"tbf: {lacking}"
    return Row(
        group="rate",
        asked=f"{rate_mbit} Mbit/s",
        measured=f"{found:.4g} Mbit/s ({error:+.1%}); {against}; {median(cpu_us):.1f} us a packet",
        target=f"within {WITHIN:.0%}",
        met=abs(error) <= WITHIN,
        detail={
            "rate_mbit": rate_mbit,
            "link_mbit": ours,
            "tbf_mbit": theirs,
            "ratio": ratio,
            "cpu_us_per_packet": cpu_us,
        },
    )


def _by_link(rate_mbit: float, turn_s: float) -> tuple[float, float]:
    """Returns the rate with headers, and the link's CPU time a packet in microseconds."""
    with hinterland.link(up=hinterland.Shape(rate_mbit=rate_mbit, queue_ms=kernel.QUEUE_MS)) as link:
        done = bulk.transfer(link.client.socket(), link.server.socket(), link.server.address, turn_s)
        return done.rate_mbit(), link.audit().cpu_us_per_packet or 0.0


def unlimited(turns: int, turn_s: float) -> Iterator[Row]:
    """Gives what the link carries at most: without any shape, and with a delay on each packet."""
    return (_speed(rtt_ms, turns, turn_s) for rtt_ms in (0, 10))


def _speed(rtt_ms: float, turns: int, turn_s: float) -> Row:
    rates, cpu_us, mbit = [], [], []
    for _ in range(turns):
        with hinterland.link(rtt_ms=rtt_ms) as link:
            done = bulk.transfer(link.client.socket(), link.server.socket(), link.server.address, turn_s)
            audit = link.audit()
        # The packets of both directions, in the time that the connection lasted.
        rates.append(audit.packets / turn_s)
        cpu_us.append(audit.cpu_us_per_packet or 0.0)
        mbit.append(done.rate_mbit())
    found = median(rates)
    # Without any shape packets are only handed on: that is the rate with the target.
    bare = rtt_ms == 0
    return Row(
        group="speed",
        asked="TCP, no shape" if bare else f"TCP, RTT {rtt_ms:g} ms",
        measured=f"{found:,.0f} packets/s, {median(mbit):,.0f} Mbit/s, {median(cpu_us):.2f} us a packet",
        target=f"{PACKETS_PER_S:,} packets/s" if bare else "",
        met=found >= PACKETS_PER_S if bare else None,
        detail={"packets_per_s": rates, "cpu_us_per_packet": cpu_us, "rate_mbit": mbit, "rtt_ms": rtt_ms},
    )
