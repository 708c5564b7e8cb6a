"""TLS, QUIC, DNS and ICMP in packets built by hand come out as what they are."""

from __future__ import annotations

import struct

import captures
from captures import ISN, SERVER, SYN, message, opened, ours, record, tcp, theirs, udp

from hinterland.packets.dissection import Packet, dissect

HELLO = record(22, message(1, 200))
SERVER_HELLO = record(22, message(2, 60))


# TLS.


def roles(packet: Packet) -> list[tuple[str, tuple[str, ...]]]:
    assert packet.tls is not None
    return [(each.role, each.messages) for each in packet.tls.begun]


def test_tls_1_3_hides_types_and_order_tells_them() -> None:
    flight = SERVER_HELLO + record(20, b"\1") + record(23, 30)
    packets = [
        *opened(),
        ours(1, HELLO),
        theirs(1, flight),
        ours(1 + len(HELLO), record(20, b"\1") + record(23, 53)),
        ours(1 + len(HELLO) + 64, record(23, 40)),
        theirs(1 + len(flight), record(23, 100)),
    ]
    found = dissect(captures.log(packets, width=256))
    assert roles(found[3]) == [("handshake", ("ClientHello",))]
    assert roles(found[4]) == [("handshake", ("ServerHello",)), ("handshake", ()), ("handshake", ())]
    assert roles(found[5]) == [("handshake", ()), ("handshake", ())]
    assert roles(found[6]) == [("data", ())]
    assert roles(found[7]) == [("data", ())]
    assert [packet.kind for packet in found[3:]] == ["secure", "secure", "secure", "data", "data"]


def test_tls_1_2_finishes_behind_the_change_of_cipher() -> None:
    key = record(22, message(16, 10)) + record(20, b"\1") + record(22, 40)
    packets = [*opened(), ours(1, HELLO), theirs(1, SERVER_HELLO), ours(1 + len(HELLO), key)]
    packets.append(theirs(1 + len(SERVER_HELLO), record(20, b"\1") + record(22, 40) + record(23, 9)))
    packets.append(ours(1 + len(HELLO) + len(key), record(21, 26)))
    found = dissect(captures.log(packets, width=256))
    assert roles(found[5]) == [("handshake", names) for names in [("ClientKeyExchange",), (), ("Finished",)]]
    assert roles(found[6])[-1] == ("data", ())
    assert found[7].kind == "close"


def test_more_behind_the_hello_before_any_answer_is_early_data() -> None:
    whole = HELLO + record(20, b"\1") + record(23, 60)
    for width in (128, 512):
        packet = dissect(captures.log([*opened(), ours(1, whole)], width=width))[-1]
        assert packet.tls is not None
        assert packet.tls.early
        assert packet.kind == "data"
        assert packet.hidden == (width == 128)


def test_a_record_goes_on_through_segments_and_the_next_is_found() -> None:
    body = record(23, 1000)
    stream = [SERVER_HELLO, body[:600], body[600:] + record(23, 8)[:5], record(23, 8)[5:], record(23, 70)]
    packets = [*opened(), ours(1, HELLO)]
    place = 1
    for part in stream:
        packets.append(theirs(place, part))
        place += len(part)
    found = dissect(captures.log(packets))[4:]
    assert [len(packet.tls.begun) for packet in found if packet.tls] == [1, 1, 0, 0, 1]
    assert found[2].tls is not None
    assert found[2].tls.continued is not None
    assert found[2].hidden
    assert not found[4].hidden


def test_a_record_sent_again_is_named_again() -> None:
    packets = [*opened(), ours(1, HELLO), ours(1, HELLO)]
    first, second = dissect(captures.log(packets))[-2:]
    assert second.sending == "spurious"
    assert roles(first) == roles(second)


# QUIC, DNS, the rest.


def long_header(form: int, body: int, *, version: int = 1, ids: tuple[int, int] = (8, 4)) -> bytes:
    head = bytes((0xC0 | form << 4,)) + struct.pack("!I", version)
    head += bytes((ids[0],)) + b"\x0d" * ids[0] + bytes((ids[1],)) + b"\x05" * ids[1]
    if (form if version == 1 else (form - 1) % 4) == 0:
        head += b"\x00"
    return head + struct.pack("!H", 0x4000 | body) + b"\x99" * body


def forms(*payloads: bytes, width: int = 1500) -> list[tuple[list[str], bool, str]]:
    packets = dissect(captures.log([udp(payload) for payload in payloads], width=width))
    return [
        ([p.form for p in packet.quic.packets] if packet.quic else [], packet.hidden, packet.kind)
        for packet in packets
    ]


