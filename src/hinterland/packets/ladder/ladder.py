"""The packet view: a trial's packets as a ladder (time-sequence diagram), with the same as a table.

Time runs down, even but for silences that are cut where one can see it, so that an arrow's slope is the time
on the way and a round trip is the same height everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from hinterland.drawing import numbers
from hinterland.drawing.figure import Figure, in_both_widths
from hinterland.drawing.svg import Drawing
from hinterland.model.packets import PacketLog
from hinterland.packets import flights
from hinterland.packets.dissection import Packet, dissect
from hinterland.packets.ladder import drawing as ladder_drawing
from hinterland.packets.ladder import layout as ladder_stage
from hinterland.packets.ladder import words as ladder_words
from hinterland.packets.ladder.scene import Scene

MOST = 1000
"""So many packets are drawn and listed at most."""

_SHORTEST_RTT_NS = 1_000_000.0
"""Below a millisecond the ends take longer than the way, and round trips are no measure of anything."""


def figure(
    log: PacketLog,
    *,
    key: str,
    caption: str,
    rtt_ms: float | None = None,
    start_ms: float = 0.0,
    end_ms: float | None = None,
) -> Figure | None:
    """Returns the ladder of a log, or None where it holds no packet.

    `key` makes its ids unique on the page. `rtt_ms`: the link's round trip, for the scale at the side;
    without it, between two hosts, the shortest that the packets show. `start_ms` and `end_ms` choose a
    stretch, counted from the first packet; what came before is still read, so that a retransmission is known
    as one.
    """
    found = dissect(log)
    began = min((packet.sent_ns for packet in found), default=0)
    until = began + end_ms * 1e6 if end_ms is not None else float("inf")
    inside = [packet for packet in found if began + start_ms * 1e6 <= packet.sent_ns <= until]
    packets = sorted(inside, key=lambda packet: (packet.sent_ns, packet.index))[:MOST]
    if not packets:
        return None
    rtt_ns = rtt_ms * 1e6 if rtt_ms is not None else ladder_stage.rtt_of_ns(packets)
    rtt_ns = rtt_ns if rtt_ns >= _SHORTEST_RTT_NS else 0.0
    says = in_words(packets)
    wide, narrow = in_both_widths(
        key, _title(packets), f"{caption} {says}", lambda drawing: _fill(drawing, packets, log.hosts, rtt_ns)
    )
    columns, rows = table(packets)
    left_out = len(inside) - len(packets) + log.left_out
    notes = _notes(packets, rtt_ns, left_out)
    summary = "The same packets as a table"
    return Figure(caption, wide, narrow, columns, rows, notes, summary)


def _fill(drawing: Drawing, packets: Sequence[Packet], hosts: Sequence[str], rtt_ns: float) -> None:
    stage = ladder_stage.stage(packets, hosts, drawing.width)
    ends = ladder_stage.ends_ns(packets, ladder_stage.delays_ns(packets, rtt_ns))
    span = max(ends) - packets[0].sent_ns
    # Without a delay to measure by, a sixth of the whole stands for a round trip.
    unit = rtt_ns or max(span / 6, 1.0)
    top = ladder_drawing.head_px(packets, stage)
    axis, bundles = ladder_stage.fit(packets, ends, unit, stage, top)
    lower = ladder_stage.lowered(packets, axis, unit, stage)
    ladder_drawing.draw(drawing, Scene(packets, ends, bundles, axis, stage, rtt_ns, lower))


def _title(packets: Sequence[Packet]) -> str:
    hosts = list(dict.fromkeys(name for packet in packets for name in (packet.source, packet.destination)))
    return f"Packets between {', '.join(hosts[:-1])} and {hosts[-1]}" if len(hosts) > 1 else "Packets"


def in_words(packets: Sequence[Packet]) -> str:
    """Returns the ladder as text: how many packets, what went wrong, and the first flights."""
    took = (max(max(packet.done_ns, packet.sent_ns) for packet in packets) - packets[0].sent_ns) / 1e6
    connections = len(flights.by_connection(packets))
    parts = [f"{numbers.quantity(len(packets), 'packets')} in {numbers.quantity(took, 'ms')}"]
    if connections > 1:
        parts.append(f"{connections} connections")
    again = flights.retransmissions(packets)
    if again:
        parts.append(f"{again} sent again")
    parts += [f"{count} {ladder_words.FATES[fate]}" for fate, count in flights.drops(packets).items()]
    told = []
    for flight in flights.flights(packets)[:12]:
        words = (
            ladder_words.bundle_name(flight.packets) if len(flight.packets) > 3 else _listed(flight.packets)
        )
        told.append(f"{flight.source}: {words}")
    return f"{', '.join(parts)}. It begins: {'; '.join(told)}."


def _listed(packets: Sequence[Packet]) -> str:
    return ", ".join(ladder_words.name(packet) for packet in packets)


def table(packets: Sequence[Packet]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Returns heads and rows: a row a packet, times counted from the first."""
    began = packets[0].sent_ns
    many = len({packet.connection for packet in packets if packet.connection >= 0}) > 1
    rows = []
    for packet in packets:
        row = [
            _moment(packet.sent_ns - began),
            packet.source,
            packet.destination,
            ladder_words.name(packet),
            ladder_words.size([packet]) or "–",
            _moment(packet.done_ns - began) if packet.done_ns >= 0 else "–",
            ladder_words.remarks([packet])
            or ("still on its way" if ladder_words.is_under_way(packet) else "–"),
        ]
        if many:
            row.insert(1, str(packet.connection + 1) if packet.connection >= 0 else "–")
        rows.append(tuple(row))
    heads = ("Sent at", "From", "To", "Packet", "Carries", "Arrived at", "Remark")
    return ((*heads[:1], "Connection", *heads[1:]) if many else heads), tuple(rows)


def _moment(time_ns: int) -> str:
    return f"{time_ns / 1e6:.2f} ms"


def _notes(packets: Sequence[Packet], rtt_ns: float, left_out: int) -> tuple[str, ...]:
    """What a reader must know to read the ladder."""
    notes = ["Time runs down; an arrow leaves where its packet was sent and ends where it arrived."]
    if rtt_ns:
        notes.append(
            f"A shaded or a clear band is one round trip (RTT), {numbers.quantity(rtt_ns / 1e6, 'ms')}."
        )
    if any(packet.again for packet in packets):
        notes.append("A diamond at its tail: these bytes were sent before; hollow, they had not been lost.")
    if any(packet.dropped for packet in packets):
        notes.append("A cross: the packet was dropped there.")
    if any(ladder_words.is_under_way(packet) for packet in packets):
        notes.append("An arrow without a head was still on its way when the log ended.")
    if any(packet.quic is not None for packet in packets):
        notes.append(
            "QUIC encrypts its acknowledgements and retransmissions: they look like any 1-RTT packet."
        )
    if any(packet.hidden for packet in packets):
        notes.append("“More”: the packet carries more than the bytes that were kept of it.")
    if any(packet.tls is not None for packet in packets):
        notes.append("Encrypted TLS records don't show their type: a session ticket, too, is “TLS data”.")
    if left_out:
        notes.append(
            f"{numbers.quantity(left_out, 'later packets')} {'is' if left_out == 1 else 'are'} not shown."
        )
    return tuple(notes)
