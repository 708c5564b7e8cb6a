"""The time axis of a ladder: downwards, even, with long silences cut out where one can see it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.packets.dissection import Packet

BREAK_PX = 34.0
_SHORTEST_SILENCE_RTT = 0.75


@dataclass(frozen=True)
class Silence:
    """A stretch of time in which nothing was sent and nothing was under way."""

    start_ns: float
    end_ns: float


@dataclass(frozen=True)
class TimeAxis:
    """Time in nanoseconds to pixels. `silences` are those that are cut to BREAK_PX each."""

    start_ns: float
    end_ns: float
    top: float
    ns_per_px: float
    silences: tuple[Silence, ...] = ()

    def at(self, time_ns: float) -> float:
        """Returns the pixel of a moment; within a cut silence its part of the break."""
        place = self.top + (time_ns - self.start_ns) / self.ns_per_px
        for silence in self.silences:
            if time_ns <= silence.start_ns:
                break
            length = silence.end_ns - silence.start_ns
            inside = min(time_ns - silence.start_ns, length)
            place -= inside / self.ns_per_px - BREAK_PX * inside / length
        return place

    @property
    def bottom(self) -> float:
        return self.at(self.end_ns)

    def uncut(self, start_ns: float, end_ns: float) -> list[tuple[float, float]]:
        """Returns the stretches from start to end that lie in no silence that was cut."""
        found = []
        for silence in self.silences:
            if silence.start_ns > start_ns:
                found.append((start_ns, min(silence.start_ns, end_ns)))
            start_ns = max(start_ns, silence.end_ns)
            if start_ns >= end_ns:
                return [(start, end) for start, end in found if end > start]
        return [*((start, end) for start, end in found if end > start), (start_ns, end_ns)]

    def is_cut(self, time_ns: float) -> bool:
        """Decides whether the moment lies in a silence that was cut."""
        place = bisect_right([silence.start_ns for silence in self.silences], time_ns)
        return place > 0 and time_ns < self.silences[place - 1].end_ns


def silences(packets: Sequence[Packet], ends_ns: Sequence[float], rtt_ns: float) -> list[Silence]:
    """Returns the stretches of at least three quarters of a round trip without any packet under way.

    `ends_ns`: when each packet arrived or died.
    """
    busy = sorted((float(packet.sent_ns), end) for packet, end in zip(packets, ends_ns, strict=True))
    found = []
    until = busy[0][1] if busy else 0.0
    for sent, end in busy[1:]:
        if sent - until > _SHORTEST_SILENCE_RTT * rtt_ns:
            # A margin on both sides, so that an arrow does not touch the break.
            margin = 0.12 * min(rtt_ns, sent - until)
            found.append(Silence(until + margin, sent - margin))
        until = max(until, end)
    return found


def axis(
    packets: Sequence[Packet], ends_ns: Sequence[float], rtt_ns: float, px_per_rtt: float, top: float
) -> TimeAxis:
    """Returns the axis over the packets at `px_per_rtt`; silences that would be short anyway stay."""
    start = float(min(packet.sent_ns for packet in packets))
    end = max(*ends_ns, start + 1)
    ns_per_px = rtt_ns / px_per_rtt
    cut = [
        silence
        for silence in silences(packets, ends_ns, rtt_ns)
        if (silence.end_ns - silence.start_ns) / ns_per_px > 1.4 * BREAK_PX
    ]
    return TimeAxis(start, end, top, ns_per_px, tuple(cut))
