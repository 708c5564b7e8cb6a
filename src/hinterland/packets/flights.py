"""Counts over dissected packets: flights, round trips, retransmissions, when the first data came."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hinterland.packets.dissection import Packet


class Flight(Struct, frozen=True):
    """Packets that one host sent to another without having got anything from it in between."""

    source: str
    destination: str
    packets: tuple[Packet, ...]

    @property
    def sent_ns(self) -> int:
        return self.packets[0].sent_ns

    @property
    def payload_bytes(self) -> int:
        return sum(packet.payload_bytes for packet in self.packets)


def flights(packets: Sequence[Packet]) -> tuple[Flight, ...]:
    """Returns the flights in the order in which they began; `packets` are those of one pair of hosts."""
    found: list[list[Packet]] = []
    open_flights: dict[tuple[str, str], list[Packet]] = {}
    arrived = _arrivals(packets)
    for packet in sorted(packets, key=_sent):
        way = (packet.source, packet.destination)
        flight = open_flights.get(way)
        if flight is None or _heard(arrived.get(way[::-1], []), flight[-1].sent_ns, packet.sent_ns):
            flight = open_flights[way] = []
            found.append(flight)
        flight.append(packet)
    return tuple(Flight(flight[0].source, flight[0].destination, tuple(flight)) for flight in found)


def _sent(packet: Packet) -> int:
    return packet.sent_ns


def _arrivals(packets: Iterable[Packet]) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for packet in packets:
        if packet.done_ns >= 0:
            found.setdefault((packet.source, packet.destination), []).append(packet.done_ns)
    return {way: sorted(times) for way, times in found.items()}


def _heard(times: Sequence[int], after_ns: int, until_ns: int) -> bool:
    return bisect_right(times, until_ns) > bisect_right(times, after_ns)


def round_trips(packets: Sequence[Packet], *, until: Packet | None = None) -> float:
    """Returns half the number of one-way trips in the longest chain of packets of which each was sent after
    the one before had reached its sender.

    A chain needs the way there and back for each round, so on a link whose delay is long beside the time that
    the ends take, this is how many round trips the exchange cost, without a clock. With `until`, of the
    chains that end in that packet: its arrival closes the last trip. On a link without delay it counts every
    answer, and means little. Packets that never arrived take no part.
    """
    order: list[tuple[int, int, Packet]] = []
    for packet in packets:
        if packet.done_ns >= 0:
            # At the same nanosecond an arrival comes before a departure that it may have caused.
            order += [(packet.sent_ns, 1, packet), (packet.done_ns, 0, packet)]
    order.sort(key=lambda moment: (moment[0], moment[1], moment[2].index))
    reached: dict[str, int] = {}
    depth: dict[int, int] = {}
    for _, is_departure, packet in order:
        if is_departure:
            depth[packet.index] = reached.get(packet.source, 0) + 1
        elif packet.index in depth:
            reached[packet.destination] = max(reached.get(packet.destination, 0), depth[packet.index])
    if until is not None:
        return depth.get(until.index, 0) / 2
    return max(depth.values(), default=0) / 2


def first_data(packets: Iterable[Packet], source: str = "") -> Packet | None:
    """Returns the first packet to arrive that carries data, from `source` where one is named.

    Data is what the transport carries beyond its handshake and that of TLS. TLS 1.3 and QUIC hide what is
    encrypted: a session ticket or an acknowledgement of QUIC in a packet of its own is taken for data.
    """
    found = [
        packet
        for packet in packets
        if packet.kind == "data" and packet.done_ns >= 0 and (not source or packet.source == source)
    ]
    return min(found, key=lambda packet: packet.done_ns, default=None)


def first_data_ns(packets: Iterable[Packet], source: str = "") -> int | None:
    """Returns when the first data arrived, on the clock of the log; None where none did."""
    packet = first_data(packets, source)
    return packet.done_ns if packet is not None else None


def retransmissions(packets: Iterable[Packet], *, spurious: bool | None = None) -> int:
    """Returns how many packets carried bytes that their sender had sent before; with `spurious`, only those
    that were not needed (True) or that were (False). Of TCP and DNS alone: QUIC hides it."""
    wanted = {None: ("again", "spurious"), True: ("spurious",), False: ("again",)}[spurious]
    return sum(packet.sending in wanted for packet in packets)


def drops(packets: Iterable[Packet]) -> dict[str, int]:
    """Returns how many packets the link let die, by fate."""
    found: dict[str, int] = {}
    for packet in packets:
        if packet.dropped:
            found[packet.fate] = found.get(packet.fate, 0) + 1
    return found


def by_connection(packets: Iterable[Packet]) -> dict[int, tuple[Packet, ...]]:
    """Returns the packets of each connection by its number; what belongs to none is left out."""
    found: dict[int, list[Packet]] = {}
    for packet in packets:
        if packet.connection >= 0:
            found.setdefault(packet.connection, []).append(packet)
    return {number: tuple(members) for number, members in found.items()}
