"""DNS messages: what is asked, and how it is answered (RFC 1035)."""

from __future__ import annotations

from msgspec import Struct

PORT, MULTICAST_PORT = 53, 5353
_TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 41: "OPT",
    43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 255: "ANY",
}  # fmt: skip
_CODES = {0: "no error", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_HEADER_BYTES = 12


class Dns(Struct, frozen=True):
    """A DNS message. name: of its first question, with an ellipsis where the kept bytes end in it; kind: the
    type asked for, empty where it was not kept. code: of a response, in words. truncated: it is not whole,
    and must be asked for by TCP. authority: how many records name who knows more."""

    id: int
    response: bool
    name: str
    kind: str
    code: str
    answers: int
    authority: int = 0
    truncated: bool = False


def read(payload: bytes) -> Dns | None:
    """Returns the message that `payload` begins with; None where it is too short to be one."""
    if len(payload) < _HEADER_BYTES:
        return None
    number = [int.from_bytes(payload[at : at + 2], "big") for at in range(0, _HEADER_BYTES, 2)]
    flags = number[1]
    name, place = _name(payload) if number[2] else ("", len(payload))
    kind = payload[place : place + 2]
    code = flags & 15
    return Dns(
        id=number[0],
        response=bool(flags & 0x8000),
        name=name,
        kind=_TYPES.get(int.from_bytes(kind, "big"), f"type {int.from_bytes(kind, 'big')}")
        if len(kind) == 2
        else "",
        code=_CODES.get(code, f"code {code}") if flags & 0x8000 else "",
        answers=number[3],
        authority=number[4],
        truncated=bool(flags & 0x0200),
    )


def _name(payload: bytes) -> tuple[str, int]:
    """Returns the name of the first question and the place behind it."""
    parts: list[str] = []
    place = _HEADER_BYTES
    while place < len(payload):
        length = payload[place]
        if length == 0:
            return ".".join(parts) or ".", place + 1
        if length & 0xC0:
            return ".".join([*parts, "…"]), place + 2
        part = payload[place + 1 : place + 1 + length]
        parts.append("".join(chr(byte) if 33 <= byte < 127 else "?" for byte in part))
        place += 1 + length
    return ".".join(parts) + "…", len(payload)
