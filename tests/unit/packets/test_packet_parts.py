from __future__ import annotations

import struct

import numpy as np
import pytest

from hinterland.model.packets import HEAD_BYTES, PacketLog
from hinterland.packets.parts import of_port, since


def packet(version: int, source: int, destination: int, options: int = 0) -> bytes:
    ports = struct.pack("!HH", source, destination)
    if version == 4:
        return bytes([0x40 | (5 + options)]) + bytes(19 + 4 * options) + ports
    return bytes([version << 4]) + bytes(39) + ports


def log(*packets: bytes) -> PacketLog:
    head = np.zeros((len(packets), HEAD_BYTES), np.uint8)
    for row, each in enumerate(packets):
        head[row, : len(each)] = np.frombuffer(each, np.uint8)
    zeros = np.zeros(len(packets), np.int64)
    return PacketLog(
        hosts=("client", "server"),
        source=zeros.astype(np.int16),
        destination=zeros.astype(np.int16),
        sent_ns=np.arange(len(packets), dtype=np.int64) * 10,
        done_ns=zeros,
        size_bytes=zeros.astype(np.int32),
        fate=zeros.astype(np.int8),
        duplicate=zeros.astype(np.bool_),
        head=head,
        left_out=3,
    )


@pytest.mark.parametrize("version", [4, 6])
def test_a_connection_is_found_in_both_directions(version: int) -> None:
    there, back = packet(version, 40_000, 443), packet(version, 443, 40_000)
    found = of_port(log(there, packet(version, 40_001, 443), back, packet(version, 443, 40_001)), 40_000)
    assert found.sent_ns.tolist() == [0, 20]
    assert (found.hosts, found.left_out) == (("client", "server"), 3)
    assert found.head.shape == (2, HEAD_BYTES)


def test_ports_stand_behind_options_and_what_is_no_ip_packet_has_none() -> None:
    odd = bytes([0x30]) + packet(4, 443, 443)[1:]
    assert of_port(log(packet(4, 7, 443, options=2), odd, packet(4, 7, 8)), 443).sent_ns.tolist() == [0]


def test_an_empty_log_has_empty_parts() -> None:
    assert len(of_port(log(), 443)) == len(since(log(), 0)) == 0


def test_since_keeps_the_moment_itself() -> None:
    assert since(log(*[packet(4, 1, 2)] * 3), 10).sent_ns.tolist() == [10, 20]
