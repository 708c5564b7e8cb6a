"""Packets of real exchanges, captured on a link of 25 ms each way, and packets built by hand.

`packet_logs/NAME.npz` holds a PacketLog's columns. The exchanges: `tls12`, `tls13`, `tls13_resumed`,
`tls13_early` (OpenSSL, the last against nginx), `quic`, `quic_zero` (aioquic; heads of 720 bytes, so that the
0-RTT packet behind the Initial is seen), `http6` (IPv6), `drop` (the fifth packet with payload dropped),
`bulk` (over 400 packets, 1.2 % lost), `six` (six connections, a packet dropped), `dns` (five hosts).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from hinterland.model.packets import FATES, HEAD_BYTES, PacketLog

FOLDER = Path(__file__).parent / "packet_logs"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.npz")))

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
CLIENT, SERVER = 0, 1


@cache
def load(name: str) -> PacketLog:
    with np.load(FOLDER / f"{name}.npz") as columns:
        return PacketLog(
            hosts=tuple(str(host) for host in columns["hosts"]),
            source=columns["source"],
            destination=columns["destination"],
            sent_ns=columns["sent_ns"],
            done_ns=columns["done_ns"],
            size_bytes=columns["size_bytes"],
            fate=columns["fate"],
            duplicate=columns["duplicate"],
            head=columns["head"],
            left_out=int(columns["left_out"]),
        )


def ipv4(body: bytes, *, source: int = CLIENT, protocol: int = 6, fragment: int = 0) -> bytes:
    ends = [bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))]
    first, second = (ends[0], ends[1]) if source == CLIENT else (ends[1], ends[0])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, fragment, 64, protocol, 0)
    return head + first + second + body


def ipv6(body: bytes, *, source: int = CLIENT, protocol: int = 6, extensions: bytes = b"") -> bytes:
    ends = [bytes(15) + b"\x01", bytes(15) + b"\x02"]
    first, second = (ends[0], ends[1]) if source == CLIENT else (ends[1], ends[0])
    next_header = 0 if extensions else protocol
    whole = extensions + body
    return struct.pack("!IHBB", 6 << 28, len(whole), next_header, 64) + first + second + whole


def tcp(
    flags: int,
    seq: int,
    ack: int = 0,
    payload: bytes = b"",
    *,
    source: int = CLIENT,
    port: int = 40000,
    options: bytes = b"",
) -> bytes:
    ports = (port, 443) if source == CLIENT else (443, port)
    options += bytes(-len(options) % 4)
    offset = (20 + len(options)) // 4 << 4
    wrapped = (seq % (1 << 32), ack % (1 << 32))
    segment = struct.pack("!HHIIBBHHH", *ports, *wrapped, offset, flags, 500, 0, 0) + options + payload
    return ipv4(segment, source=source)


def udp(payload: bytes, *, source: int = CLIENT, port: int = 40000, server_port: int = 443) -> bytes:
    ports = (port, server_port) if source == CLIENT else (server_port, port)
    return ipv4(struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload, source=source, protocol=17)


def record(kind: int, body: bytes | int) -> bytes:
    """A TLS record of this type; a number makes a body of so many bytes."""
    whole = body if isinstance(body, bytes) else bytes([0xAA]) * body
    return bytes((kind, 3, 3)) + struct.pack("!H", len(whole)) + whole


def message(kind: int, length: int) -> bytes:
    return bytes((kind,)) + length.to_bytes(3, "big") + bytes(length)


def log(
    packets: Sequence[bytes],
    *,
    fates: Sequence[str] = (),
    copies: Sequence[int] = (),
    sources: Sequence[int] | None = None,
    gap_ms: float = 1.0,
    delay_ms: float = 25.0,
    width: int = HEAD_BYTES,
) -> PacketLog:
    """A log of these packets, `gap_ms` apart; who sent one is told by its address's last byte."""
    count = len(packets)
    heads = np.zeros((count, width), np.uint8)
    for row, packet in enumerate(packets):
        heads[row, : min(len(packet), width)] = np.frombuffer(packet[:width], np.uint8)
    if sources is None:
        sources = [packet[15] - 1 if packet[0] >> 4 == 4 else packet[23] - 1 for packet in packets]
    fate = np.array([FATES.index(word) for word in fates] or [0] * count, np.int8)
    sent = (np.arange(count) * gap_ms * 1e6).astype(np.int64)
    return PacketLog(
        hosts=("client", "server"),
        source=np.array(sources, np.int16),
        destination=1 - np.array(sources, np.int16),
        sent_ns=sent,
        done_ns=np.where(fate == 0, sent + int(delay_ms * 1e6), -1),
        size_bytes=np.array([len(packet) for packet in packets], np.int32),
        fate=fate,
        duplicate=np.array([row in copies for row in range(count)], np.bool_),
        head=heads,
    )


# A connection of two hosts: the client's numbers begin at ISN, the server's at THEIRS.

ISN, THEIRS = 1000, 5000


def opened() -> list[bytes]:
    return [
        tcp(SYN, ISN),
        tcp(SYN | ACK, THEIRS, ISN + 1, source=SERVER),
        tcp(ACK, ISN + 1, THEIRS + 1),
    ]


def ours(position: int, payload: bytes = b"", flags: int = ACK | PSH) -> bytes:
    return tcp(flags, ISN + position, THEIRS + 1, payload)


def theirs(position: int, payload: bytes = b"", flags: int = ACK | PSH, ack: int = 1) -> bytes:
    return tcp(flags, THEIRS + position, ISN + ack, payload, source=SERVER)
