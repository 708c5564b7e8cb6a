"""Scripted drops: which packet is of which kind, and which one is dropped."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_samples import ACK, PSH, SYN, ipv4, ipv6, tcp, udp

from hinterland.rig.link.pipe.script import Script, kinds

HOP_BY_HOP = bytes([6, 0]) + bytes(6)
FIRST_FRAGMENT, LATER_FRAGMENT = bytes([17, 0, 0, 1]) + bytes(4), bytes([17, 0, 0, 9]) + bytes(4)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (ipv4(tcp(SYN)), {"syn"}),
        (ipv4(tcp(SYN | ACK, options=bytes(20))), {"syn"}),
        (ipv4(tcp(SYN, b"early", options=bytes(12))), {"syn", "data"}),
        (ipv4(tcp(ACK)), set()),
        (ipv4(tcp(ACK, options=bytes(12))), set()),
        (ipv4(tcp(ACK | PSH, b"x")), {"data"}),
        (ipv4(tcp(ACK | PSH, b"x"), options=bytes(8)), {"data"}),
        (ipv4(tcp(ACK), options=bytes(8)), set()),
        (ipv4(udp(b"q"), 17), {"udp", "data"}),
        (ipv4(udp(), 17), {"udp"}),
        (ipv4(udp(b"q"), 17, fragment=0x2000), {"udp", "data"}),
        (ipv4(b"rest of a datagram", 17, fragment=0x0010), set()),
        (ipv4(bytes(8), 1), set()),
        (ipv6(tcp(SYN)), {"syn"}),
        (ipv6(tcp(ACK, b"x")), {"data"}),
        (ipv6(udp(b"q"), 17), {"udp", "data"}),
        (ipv6(HOP_BY_HOP + tcp(SYN), 0), {"syn"}),
        (ipv6(FIRST_FRAGMENT + udp(b"q"), 44), {"udp", "data"}),
        (ipv6(LATER_FRAGMENT + b"rest of a datagram", 44), set()),
        (ipv6(bytes(8), 58), set()),
        (b"", set()),
        (b"\x45", set()),
        (ipv4(tcp(SYN))[:30], set()),
    ],
)
def test_kinds_of_packets(packet: bytes, expected: set[str]) -> None:
    assert kinds(packet) == expected
    assert kinds(b"E" * 14 + packet, 14) == expected


def test_padding_after_the_packet_is_no_payload() -> None:
    assert kinds(ipv4(tcp(ACK)) + bytes(6)) == set()


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_no_bytes_break_it(packet: bytes) -> None:
    assert kinds(packet) <= {"data", "syn", "udp"}


def dropped(script: Script, packets: list[bytes]) -> list[int]:
    return [number for number, packet in enumerate(packets, start=1) if script.takes(packet, 0)]


ACKED, DATA, OPEN = ipv4(tcp(ACK)), ipv4(tcp(ACK, b"x")), ipv4(tcp(SYN))


def test_the_third_packet_with_payload_is_dropped_and_only_that() -> None:
    packets = [OPEN, ACKED, DATA, DATA, ACKED, DATA, DATA]

    assert dropped(Script(("data:3",)), packets) == [6]


def test_each_kind_counts_for_itself() -> None:
    packets = [OPEN, ACKED, DATA, DATA, OPEN]

    assert dropped(Script(("any:2", "data:1", "data:2", "syn:2")), packets) == [2, 3, 4, 5]
    assert dropped(Script(("any:1", "syn:1")), packets) == [1]


def test_a_packet_wanted_twice_is_dropped_once_and_ends_both_entries() -> None:
    assert dropped(Script(("any:1", "syn:1", "any:3")), [OPEN, OPEN, OPEN, OPEN]) == [1, 3]
