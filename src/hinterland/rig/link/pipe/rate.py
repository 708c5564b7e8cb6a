"""When a packet has left the sender's end: at a fixed rate, or at the moments of a recorded trace."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import Protocol

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.rig.link.pipe.shape import FULL_PACKET_BYTES, Shape

MS_NS = 1_000_000
TRACE_LINES_MOST = 2_000_000


class Capacity(Protocol):
    """Sends packets one after the other. `free_ns`: when it has sent all that it was given."""

    free_ns: int
    mean_mbit: float

    def departure(self, ready_ns: int, size_bytes: int) -> int:
        """Returns when a packet that is ready at `ready_ns` has left, and takes the time that it needs."""
        ...


class FixedRate:
    """Sends `rate_mbit` million bits of IP packet a second."""

    def __init__(self, rate_mbit: float, start_ns: int) -> None:
        self.mean_mbit = rate_mbit
        self.free_ns = start_ns
        self._ns_per_byte = 8000 / rate_mbit

    def departure(self, ready_ns: int, size_bytes: int) -> int:
        begin_ns = self.free_ns if self.free_ns > ready_ns else ready_ns
        # Rounded up, so that many small packets can't add up to more than the rate.
        self.free_ns = begin_ns - int(-size_bytes * self._ns_per_byte // 1)
        return self.free_ns


class TraceRate:
    """Sends one full packet, or the same bytes of smaller ones, at each moment of a mahimahi trace.

    moments_ms: in order, counted from `start_ns`; the last one is also the period after which they repeat.
    What a moment offers and nobody uses is lost. A packet larger than what is left of a moment ends in a
    later one.
    """

    def __init__(self, moments_ms: tuple[int, ...], start_ns: int) -> None:
        self.free_ns = start_ns
        self._moments_ms = moments_ms
        self._period_ns = moments_ms[-1] * MS_NS
        self.mean_mbit = len(moments_ms) * FULL_PACKET_BYTES * 8 / (moments_ms[-1] * 1000)
        self._start_ns = start_ns
        self._next = 0
        self._now_ns = start_ns
        self._left_bytes = 0

    def departure(self, ready_ns: int, size_bytes: int) -> int:
        if self._now_ns < ready_ns:
            # What was left of the moment in hand was offered before this packet came.
            self._left_bytes = 0
            self._skip_to(ready_ns)
        while self._left_bytes < size_bytes:
            self._now_ns = self._moment_ns(self._next)
            self._left_bytes += FULL_PACKET_BYTES
            self._next += 1
        self._left_bytes -= size_bytes
        self.free_ns = self._now_ns
        return self._now_ns

    def _moment_ns(self, number: int) -> int:
        round_, index = divmod(number, len(self._moments_ms))
        return self._start_ns + round_ * self._period_ns + self._moments_ms[index] * MS_NS

    def _skip_to(self, ready_ns: int) -> None:
        round_, rest_ns = divmod(ready_ns - self._start_ns, self._period_ns)
        ahead = bisect_left(self._moments_ms, -(-rest_ns // MS_NS))
        self._next = max(self._next, round_ * len(self._moments_ms) + ahead)


def read_trace(path: str) -> tuple[int, ...]:
    """Returns the moments of a mahimahi trace: a whole number of milliseconds a line, never going back.

    Raises UsageError, naming file, line and rule.
    """
    rule = "Each line of a mahimahi trace is a millisecond, a whole number from 0 that never goes back."
    try:
        with open(path, encoding="ascii") as file:
            lines = file.read(32 * TRACE_LINES_MOST).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"trace={path!r} can't be read: {getattr(error, 'strerror', None) or error}.", rule
        ) from error
    moments: list[int] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if not text.isdigit() or (moments and int(text) < moments[-1]):
            raise UsageError(f"trace={path!r}, line {number}: {text[:40]!r} can't stand here.", rule)
        moments.append(int(text))
    if not moments or moments[-1] == 0:
        raise UsageError(f"trace={path!r} must last longer than 0 ms.", rule)
    if len(moments) > TRACE_LINES_MOST:
        raise UsageError(
            f"trace={path!r} has {len(moments):,} lines; {TRACE_LINES_MOST:,} are the most.", "Shorten it."
        )
    return tuple(moments)


def located(shape: Shape) -> Shape:
    """Returns `shape` with the path of its trace from the root on: the forwarder works in another folder.

    Raises UsageError when there is no such trace.
    """
    if shape.trace is None:
        return shape
    read_trace(shape.trace)
    return replace(shape, trace=os.path.abspath(shape.trace))


def capacity_of(shape: Shape, start_ns: int) -> Capacity | None:
    """Returns the capacity that a shape asks for, None for no limit; reads the trace file."""
    if shape.rate_mbit is not None:
        return FixedRate(shape.rate_mbit, start_ns)
    return TraceRate(read_trace(shape.trace), start_ns) if shape.trace is not None else None
