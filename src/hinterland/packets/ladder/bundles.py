"""Which packets of a ladder share a label: each has its own while there is room, then flights share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hinterland.packets.dissection import Packet
from hinterland.packets.ladder import words as ladder_words

FEW = 60
"""Up to so many packets each have a label of their own, and the drawing gets as tall as that needs."""

_SPANS_RTT = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 1024.0)
_FEWEST = 3


@dataclass(frozen=True)
class Bundle:
    """Packets of one host that share a label, in the order in which they were sent."""

    packets: tuple[Packet, ...]

    @property
    def first(self) -> Packet:
        return self.packets[0]

    @property
    def plain(self) -> Packet:
        """The packet that the bundle looks like: one that was not sent again, if there is any."""
        return next((packet for packet in self.packets if not packet.again), self.packets[0])

    @property
    def last(self) -> Packet:
        return self.packets[-1]


@dataclass(frozen=True)
class Level:
    """How coarse bundles are.

    span_rtt: how long one may last in round trips, 0: none are made. by_connection: the packets of one
    connection keep to themselves. strict: what was sent again stands apart from what was not. all_kinds:
    handshakes and what else stands out is taken in, too.
    """

    span_rtt: float
    by_connection: bool = False
    strict: bool = True
    all_kinds: bool = False


def levels(count: int, *, lanes: bool) -> list[Level]:
    """Returns what to try for so many packets, from fine to coarse."""
    if count <= FEW:
        return [Level(0.0)]
    spans = _SPANS_RTT[:4]
    return [
        Level(0.0),
        *(Level(span, by_connection=True) for span in spans if lanes),
        *(Level(span) for span in spans),
        *(Level(span, strict=False) for span in spans),
        *(Level(span, strict=False, all_kinds=True) for span in _SPANS_RTT[2:]),
    ]


def bundles(packets: Sequence[Packet], rtt_ns: float, level: Level) -> list[Bundle]:
    """Returns the packets in bundles as coarse as the level says, by first packet.

    Only neighbours from one host to another are put together, three at least.
    """
    open_runs: dict[tuple[str, str, int], list[Packet]] = {}
    runs: list[list[Packet]] = []
    for packet in packets:
        way = (packet.source, packet.destination, packet.connection if level.by_connection else 0)
        run = open_runs.get(way)
        if run is None or not _belongs(run, packet, rtt_ns, level):
            run = open_runs[way] = []
            runs.append(run)
        run.append(packet)
    found = []
    for run in runs:
        if len(run) >= _FEWEST:
            found.append(Bundle(tuple(run)))
        else:
            found += [Bundle((packet,)) for packet in run]
    return sorted(found, key=lambda bundle: bundle.first.index)


def _belongs(run: Sequence[Packet], packet: Packet, rtt_ns: float, level: Level) -> bool:
    if packet.sent_ns - run[0].sent_ns > level.span_rtt * rtt_ns or level.span_rtt == 0:
        return False
    if level.all_kinds:
        return True
    # A pause ends a flight.
    if packet.sent_ns - run[-1].sent_ns > 0.5 * level.span_rtt * rtt_ns:
        return False
    if level.strict and run[-1].again != packet.again:
        return False
    ordinary = packet.kind in ("data", "ack")
    return ordinary and ladder_words.stem(run[-1]) == ladder_words.stem(packet)
