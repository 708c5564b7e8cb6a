"""The IP header of a packet: who sends to whom, and where the transport's header begins. IPv4 and IPv6."""

from __future__ import annotations

from ipaddress import ip_address

from msgspec import Struct

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
_EXTENSIONS = {_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION}

_ICMP_SAYS = {
    (4, 0): "echo reply",
    (4, 3): "unreachable",
    (4, 8): "echo request",
    (4, 11): "time exceeded",
    (6, 1): "unreachable",
    (6, 2): "packet too big",
    (6, 3): "time exceeded",
    (6, 128): "echo request",
    (6, 129): "echo reply",
    (6, 133): "router solicitation",
    (6, 134): "router advertisement",
    (6, 135): "neighbour solicitation",
    (6, 136): "neighbour advertisement",
    (6, 143): "multicast listener report",
}
_UNREACHABLE_SAYS = {
    (4, 0): "network unreachable",
    (4, 1): "host unreachable",
    (4, 3): "port unreachable",
    (4, 4): "packet too big",
    (6, 0): "no route",
    (6, 3): "address unreachable",
    (6, 4): "port unreachable",
}


class Header(Struct, frozen=True):
    """An IP header. `body` is the transport's header and what follows, as far as it was kept; `body_bytes` is
    how long it was on the wire. `later_fragment`: the body does not begin with a transport's header."""

    version: int
    protocol: int
    source: bytes
    destination: bytes
    body: bytes
    body_bytes: int
    later_fragment: bool = False


def read(kept: bytes, size_bytes: int) -> Header | None:
    """Returns the header of a packet of `size_bytes` whose first bytes are `kept`; None where it has none."""
    version = kept[0] >> 4 if kept else 0
    if version == 4:
        return _read_v4(kept, size_bytes)
    return _read_v6(kept, size_bytes) if version == 6 else None


def _read_v4(kept: bytes, size_bytes: int) -> Header | None:
    length = (kept[0] & 15) * 4
    if len(kept) < 20 or length < 20:
        return None
    total = int.from_bytes(kept[2:4], "big")
    end = min(size_bytes, total) if total >= length else size_bytes
    fragment = int.from_bytes(kept[6:8], "big") & 0x1FFF
    size = max(end - length, 0)
    return Header(4, kept[9], kept[12:16], kept[16:20], kept[length:][:size], size, fragment > 0)


def _read_v6(kept: bytes, size_bytes: int) -> Header | None:
    if len(kept) < 40:
        return None
    total = 40 + int.from_bytes(kept[4:6], "big")
    end = min(size_bytes, total) if total > 40 else size_bytes
    protocol, place, later = kept[6], 40, False
    while protocol in _EXTENSIONS and place + 8 <= len(kept):
        if protocol == _FRAGMENT:
            later = later or int.from_bytes(kept[place + 2 : place + 4], "big") >> 3 > 0
            step = 8
        else:
            step = 8 * (kept[place + 1] + 1)
        protocol, place = kept[place], place + step
    size = max(end - place, 0)
    return Header(6, protocol, kept[8:24], kept[24:40], kept[place:][:size], size, later)


def address_text(address: bytes) -> str:
    """Returns an address of 4 or 16 bytes as people write it; any other length in hexadecimal."""
    return str(ip_address(address)) if len(address) in (4, 16) else address.hex()


def icmp_says(header: Header) -> str:
    """Returns what an ICMP message is about, such as `echo request` or `port unreachable`."""
    if len(header.body) < 2:
        return "ICMP"
    kind, code = header.body[0], header.body[1]
    if (header.version, kind) in {(4, 3), (6, 1)} and (header.version, code) in _UNREACHABLE_SAYS:
        return _UNREACHABLE_SAYS[header.version, code]
    return _ICMP_SAYS.get((header.version, kind), f"ICMP type {kind}")
