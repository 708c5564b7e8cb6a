"""Counts over real exchanges: the round trips that the protocols promise, and what was sent again."""

from __future__ import annotations

import captures
import pytest
from captures import ACK, SERVER, SYN, tcp
from msgspec.structs import replace

from hinterland.packets import flights
from hinterland.packets.dissection import Packet, dissect


def packets_of(name: str) -> tuple[Packet, ...]:
    return dissect(captures.load(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http6", 2.0),
        ("tls12", 4.0),
        ("tls13", 3.0),
        ("tls13_resumed", 3.0),
        ("tls13_early", 2.0),
        ("quic", 2.0),
        ("quic_zero", 1.0),
    ],
)
def test_the_first_data_cost_as_many_round_trips_as_promised(name: str, expected: float) -> None:
    packets = packets_of(name)
    first = flights.first_data(packets, "server")
    assert first is not None
    assert flights.round_trips(packets, until=first) == expected
    # The clock says the same: a round trip is 50 ms here, and the ends were busy at times.
    assert flights.first_data_ns(packets, "server") == pytest.approx(expected * 50e6, rel=0.25)


@pytest.mark.parametrize("width", [128, 192])
def test_what_is_seen_does_not_hang_on_how_much_was_kept(width: int) -> None:
    log = captures.load("tls13_resumed")
    packets = dissect(replace(log, head=log.head[:, :width]))
    first = flights.first_data(packets, "server")
    assert first is not None
    assert flights.round_trips(packets, until=first) == 3.0


def test_a_chain_of_three_trips_is_one_and_a_half_round_trips() -> None:
    packets = [tcp(SYN, 1), tcp(SYN | ACK, 1, 2, source=SERVER), tcp(ACK, 2, 2)]
    log = captures.log(packets, gap_ms=30, delay_ms=25)
    assert flights.round_trips(dissect(log)) == 1.5
    hasty = captures.log(packets, gap_ms=20, delay_ms=25)
    assert flights.round_trips(dissect(hasty)) == 0.5


def test_retransmissions_and_drops_are_counted() -> None:
    packets = packets_of("bulk")
    lost = sum(packet.fate == "lost" and packet.payload_bytes > 0 for packet in packets)
    assert flights.drops(packets) == {"lost": 6}
    assert flights.retransmissions(packets, spurious=False) == lost == 4
    assert flights.retransmissions(packets) == 4
    assert flights.retransmissions(packets_of("six")) == 1
    assert flights.drops(packets_of("drop")) == {"scripted": 1}


def test_connections_are_kept_apart() -> None:
    packets = packets_of("six")
    members = flights.by_connection(packets)
    assert sorted(members) == [0, 1, 2, 3, 4, 5]
    assert sum(map(len, members.values())) == len(packets)
    assert all(
        len({p.tcp.source_port for p in group if p.tcp and p.by_opener}) == 1 for group in members.values()
    )


def test_a_flight_ends_where_the_other_side_is_heard() -> None:
    found = flights.flights(packets_of("http6"))
    told = [(flight.source, [packet.kind for packet in flight.packets]) for flight in found[:4]]
    assert told[:3] == [("client", ["open"]), ("server", ["open"]), ("client", ["open", "data"])]
    assert told[3][0] == "server"
    assert found[3].payload_bytes == sum(packet.payload_bytes for packet in found[3].packets)


def test_nothing_is_counted_in_nothing() -> None:
    assert flights.flights(()) == ()
    assert flights.round_trips(()) == 0
    assert flights.first_data_ns(()) is None
