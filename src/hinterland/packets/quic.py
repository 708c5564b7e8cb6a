"""QUIC packets by their headers, which is all that is not encrypted (RFC 8999, RFC 9000, RFC 9369).

A datagram may hold several packets, one behind the other. Long headers say how long their packet is; a short
header takes the rest. A later header that lies beyond the kept bytes is not seen, and the datagram says so.
Numbers of packets, acknowledgements and streams are encrypted: a retransmission can't be told from the
outside.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Form = Literal["initial", "0-rtt", "handshake", "retry", "version negotiation", "1-rtt"]

_FORMS: tuple[Form, ...] = ("initial", "0-rtt", "handshake", "retry")
VERSION_1, VERSION_2 = 0x00000001, 0x6B3343CF
_LONGEST_ID = 20


class QuicPacket(Struct, frozen=True):
    """A QUIC packet. version: 0 where its header names none. destination_id, source_id: connection ids; a
    short header has no source_id, and its destination_id is empty where its length is not known.
    size_bytes: header and body. token_bytes: of an Initial."""

    form: Form
    version: int
    destination_id: bytes
    source_id: bytes
    size_bytes: int
    token_bytes: int = 0


class Quic(Struct, frozen=True):
    """The packets of a datagram, and whether it holds more that the kept bytes do not show."""

    packets: tuple[QuicPacket, ...]
    hidden: bool = False


def is_long(payload: bytes) -> bool:
    """Decides whether a datagram begins with a long header of a version that we know."""
    if len(payload) < 7 or not payload[0] & 0x80:
        return False
    version = int.from_bytes(payload[1:5], "big")
    if version == 0:
        return True
    known = (
        version in (VERSION_1, VERSION_2) or version >> 8 == 0xFF0000 or version & 0x0F0F0F0F == 0x0A0A0A0A
    )
    return known and bool(payload[0] & 0x40) and payload[5] <= _LONGEST_ID


def read(payload: bytes, payload_bytes: int, id_bytes: int | None = None) -> Quic | None:
    """Returns the packets of a datagram of `payload_bytes`; None where it does not begin with one.

    `id_bytes`: how long the connection id of a short header is, which only the receiver chose and knows.
    """
    packets: list[QuicPacket] = []
    place = 0
    while place < payload_bytes:
        rest = payload[place:]
        if not rest:
            return Quic(tuple(packets), hidden=True) if packets else None
        if packets and not rest[0] & 0xC0:
            # Neither form has both bits clear: this is padding behind the last packet.
            break
        packet = _packet(rest, payload_bytes - place, id_bytes)
        if packet is None:
            return Quic(tuple(packets), hidden=True) if packets else None
        packets.append(packet)
        place += packet.size_bytes
    return Quic(tuple(packets)) if packets else None


def _packet(data: bytes, room: int, id_bytes: int | None) -> QuicPacket | None:
    if not data[0] & 0x80:
        own = data[1 : 1 + id_bytes] if id_bytes else b""
        return QuicPacket("1-rtt", 0, own, b"", room) if data[0] & 0x40 else None
    if not is_long(data):
        return None
    version = int.from_bytes(data[1:5], "big")
    own, place = _counted(data, 5)
    other, place = _counted(data, place)
    if place > len(data):
        return None
    if version == 0:
        return QuicPacket("version negotiation", 0, own, other, room)
    kind = (data[0] >> 4) & 3
    form = _FORMS[(kind - 1) % 4 if version == VERSION_2 else kind]
    if form == "retry":
        return QuicPacket(form, version, own, other, room, max(room - place - 16, 0))
    token = 0
    if form == "initial":
        token, place = _number(data, place)
        place += token
    length, place = _number(data, place)
    size = min(place + length, room) if 0 <= place <= len(data) else room
    return QuicPacket(form, version, own, other, max(size, 1), token)


def _counted(data: bytes, place: int) -> tuple[bytes, int]:
    """Returns bytes that are preceded by their count in one byte, and the place behind them."""
    if place >= len(data):
        return b"", len(data) + 1
    end = place + 1 + data[place]
    return data[place + 1 : end], end


def _number(data: bytes, place: int) -> tuple[int, int]:
    """Returns a number of variable length (RFC 9000, section 16) and the place behind it.

    Where it is cut off, 0 and a place beyond the data.
    """
    if place >= len(data):
        return 0, len(data) + 1
    size = 1 << (data[place] >> 6)
    if place + size > len(data):
        return 0, len(data) + 1
    value = int.from_bytes(data[place : place + size], "big") & ((1 << (8 * size - 2)) - 1)
    return value, place + size
