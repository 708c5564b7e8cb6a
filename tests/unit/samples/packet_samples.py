"""IP packets as bytes, made by hand from the RFCs' layouts."""

from __future__ import annotations

import struct

SYN, ACK, PSH = 0x02, 0x10, 0x08


def tcp(flags: int = ACK, payload: bytes = b"", options: bytes = b"") -> bytes:
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", 40000, 443, 1, 1, offset, flags, 512, 0, 0) + options + payload


def udp(payload: bytes = b"") -> bytes:
    return struct.pack("!HHHH", 40000, 443, 8 + len(payload), 0) + payload


def ipv4(
    body: bytes,
    protocol: int = 6,
    *,
    source: str = "10.0.0.1",
    destination: str = "10.0.0.2",
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    addresses = bytes(int(part) for text in (source, destination) for part in text.split("."))
    length = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 | length // 4, 0, length + len(body), 0, fragment, 64, protocol, 0)
    return head + addresses + options + body


def ipv6(
    body: bytes,
    protocol: int = 6,
    *,
    source: bytes = bytes(15) + b"\1",
    destination: bytes = bytes(15) + b"\2",
) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + source + destination + body