def test_quic_packets_in_one_datagram_are_told_apart() -> None:
    short = b"\x41" + b"\x77" * 30
    together = long_header(0, 60) + long_header(2, 40) + short
    early = long_header(0, 300) + long_header(1, 40)
    assert forms(together, short) == [
        (["initial", "handshake", "1-rtt"], False, "secure"),
        (["1-rtt"], False, "data"),
    ]
    assert forms(early) == [(["initial", "0-rtt"], False, "data")]
    assert forms(early, width=128) == [(["initial"], True, "secure")]


def test_quic_padding_behind_a_packet_is_none() -> None:
    assert forms(long_header(0, 60) + bytes(500)) == [(["initial"], False, "secure")]


def test_a_quic_packet_is_no_longer_than_its_datagram() -> None:
    quic = dissect(captures.log([udp(long_header(0, 900)[:200])]))[0].quic
    assert quic is not None
    assert [packet.size_bytes for packet in quic.packets] == [200]


def test_quic_version_2_numbers_its_types_otherwise() -> None:
    payloads = [long_header(form, 30, version=0x6B3343CF) for form in (1, 2, 3)]
    assert [found[0] for found in forms(*payloads)] == [["initial"], ["0-rtt"], ["handshake"]]


def test_quic_retry_and_version_negotiation() -> None:
    retry = bytes((0xF0,)) + struct.pack("!I", 1) + b"\x00\x04abcd" + bytes(20) + bytes(16)
    negotiation = bytes((0x80,)) + bytes(4) + b"\x04abcd\x04efgh" + struct.pack("!II", 1, 0x6B3343CF)
    assert [found[0] for found in forms(long_header(0, 1100), retry, negotiation)] == [
        ["initial"],
        ["retry"],
        ["version negotiation"],
    ]
    quic = dissect(captures.log([udp(retry)]))[0].quic
    assert quic is not None
    assert (quic.packets[0].source_id, quic.packets[0].token_bytes) == (b"abcd", 20)


def test_a_short_header_has_the_id_that_its_receiver_chose() -> None:
    packets = [udp(long_header(0, 30, ids=(8, 4))), udp(b"\x40" + b"abcdefgh", source=SERVER)]
    quic = dissect(captures.log(packets))[1].quic
    assert quic is not None
    assert quic.packets[0].destination_id == b"abcd"


def test_a_datagram_that_only_looks_so_is_udp() -> None:
    found = dissect(captures.log([udp(b"\x41hello"), udp(b"\xc0\x12\x34\x56\x78hello")]))
    assert [packet.protocol for packet in found] == ["udp", "udp"]


def question(
    number: int, name: bytes = b"\x01a\x07example\x00", flags: int = 0x0100, answers: int = 0
) -> bytes:
    return struct.pack("!HHHHHH", number, flags, 1, answers, 0, 0) + name + struct.pack("!HH", 28, 1)


def test_dns_is_read_and_a_question_asked_again_is_known() -> None:
    asked = udp(question(7), server_port=53)
    answer = udp(question(7, flags=0x8183), server_port=53, source=SERVER)
    found = dissect(captures.log([asked, asked, answer]))
    assert [packet.sending for packet in found] == ["first", "again", "first"]
    dns = found[2].dns
    assert dns is not None
    assert (dns.name, dns.kind, dns.code, dns.response) == ("a.example", "AAAA", "NXDOMAIN", True)


def test_a_name_that_was_cut_off_says_so() -> None:
    long_name = b"".join(bytes((40,)) + b"n" * 40 for _ in range(4)) + b"\x00"
    dns = dissect(captures.log([udp(question(1, long_name), server_port=53)]))[0].dns
    assert dns is not None
    assert dns.name.endswith("…")
    assert dns.kind == ""


def test_ipv6_extension_headers_are_passed_over() -> None:
    segment = tcp(SYN, ISN)[20:]
    options = bytes((60, 1)) + b"\xaa" * 14 + bytes((6, 0)) + bytes(6)
    packet = dissect(captures.log([captures.ipv6(segment, extensions=options)]))[0]
    assert packet.tcp is not None
    assert packet.tcp.flags == "S"


def test_what_is_neither_tcp_nor_udp_is_named() -> None:
    packets = [
        captures.ipv4(bytes((8, 0)) + bytes(6), protocol=1),
        captures.ipv4(bytes((3, 3)) + bytes(6), protocol=1),
        captures.ipv6(bytes((135, 0)) + bytes(22), protocol=58),
        captures.ipv4(bytes(20), protocol=47),
        captures.ipv4(bytes(20), protocol=6, fragment=100),
    ]
    found = dissect(captures.log(packets))
    assert [packet.text for packet in found[:3]] == [
        "echo request",
        "port unreachable",
        "neighbour solicitation",
    ]
    assert [packet.protocol for packet in found[3:]] == ["other", "other"]
    assert found[4].text == "fragment"
