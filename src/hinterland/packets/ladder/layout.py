"""Where things stand in a ladder: the lifelines and their lanes, the labels, the height of a round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from hinterland.packets.dissection import Packet
from hinterland.packets.ladder import time as ladder_time
from hinterland.packets.ladder.bundles import FEW, Bundle, bundles, levels
from hinterland.packets.ladder.time import TimeAxis

MOST_LANES = 8
_TALLEST_PX = 1300.0
_MARGIN_PX = 10.0
_UNKNOWN_NS = 1e6
_APART_PX, _APART_MANY_PX = 3.2, 2.0
_DIES = {"lost": 0.55, "scripted": 0.55, "cut": 0.5, "queue": 0.13, "too_big": 0.05}
"""How far along its way a dropped packet is drawn: what the queue or the MTU refuses dies at the door."""


@dataclass(frozen=True)
class Stage:
    """The measures of one drawing, in pixels. `xs`: a lifeline for each host; two hosts have labels on both
    sides, more have one column on the right. `lane`: how far apart the lanes of connections are, if any."""

    width: float
    hosts: tuple[str, ...]
    xs: tuple[float, ...]
    gutter: float
    lanes: int
    lane: float
    size: float
    pitch: float

    @property
    def narrow(self) -> bool:
        return self.width < 500

    def x(self, host: str, connection: int) -> float:
        """Returns where an arrow of a connection touches a host."""
        place = self.hosts.index(host)
        if not self.lane or connection < 0:
            return self.xs[place]
        # The lanes have the same order on both sides, so that arrows of one moment lie side by side.
        return self.xs[place] + self.lane * (connection - (self.lanes - 1 if place == 0 else 0))

    @property
    def staggered(self) -> bool:
        """Whether the names of the hosts stand in two rows, because they stand close together."""
        return len(self.xs) > 2 and self.xs[1] - self.xs[0] < 80

    @property
    def left_edge(self) -> float:
        """Where the lanes of the first host end."""
        return self.xs[0] - self.lane * max(self.lanes - 1, 0)

    @property
    def right_edge(self) -> float:
        return self.xs[-1] + self.lane * max(self.lanes - 1, 0)

    def on_left(self, packet: Packet) -> bool:
        """Decides whether a packet's label stands on the left of the lifelines."""
        return len(self.hosts) <= 2 and packet.source == self.hosts[0]


def stage(packets: Sequence[Packet], hosts: Sequence[str], width: float) -> Stage:
    """Returns the measures for a drawing of this width."""
    used = {packet.source for packet in packets} | {packet.destination for packet in packets}
    shown = tuple(host for host in hosts if host in used)
    narrow = width < 500
    connections = len({packet.connection for packet in packets if packet.connection >= 0})
    lanes = connections if len(shown) == 2 and 1 < connections <= MOST_LANES else 0
    lane = (5.0 if narrow else 9.0) if lanes else 0.0
    gutter = 46.0 if narrow else 66.0
    size, pitch = (10.5, 13.5) if narrow else (12.5, 16.0)
    breadth = lane * max(lanes - 1, 0)
    if len(shown) <= 2:
        ladder = (84.0 if not lanes else 66.0) if narrow else 236.0
        room = (width - gutter - ladder - 2 * breadth) / 2
        # Who answers has more to say: the right column is the wider one.
        first = gutter + room + breadth - (2.0 if narrow else 24.0)
        last = first + ladder
        xs: tuple[float, ...] = (first, last) if len(shown) == 2 else (first,)
    else:
        first = gutter + (22.0 if narrow else 46.0)
        last = gutter + (0.44 if narrow else 0.56) * (width - gutter)
        step = (last - first) / (len(shown) - 1)
        xs = tuple(first + step * place for place in range(len(shown)))
    return Stage(width, shown, xs, gutter, lanes, lane, size, pitch)


def delays_ns(packets: Sequence[Packet], rtt_ns: float) -> dict[tuple[str, str], float]:
    """Returns the median time on the way for each pair of hosts.

    Where none arrived it is half a round trip, or a millisecond where that is not known either.
    """
    seen: dict[tuple[str, str], list[int]] = {}
    for packet in packets:
        times = seen.setdefault((packet.source, packet.destination), [])
        if packet.done_ns >= 0:
            times.append(packet.done_ns - packet.sent_ns)
    return {way: median(times) if times else rtt_ns / 2 or _UNKNOWN_NS for way, times in seen.items()}


