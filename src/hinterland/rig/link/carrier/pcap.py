"""Writes captures that Wireshark and tcpdump read: libpcap's classic format, nanoseconds, raw IP."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

NANOSECOND_MAGIC = 0xA1B23C4D
LINKTYPE_RAW = 101
SNAP_BYTES = 65_535

_FILE = Struct("=IHHiIII")
_PACKET = Struct("=IIII")

Capture = tuple[int, bytes]
"""(nanoseconds since 1970, the packet from its IP header on)."""


def write_pcap(path: str, captures: Iterable[Capture]) -> None:
    """Writes a file of whole IP packets, IPv4 and IPv6 mixed, in the order given."""
    with open(path, "wb") as file:
        file.write(_FILE.pack(NANOSECOND_MAGIC, 2, 4, 0, 0, SNAP_BYTES, LINKTYPE_RAW))
        for time_ns, packet in captures:
            seconds, rest_ns = divmod(time_ns, 1_000_000_000)
            file.write(_PACKET.pack(seconds, rest_ns, len(packet), len(packet)))
            file.write(packet)
