"""TLS records in a stream of which only the head of each segment was kept.

A record's header says how long it is, so the next header's place is known even where the bytes between were
not kept. Where a header itself was not kept, the reader finds its way again at the next segment that begins
with one. TLS 1.3 hides the type of what is encrypted: what such a record holds is told from who has said what
so far (RFC 8446, section 2), and where that does not tell, it is data.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Literal

from msgspec import Struct, structs

Content = Literal["change_cipher_spec", "alert", "handshake", "data", "heartbeat"]
Role = Literal["handshake", "early", "data", "alert"]
"""What a record is for: to agree on keys, data of the client before the server answered, data, the end."""

_CONTENTS: dict[int, Content] = {
    20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "data", 24: "heartbeat",
}  # fmt: skip
MESSAGES = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
}
HEADER_BYTES = 5
_LONGEST = (1 << 14) + 2048
FINISHED_BYTES = {58, 74}
"""A TLS 1.3 record that holds only Finished: with SHA-256 and with SHA-384."""
END_OF_EARLY_DATA_BYTES = 26


class Record(Struct, frozen=True):
    """A TLS record. start: its position in its side's stream. size_bytes: with its header. messages: the
    handshake messages whose headers were kept and could be read; none where they are encrypted."""

    content: Content
    role: Role
    start: int
    size_bytes: int
    messages: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        return self.start + self.size_bytes


class Records(Struct, frozen=True):
    """What a segment holds of TLS: the records that begin in it, the one that it carries on, and whether it
    holds more that the kept bytes do not show. early: it holds early data, seen or not: nothing else can
    follow the client's hello before the server's."""

    begun: tuple[Record, ...] = ()
    continued: Record | None = None
    hidden: bool = False
    early: bool = False


def is_header(data: bytes) -> bool:
    """Decides whether a TLS record can begin so."""
    if len(data) < HEADER_BYTES or data[0] not in _CONTENTS or data[1] != 3 or data[2] > 4:
        return False
    return 0 < int.from_bytes(data[3:5], "big") <= _LONGEST


class Conversation:
    """Both sides of a connection that may speak TLS."""

    def __init__(self) -> None:
        self.spoken = False
        self._records: dict[bool, list[Record]] = {True: [], False: []}
        self._changed = {True: False, False: False}
        self._finished = {True: False, False: False}
        self._server_said_hello = False
        self._old_version = False
        self._early = False

    @property
    def agreed(self) -> bool:
        """Whether the client has said Finished: what is encrypted from then on counts as data."""
        return self._finished[True]

    def read(self, by_client: bool, start: int, payload: bytes, payload_bytes: int) -> Records | None:
        """Returns the records in a segment whose payload begins at `start`; None where this is not TLS."""
        end = start + payload_bytes
        if not self.spoken:
            handshake = is_header(payload) and payload[0] == 22
            self.spoken = handshake and (len(payload) < 6 or payload[5] in (1, 2))
            if not self.spoken:
                return None
        known = self._records[by_client]
        place = known[-1].end if known else start
        if place < start and is_header(payload):
            # What stood between was hidden. After early data there is no certificate: it held Finished, too.
            place = start
            self._finished[by_client] = self._finished[by_client] or (self._early and not by_client)
        while start <= place < end and is_header(payload[place - start :]):
            record = self._record(by_client, place, payload[place - start :])
            known.append(record)
            place = record.end
        found = self._within(known, start, end)
        if by_client and not self._server_said_hello and found.hidden and known:
            self._early = True
            return structs.replace(found, early=True)
        return found

    @staticmethod
    def _within(known: list[Record], start: int, end: int) -> Records:
        first = bisect_left(known, start, key=_start)
        last = bisect_right(known, end - 1, key=_start)
        before = known[first - 1] if first else None
        continued = before if before is not None and before.end > start else None
        until = known[last - 1].end if last else start
        early = any(record.role == "early" for record in known[first:last])
        return Records(tuple(known[first:last]), continued, until < end, early)

    def _record(self, by_client: bool, place: int, data: bytes) -> Record:
        content = _CONTENTS[data[0]]
        size = HEADER_BYTES + int.from_bytes(data[3:5], "big")
        if content == "change_cipher_spec":
            self._changed[by_client] = True
            return Record(content, "handshake", place, size)
        if content == "alert":
            return Record(content, "alert", place, size)
        if content == "handshake":
            return Record(
                content, "handshake", place, size, self._messages(by_client, data[HEADER_BYTES:size])
            )
        return Record(content, self._role(by_client, size), place, size)

    def _messages(self, by_client: bool, body: bytes) -> tuple[str, ...]:
        if self._changed[by_client] and not (len(body) > 3 and body[0] in (1, 2) and body[1] == 0):
            # Before TLS 1.3 the first handshake record after a change of cipher is Finished, encrypted.
            self._old_version = True
            self._finished[by_client] = True
            return ("Finished",)
        names = []
        place = 0
        while place + 4 <= len(body) and body[place] in MESSAGES:
            names.append(MESSAGES[body[place]])
            place += 4 + int.from_bytes(body[place + 1 : place + 4], "big")
        if "ServerHello" in names:
            self._server_said_hello = True
        if set(names) & {"Certificate", "ServerHelloDone", "ClientKeyExchange"}:
            self._old_version = True
        return tuple(names)

    def _role(self, by_client: bool, size: int) -> Role:
        """Tells what an encrypted record of type 23 is for."""
        if self._old_version or self._finished[True]:
            return "data"
        if by_client:
            if not self._server_said_hello:
                self._early = True
                return "early"
            if not (self._early and size == END_OF_EARLY_DATA_BYTES):
                self._finished[True] = True
            return "handshake"
        if self._finished[False] and self._early:
            return "data"
        self._finished[False] = self._finished[False] or size in FINISHED_BYTES
        return "handshake"


def _start(record: Record) -> int:
    return record.start