def rtt_of_ns(packets: Sequence[Packet]) -> float:
    """Returns the shortest round trip that the packets show: the shortest times there and back together.

    0 where none went both ways, or between more than two hosts, where there is no one round trip.
    """
    shortest: dict[tuple[str, str], int] = {}
    for packet in packets:
        way = (packet.source, packet.destination)
        if packet.done_ns >= 0:
            took = packet.done_ns - packet.sent_ns
            shortest[way] = min(shortest.get(way, took), took)
    there = next(iter(shortest), ("", ""))
    if set(shortest) != {there, there[::-1]}:
        return 0.0
    return float(shortest[there] + shortest[there[::-1]])


def ends_ns(packets: Sequence[Packet], delays: dict[tuple[str, str], float]) -> list[float]:
    """Returns when each packet arrived, or died, or would have arrived."""
    return [
        float(packet.done_ns)
        if packet.done_ns >= 0
        else packet.sent_ns + way_gone(packet) * delays[packet.source, packet.destination]
        for packet in packets
    ]


def way_gone(packet: Packet) -> float:
    """Returns the share of its way that a packet is drawn."""
    return _DIES.get(packet.fate, 0.55) if packet.dropped else 1.0


def fit(
    packets: Sequence[Packet], ends: Sequence[float], unit_ns: float, place: Stage, top: float
) -> tuple[TimeAxis, list[Bundle]]:
    """Returns the time axis and the bundles: the finest bundles whose labels find room beside their packets.

    `unit_ns`: a round trip, or what stands for one where the link has no delay. A ladder of few packets gets
    as tall as their labels need; one of many is kept to a page or two.
    """
    few = len(packets) <= FEW
    tallest = 300.0 if few else _px_for(packets, ends, unit_ns, top, place)
    coarseness = levels(len(packets), lanes=place.lanes > 0)
    for level in coarseness:
        found = bundles(packets, unit_ns, level)
        needed = _crowd(found, unit_ns, place) * place.pitch
        if needed <= tallest:
            break
    px = min(max(needed, 110.0), tallest) if few else tallest
    axis = ladder_time.axis(packets, ends, unit_ns, px, top)
    labels = [sum(place.on_left(bundle.first) == side for bundle in found) for side in (True, False)]
    short = max(labels) * place.pitch + 2 * _MARGIN_PX - (axis.bottom - top)
    if short > 0:
        # Time is drawn longer until the longer column of labels has its length.
        stretch = 1 + short / max(axis.bottom - top, 1.0)
        axis = ladder_time.axis(packets, ends, unit_ns, unit_ns / axis.ns_per_px * stretch, top)
    return axis, found


def lowered(packets: Sequence[Packet], axis: TimeAxis, unit_ns: float, place: Stage) -> dict[int, float]:
    """Returns by how many pixels arrows must be drawn lower so that those of one moment lie side by side.

    Less than that where there are so many that there is no room for it; never by more than a fifth of a
    round trip.
    """
    px_per_rtt = unit_ns / axis.ns_per_px
    lanes: dict[tuple[str, int], list[Packet]] = {}
    for packet in packets:
        lanes.setdefault((packet.source, packet.connection if place.lanes else 0), []).append(packet)
    found: dict[int, float] = {}
    for lane in lanes.values():
        crowd = most_within([packet.sent_ns for packet in lane], unit_ns)
        apart = min(_APART_PX if len(packets) <= FEW else _APART_MANY_PX, 0.5 * px_per_rtt / crowd)
        free = float("-inf")
        for packet in lane:
            wanted = axis.at(packet.sent_ns)
            at = min(max(wanted, free), wanted + 0.2 * px_per_rtt)
            if at > wanted:
                found[packet.index] = at - wanted
            free = at + apart
    return found


def _px_for(
    packets: Sequence[Packet], ends: Sequence[float], unit_ns: float, top: float, place: Stage
) -> float:
    """Returns how tall a round trip may be for all to fit the tallest drawing."""
    trial = ladder_time.axis(packets, ends, unit_ns, 100.0, top)
    return min(max(100.0 * _TALLEST_PX / max(trial.bottom - top, 1.0), 24.0), 290.0 if place.lanes else 170.0)


def _crowd(found: Sequence[Bundle], unit_ns: float, place: Stage) -> int:
    """Returns the most labels that begin on one side within one round trip."""
    sides = ([b.first.sent_ns for b in found if place.on_left(b.first) == side] for side in (True, False))
    return max(most_within(times, 0.9 * unit_ns) for times in sides)


def most_within(times: Sequence[float], length: float) -> int:
    """Returns the most of the moments, given in order, that lie within `length` of each other."""
    most = start = 0
    for end, time in enumerate(times):
        while time - times[start] > length:
            start += 1
        most = max(most, end - start + 1)
    return most
