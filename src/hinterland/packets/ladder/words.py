"""What a packet is called in a ladder: few words, its size, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hinterland.drawing import numbers
from hinterland.packets.dissection import Kind, Packet
from hinterland.packets.dns import Dns
from hinterland.packets.tcp import Segment
from hinterland.packets.tls import END_OF_EARLY_DATA_BYTES, FINISHED_BYTES, Record, Records

KINDS: dict[Kind, str] = {
    "open": "TCP handshake",
    "secure": "TLS or QUIC handshake",
    "data": "data",
    "ack": "acknowledgement",
    "close": "close or reset",
    "other": "other",
}
FATES = {
    "delivered": "",
    "lost": "lost",
    "queue": "queue full",
    "scripted": "scripted drop",
    "cut": "cut off",
    "too_big": "too big",
}
SENDINGS = {
    "first": "",
    "again": "sent again",
    "spurious": "sent again in vain",
    "probe": "asks for an answer",
    "copy": "copied by the link",
}
_QUIC = {
    "initial": "Initial",
    "0-rtt": "0-RTT",
    "handshake": "Handshake",
    "retry": "Retry",
    "version negotiation": "Version Negotiation",
    "1-rtt": "1-RTT",
}


def name(packet: Packet) -> str:
    """Returns what the packet is: `SYN`, `ClientHello`, `data 1449`, `Initial + Handshake`, `A a.org?`."""
    if packet.dns is not None:
        return dns_name(packet.dns)
    if packet.quic is not None:
        forms = [_QUIC[each.form] for each in packet.quic.packets]
        return " + ".join([*_counted(forms), *(["more"] if packet.hidden else [])])
    if packet.tcp is not None:
        return _tcp_name(packet, packet.tcp)
    if packet.protocol == "tcp":
        return "TCP"
    return packet.text or {"udp": "UDP", "icmp": "ICMP"}.get(packet.protocol, "packet")


def stem(packet: Packet) -> str:
    """Returns the name without what differs between neighbours, for many packets under one label."""
    if packet.protocol == "dns":
        return "DNS"
    if packet.quic is not None:
        return name(packet)
    if packet.kind == "data":
        return (
            "TLS data"
            if packet.tls is not None
            else packet.protocol.upper()
            if packet.tcp is None
            else "data"
        )
    return "ACK" if packet.kind == "ack" else name(packet)


def size(packets: Sequence[Packet]) -> str:
    """Returns how much the packets carry, empty where that is nothing."""
    carried = sum(packet.payload_bytes for packet in packets)
    if not carried:
        return ""
    return numbers.quantity(carried, "B") if carried >= 10_000 else f"{carried} B"


def is_under_way(packet: Packet) -> bool:
    """Decides whether the packet was neither dropped nor handed over when the log ended."""
    return packet.done_ns < 0 and not packet.dropped


def remarks(packets: Sequence[Packet]) -> str:
    """Returns what is special about one packet or several: sent again, lost.

    What was on its way when the log ended is nothing special: every log ends so.
    """
    said = Counter(SENDINGS[packet.sending] for packet in packets)
    said.update(FATES.get(packet.fate, packet.fate) for packet in packets)
    whole = len(packets)
    return ", ".join(text if count == whole else f"{count} {text}" for text, count in said.items() if text)


def short_remarks(packets: Sequence[Packet]) -> str:
    """Returns the remarks in the fewest words."""
    again = sum(packet.again for packet in packets)
    dropped = sum(packet.dropped for packet in packets)
    said = [f"{count} {text}" for count, text in ((again, "again"), (dropped, "dropped")) if count]
    return ", ".join(said) if len(packets) > 1 else "dropped" if dropped else "again" if again else ""


def bundle_name(packets: Sequence[Packet]) -> str:
    """Returns the name of several packets that share a label."""
    if len(packets) == 1:
        return name(packets[0])
    stems = Counter(stem(packet) for packet in packets).most_common()
    words = stems[0][0] if len(stems) == 1 else " and ".join(text for text, _ in stems[:2])
    return f"{len(packets)} × {words if len(stems) <= 2 else 'packets'}"


def shorter_names(packets: Sequence[Packet]) -> list[str]:
    """Returns the name, and the same with less and less that could be left out; never a number cut short."""
    whole = bundle_name(packets)
    if len(packets) > 1:
        return [whole, f"{len(packets)} ×"]
    first = packets[0]
    if first.dns is not None and first.dns.response:
        # The question stands beside the packet before.
        return [whole, whole.split(": ", 1)[-1]]
    return list(dict.fromkeys([whole, whole.split(", has ")[0], stem(first)]))


def dns_name(dns: Dns) -> str:
    asked = f"{dns.kind} {dns.name}".strip()
    if not dns.response:
        return f"{asked}?"
    if dns.truncated:
        return f"{asked}: cut short, ask by TCP"
    if dns.code != "no error":
        return f"{asked}: {dns.code}"
    if dns.answers:
        return f"{asked}: {dns.answers} {'answer' if dns.answers == 1 else 'answers'}"
    return f"{asked}: ask another" if dns.authority else f"{asked}: no answer"


def _tcp_name(packet: Packet, segment: Segment) -> str:
    flags = segment.flags
    ends = ", ".join(word for letter, word in (("F", "FIN"), ("R", "RST")) if letter in flags)
    if "S" in flags:
        first = "SYN, ACK" if "A" in flags else "SYN"
        if segment.payload_bytes:
            return f"{first} + data"
        return f"{first} (Fast Open)" if segment.fast_open else first
    if segment.payload_bytes:
        carried = _payload_name(packet)
        return f"{carried}, {ends}" if ends else carried
    if ends:
        return f"{ends}, ACK" if "A" in flags else ends
    if packet.sending == "probe":
        return "probe"
    if packet.kind == "open" or packet.acknowledged < 0:
        return "ACK" if "A" in flags else "no flags"
    return f"ACK {packet.acknowledged}" + _held(segment)


def _held(segment: Segment) -> str:
    """How much the receiver holds beyond a gap."""
    held = sum((right - left) % (1 << 32) for left, right in segment.sack)
    return f", has {held} B beyond" if 0 < held < 1 << 31 else ""


def _payload_name(packet: Packet) -> str:
    if packet.tls is not None:
        return _tls_name(packet.tls, by_client=packet.by_opener)
    if packet.text:
        return packet.text
    return f"data {packet.position}"


def _tls_name(records: Records, *, by_client: bool) -> str:
    parts = [part for record in records.begun for part in _record_names(record, by_client)]
    if records.early and "early data" not in parts:
        parts.append("early data")
    elif records.hidden:
        parts.append("more" if parts else "TLS")
    if not parts and records.continued is not None:
        return "TLS data" if records.continued.role == "data" else "handshake, continued"
    if not parts:
        return "ChangeCipherSpec"
    return ", ".join(_counted(parts)).replace(", more", " + more")


def _record_names(record: Record, by_client: bool) -> list[str]:
    if record.content == "change_cipher_spec":
        return []
    if record.role == "alert":
        return ["alert"]
    if record.role in ("data", "early"):
        return ["early data" if record.role == "early" else "TLS data"]
    if record.messages:
        return list(record.messages)
    if record.content == "data" and record.size_bytes in FINISHED_BYTES:
        return ["Finished"]
    if record.content == "data" and by_client and record.size_bytes == END_OF_EARLY_DATA_BYTES:
        return ["EndOfEarlyData"]
    return ["handshake"]


def _counted(parts: Sequence[str]) -> list[str]:
    """Returns the parts in order, neighbours that are alike as one with their number."""
    found: list[tuple[str, int]] = []
    for part in parts:
        if found and found[-1][0] == part:
            found[-1] = (part, found[-1][1] + 1)
        else:
            found.append((part, 1))
    return [part if count == 1 else f"{count} {part}" for part, count in found]
