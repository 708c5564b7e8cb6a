"""What the packets of a log are: TCP segments with their TLS records, QUIC, DNS, ICMP; first sent or again.

Only the head of each packet was kept (as wide as the log's `head`). The size of a packet is always known;
a TLS record or a QUIC packet further in may be hidden, and then the packet says so. Nothing here trusts a
byte: any bytes at all give a packet of some kind.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from hinterland.model.packets import FATES, PacketLog
from hinterland.packets import dns as dns_packets
from hinterland.packets import ip as ip_packets
from hinterland.packets import quic as quic_packets
from hinterland.packets import tcp as tcp_packets
from hinterland.packets.connections import Connection, Connections
from hinterland.packets.dns import Dns
from hinterland.packets.quic import Quic
from hinterland.packets.tcp import Segment, Sending
from hinterland.packets.tls import Records

Protocol = Literal["tcp", "quic", "dns", "udp", "icmp", "other"]
Kind = Literal["open", "secure", "data", "ack", "close", "other"]
"""What a packet is for: to open a connection, to agree on keys, to carry data, to acknowledge, to close."""

NO_CONNECTION = -1
_DNS_PORTS = {dns_packets.PORT, dns_packets.MULTICAST_PORT}


class Packet(Struct, frozen=True):
    """One packet of a log, dissected.

    index: its place in the log. sent_ns, done_ns (-1: it never arrived), size_bytes, fate: as in the log.
    connection: counts from 0 by first packet, -1 for what belongs to none; by_opener: it goes from the host
    that sent the first packet. payload_bytes: what the transport carries. position: of the first byte of a
    TCP segment in its side's stream, data beginning at 1; acknowledged: how far it acknowledges the other's,
    -1 where that is not known. repeats_ack: a bare acknowledgement that says nothing new. text: the first
    line of an HTTP/1 message in the clear. hidden: it carries more than the kept bytes show.
    """

    index: int
    source: str
    destination: str
    sent_ns: int
    done_ns: int
    size_bytes: int
    fate: str
    protocol: Protocol = "other"
    kind: Kind = "other"
    connection: int = NO_CONNECTION
    by_opener: bool = True
    payload_bytes: int = 0
    sending: Sending = "first"
    position: int = 0
    acknowledged: int = -1
    repeats_ack: bool = False
    tcp: Segment | None = None
    tls: Records | None = None
    quic: Quic | None = None
    dns: Dns | None = None
    text: str = ""
    hidden: bool = False

    @property
    def dropped(self) -> bool:
        """Whether the link let it die; a packet still on its way when the log ended has no done_ns either."""
        return self.fate != "delivered"

    @property
    def again(self) -> bool:
        """Whether its sender had sent these bytes before, needed or not."""
        return self.sending in ("again", "spurious")


def dissect(log: PacketLog) -> tuple[Packet, ...]:
    """Returns a packet for each entry of the log, in its order."""
    reader = _Reader()
    heads = log.head.tobytes()
    width = log.head.shape[1] if log.head.ndim == 2 else 0
    columns = zip(
        log.source.tolist(),
        log.destination.tolist(),
        log.sent_ns.tolist(),
        log.done_ns.tolist(),
        log.size_bytes.tolist(),
        log.fate.tolist(),
        log.duplicate.tolist(),
        strict=True,
    )
    found = []
    for index, (source, destination, sent, done, size, fate, copy) in enumerate(columns):
        plain = Packet(index, log.hosts[source], log.hosts[destination], sent, done, size, FATES[fate])
        kept = heads[index * width : index * width + min(width, max(size, 0))]
        found.append(reader.read(plain, kept, copy))
    return tuple(found)


class _Reader:
    """Knows the connections of a log while it is read."""

    def __init__(self) -> None:
        self._connections = Connections()

    def read(self, plain: Packet, kept: bytes, copy: bool) -> Packet:
        header = ip_packets.read(kept, plain.size_bytes)
        if header is None:
            return plain
        changed: dict[str, Any] = {"payload_bytes": header.body_bytes}
        if header.later_fragment:
            changed |= {"text": "fragment", "kind": "data"}
        elif header.protocol == ip_packets.TCP:
            changed |= self._tcp(plain, header, copy)
        elif header.protocol == ip_packets.UDP:
            changed |= self._udp(header, copy)
        elif header.protocol in (ip_packets.ICMP, ip_packets.ICMP6):
            changed |= {"protocol": "icmp", "text": ip_packets.icmp_says(header)}
        if copy:
            changed["sending"] = "copy"
        return _with(plain, changed)

    def _tcp(self, plain: Packet, header: ip_packets.Header, copy: bool) -> dict[str, Any]:
        segment = tcp_packets.read(header.body, header.body_bytes)
        if segment is None:
            return {"protocol": "tcp", "hidden": True}
        source, destination = (
            (header.source, segment.source_port),
            (header.destination, segment.destination_port),
        )
        known = self._connections.of("tcp", source, destination)
        by_opener = known.opener == source
        if "S" in segment.flags and known.starts.get(by_opener, segment.seq) != segment.seq:
            # The same ports with another first number: one connection is over and a new one begins.
            known = self._connections.of("tcp", source, destination, fresh=True)
            by_opener = True
        side, other = known.sides[by_opener], known.sides[not by_opener]
        if "S" in segment.flags:
            known.starts[by_opener] = segment.seq
            if "A" in segment.flags and len(known.starts) == 1 and by_opener and not copy:
                # The log began between SYN and its answer: the one who answers is not the opener.
                known.turn(destination)
                by_opener = False
        if copy:
            position, sending = side.position(segment), tcp_packets.COPY
            repeats = False
        else:
            position, sending = side.take(segment, not plain.dropped)
            repeats = side.repeats_ack(segment)
        records = None
        if segment.payload_bytes:
            start = position + ("S" in segment.flags)
            records = known.tls.read(by_opener, start, segment.payload, segment.payload_bytes)
        dns = _dns_over_tcp(segment)
        return {
            "protocol": "dns" if dns else "tcp",
            "kind": _tcp_kind(segment, records, known),
            "connection": known.number,
            "by_opener": by_opener,
            "payload_bytes": segment.payload_bytes,
            "sending": sending,
            "position": position,
            "acknowledged": other.place_of(segment.ack) if "A" in segment.flags else -1,
            "repeats_ack": repeats,
            "tcp": segment,
            "tls": records,
            "dns": dns,
            "text": _first_line(segment.payload) if records is None else "",
            "hidden": records.hidden if records else False,
        }

    def _udp(self, header: ip_packets.Header, copy: bool) -> dict[str, Any]:
        body = header.body
        if len(body) < 8:
            return {"protocol": "udp", "kind": "data", "hidden": True}
        ports = (int.from_bytes(body[0:2], "big"), int.from_bytes(body[2:4], "big"))
        size = max(header.body_bytes - 8, 0)
        source = (header.source, ports[0])
        known = self._connections.of("udp", source, (header.destination, ports[1]))
        by_opener = known.opener == source
        found: dict[str, Any] = {
            "protocol": "udp",
            "kind": "data",
            "connection": known.number,
            "by_opener": by_opener,
            "payload_bytes": size,
        }
        dns = dns_packets.read(body[8:]) if _DNS_PORTS & set(ports) else None
        if dns is not None:
            return found | {"protocol": "dns", "dns": dns, "sending": _dns_sending(known, dns, copy)}
        quic = _quic(known, by_opener, body[8:], size)
        if quic is not None:
            found |= {"protocol": "quic", "kind": _quic_kind(quic), "quic": quic, "hidden": quic.hidden}
        return found


def _with(plain: Packet, changed: dict[str, Any]) -> Packet:
    fields = {name: getattr(plain, name) for name in _GIVEN}
    return Packet(**fields, **changed)


_GIVEN = ("index", "source", "destination", "sent_ns", "done_ns", "size_bytes", "fate")


def _tcp_kind(segment: Segment, records: Records | None, known: Connection) -> Kind:
    if "S" in segment.flags:
        return "open"
    if "R" in segment.flags:
        return "close"
    if segment.payload_bytes:
        return _payload_kind(records, known)
    if "F" in segment.flags:
        return "close"
    if not known.settled and "A" in segment.flags and len(known.starts) == 2:
        # The third packet of the handshake.
        known.settled = True
        return "open"
    return "ack"


def _payload_kind(records: Records | None, known: Connection) -> Kind:
    known.settled = True
    if records is None:
        return "data"
    if records.early:
        return "data"
    seen = [*([records.continued] if records.continued else []), *records.begun]
    roles = {record.role for record in seen}
    if roles & {"data", "early"}:
        return "data"
    if roles == {"alert"}:
        return "close"
    return "data" if not roles and known.tls.agreed else "secure"


def _quic(known: Connection, by_opener: bool, payload: bytes, size: int) -> Quic | None:
    known.is_quic = known.is_quic or quic_packets.is_long(payload)
    if not known.is_quic:
        return None
    found = quic_packets.read(payload, size, known.id_bytes.get(not by_opener))
    for packet in found.packets if found else ():
        if packet.form not in ("1-rtt", "version negotiation"):
            known.id_bytes[by_opener] = len(packet.source_id)
    return found


def _quic_kind(quic: Quic) -> Kind:
    forms = {packet.form for packet in quic.packets}
    if "0-rtt" in forms:
        return "data"
    return "data" if "1-rtt" in forms and "initial" not in forms else "secure"


def _dns_over_tcp(segment: Segment) -> Dns | None:
    """A message over TCP has its length in two bytes before it."""
    if not _DNS_PORTS & {segment.source_port, segment.destination_port} or len(segment.payload) < 14:
        return None
    return dns_packets.read(segment.payload[2:])


def _dns_sending(known: Connection, dns: Dns, copy: bool) -> Sending:
    """A question with the same number, name and type between the same two ports was asked before."""
    said = (dns.id, dns.name, dns.kind, dns.response)
    if copy:
        return "copy"
    sending: Sending = "again" if said in known.asked else "first"
    known.asked.add(said)
    return sending


def _first_line(payload: bytes) -> str:
    """Returns the request line or status line of an HTTP/1 message that begins here, or an empty text."""
    line = payload.split(b"\r\n", 1)[0]
    first, _, rest = line.partition(b" ")
    request = first.isalpha() and first.isupper() and len(first) <= 7 and rest[:1] in (b"/", b"*", b"h")
    if not (first in (b"HTTP/1.1", b"HTTP/1.0") or request) or not rest:
        return ""
    text = line.decode("ascii", "replace")
    text = text.removesuffix(" HTTP/1.1").removesuffix(" HTTP/1.0")
    return text if text.isprintable() else ""
