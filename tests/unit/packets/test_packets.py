"""Dissection: packets built by hand come out as what they are, and any bytes at all come out as something."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import captures
import numpy as np
import pytest
from captures import ACK, FIN, ISN, RST, SERVER, SYN, THEIRS, opened, ours, tcp, theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from msgspec.structs import replace

from hinterland.model.packets import FATES, PacketLog
from hinterland.packets.dissection import Packet, dissect
from hinterland.packets.tcp import Ranges


def sendings(packets: list[bytes], **how: object) -> list[str]:
    return [packet.sending for packet in dissect(captures.log(packets, **how))]  # type: ignore[arg-type]


# TCP.


def test_a_connection_opens_carries_and_closes() -> None:
    packets = [
        *opened(),
        ours(1, b"x" * 10),
        theirs(1, flags=ACK, ack=11),
        ours(11, flags=FIN | ACK),
        tcp(RST, THEIRS + 1, source=SERVER),
    ]
    found = dissect(captures.log(packets))
    assert [packet.kind for packet in found] == ["open", "open", "open", "data", "ack", "close", "close"]
    assert [packet.by_opener for packet in found] == [True, False, True, True, False, True, False]
    assert {packet.connection for packet in found} == {0}
    assert [packet.tcp.flags for packet in found if packet.tcp][:4] == ["S", "SA", "A", "AP"]
    assert (found[3].position, found[3].payload_bytes) == (1, 10)
    assert found[4].acknowledged == 11


def test_bytes_sent_again_are_needed_or_in_vain() -> None:
    lost = [*opened(), ours(1, b"x" * 10), ours(1, b"x" * 10), ours(1, b"x" * 10)]
    fates = ["delivered"] * 3 + ["lost", "delivered", "delivered"]
    assert sendings(lost, fates=fates)[3:] == ["first", "again", "spurious"]


def test_a_part_that_was_lost_makes_it_needed() -> None:
    packets = [*opened(), ours(1, b"x" * 10), ours(11, b"y" * 10), ours(1, b"z" * 20)]
    fates = ["delivered"] * 3 + ["delivered", "queue", "delivered"]
    assert sendings(packets, fates=fates)[-1] == "again"
    assert sendings(packets)[-1] == "spurious"


def test_syn_and_fin_can_be_sent_again() -> None:
    packets = [
        tcp(SYN, ISN),
        tcp(SYN, ISN),
        *opened()[1:],
        ours(1, flags=FIN | ACK),
        ours(1, flags=FIN | ACK),
    ]
    fates = ["lost"] + ["delivered"] * 5
    assert sendings(packets, fates=fates) == ["first", "again", "first", "first", "first", "spurious"]


def test_a_copy_made_by_the_link_is_no_retransmission() -> None:
    packets = [*opened(), ours(1, b"x"), ours(1, b"x"), ours(2, b"y")]
    assert sendings(packets, copies=[4])[3:] == ["first", "copy", "first"]


def test_a_keep_alive_is_a_probe() -> None:
    packets = [*opened(), ours(1, b"x" * 5), ours(5, flags=ACK), ours(6, flags=ACK)]
    assert sendings(packets)[-2:] == ["probe", "first"]


def test_a_repeated_acknowledgement_is_known() -> None:
    packets = [*opened(), *[theirs(1, b"x" * 5)], ours(1, flags=ACK), ours(1, flags=ACK)]
    found = dissect(captures.log(packets))
    # The first bare acknowledgement repeats the one of the handshake.
    assert [packet.repeats_ack for packet in found] == [False, False, False, False, True, True]


def test_sequence_numbers_wrap_around() -> None:
    isn = (1 << 32) - 6
    packets = [
        tcp(SYN, isn),
        tcp(SYN | ACK, THEIRS, isn + 1, source=SERVER),
        *(tcp(ACK, isn + 1 + 10 * step, THEIRS + 1, b"x" * 10) for step in range(3)),
        tcp(ACK, isn + 1, THEIRS + 1, b"x" * 10),
        tcp(ACK, THEIRS + 1, isn + 31, source=SERVER),
    ]
    found = dissect(captures.log(packets))
    assert [packet.position for packet in found[2:6]] == [1, 11, 21, 1]
    assert [packet.sending for packet in found[2:6]] == ["first", "first", "first", "spurious"]
    assert found[-1].acknowledged == 31


def test_the_same_ports_can_serve_twice() -> None:
    again = [tcp(SYN, 90_000), tcp(SYN | ACK, 95_000, 90_001, source=SERVER)]
    found = dissect(captures.log([*opened(), ours(1, flags=FIN | ACK), *again]))
    assert [packet.connection for packet in found] == [0, 0, 0, 0, 1, 1]
    assert {packet.sending for packet in found} == {"first"}


def test_a_log_that_begins_at_the_answer_still_knows_who_asked() -> None:
    _, answer, agreed = opened()
    request = ours(1, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    found = dissect(captures.log([answer, answer, agreed, request, tcp(SYN, 7777)]))
    assert [packet.by_opener for packet in found] == [False, False, True, True, True]
    assert [packet.connection for packet in found] == [0, 0, 0, 0, 0]
    assert found[1].sending == "spurious"
    assert found[3].text == "GET /"


def test_fast_open_and_sack_are_read_from_the_options() -> None:
    cookie = bytes((34, 10)) + bytes(8)
    blocks = bytes((1, 1, 5, 10)) + struct.pack("!II", ISN + 20, ISN + 30)
    packets = [
        tcp(SYN, ISN, payload=b"early", options=cookie),
        tcp(ACK, THEIRS, ISN, source=SERVER, options=blocks),
    ]
    syn, answer = (packet.tcp for packet in dissect(captures.log(packets)))
    assert syn is not None
    assert answer is not None
    assert (syn.fast_open, syn.cookie_bytes, syn.payload_bytes) == (True, 8, 5)
    assert answer.sack == ((ISN + 20, ISN + 30),)


@pytest.mark.parametrize(
    "text", ["HTTP/1.1 200 OK\r\nA: b", "POST /a?b HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n"]
)
def test_http_in_the_clear_is_read(text: str) -> None:
    packet = dissect(captures.log([*opened(), ours(1, text.encode())]))[-1]
    assert packet.text == text.split("\r\n")[0].removesuffix(" HTTP/1.1").removesuffix(" HTTP/1.0")


@pytest.mark.parametrize("payload", [b"get / HTTP/1.1", b"\x00\x01\x02", b"GET", b"PING PONG", b"A B\xff"])
def test_what_is_not_http_is_data_without_words(payload: bytes) -> None:
    packet = dissect(captures.log([*opened(), ours(1, payload)]))[-1]
    assert (packet.text, packet.kind) == ("", "data")


# Any bytes at all.


def checked(log: PacketLog) -> tuple[Packet, ...]:
    """Dissects, and holds what must be true of any packet."""
    found = dissect(log)
    assert [packet.index for packet in found] == list(range(len(log)))
    for packet in found:
        assert packet.payload_bytes >= 0
        assert packet.fate in FATES
        assert packet.dropped == (packet.fate != "delivered")
        if packet.tls is not None:
            assert all(each.size_bytes > 5 for each in packet.tls.begun)
        if packet.quic is not None:
            assert sum(each.size_bytes for each in packet.quic.packets) <= packet.payload_bytes
    return found


@given(st.lists(st.binary(max_size=160), max_size=12), st.sampled_from([1, 20, 64, 128]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_dissected(packets: list[bytes], width: int) -> None:
    checked(captures.log(packets, sources=[len(packet) % 2 for packet in packets], width=width))


@given(
    st.lists(
        st.tuples(st.sampled_from([4, 6]), st.sampled_from([6, 17, 1, 58, 0, 44]), st.binary(max_size=110)),
        max_size=10,
    ),
    st.sampled_from([53, 443]),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_behind_a_good_header_are_dissected(
    bodies: list[tuple[int, int, bytes]], port: int
) -> None:
    packets = []
    for number, (version, protocol, body) in enumerate(bodies):
        whole = struct.pack("!HH", port, 40000) + body if body else body
        make = captures.ipv4 if version == 4 else captures.ipv6
        packets.append(make(whole, source=number % 2, protocol=protocol))
    checked(captures.log(packets))


@pytest.mark.parametrize("name", captures.NAMES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_real_packets_damaged_or_cut_short_are_dissected(name: str, data: st.DataObject) -> None:
    log = captures.load(name)
    count = min(len(log), 60)
    heads = log.head[:count].copy()
    for _ in range(data.draw(st.integers(1, 30))):
        heads[data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, 127))] = data.draw(
            st.integers(0, 255)
        )
    sizes = data.draw(arrays.arrays(np.int32, count, elements=st.integers(0, 1500)))
    keep = data.draw(st.booleans())
    cut = replace(
        log,
        head=heads[:, : data.draw(st.integers(1, 128))],
        size_bytes=log.size_bytes[:count] if keep else sizes,
        **{
            column: getattr(log, column)[:count]
            for column in ("source", "destination", "sent_ns", "done_ns", "fate", "duplicate")
        },
    )
    checked(cut)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=25),
    st.integers(0, 70),
    st.integers(1, 9),
)
@settings(max_examples=200, deadline=None)
def test_ranges_are_a_set(stretches: list[tuple[int, int]], start: int, length: int) -> None:
    ranges = Ranges()
    numbers: set[int] = set()
    for first, size in stretches:
        ranges.add(first, first + size)
        numbers |= set(range(first, first + size))
    asked = set(range(start, start + length))
    assert ranges.meets(start, start + length) == bool(asked & numbers)
    assert ranges.holds(start, start + length) == (asked <= numbers)


@dataclass
class Sender:
    """The plain account of what one side sent: every byte by its number."""

    sent: set[int]
    arrived: set[int]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12), st.booleans()), max_size=25))
@settings(max_examples=150, deadline=None)
def test_retransmissions_are_those_of_a_byte_by_byte_account(segments: list[tuple[int, int, bool]]) -> None:
    account = Sender(set(), set())
    expected = []
    for start, size, arrives in segments:
        asked = set(range(start, start + size))
        if asked & account.sent:
            expected.append("spurious" if asked <= account.arrived else "again")
        else:
            expected.append("first")
        account.sent |= asked
        account.arrived |= asked if arrives else set()
    packets = [*opened(), *(ours(start, b"x" * size) for start, size, _ in segments)]
    fates = ["delivered"] * 3 + ["delivered" if arrives else "lost" for *_, arrives in segments]
    assert sendings(packets, fates=fates)[3:] == expected
