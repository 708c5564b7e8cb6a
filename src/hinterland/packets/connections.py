"""The connections of a packet log while it is read: who opened each, and what both sides said so far."""

from __future__ import annotations

from hinterland.packets.tcp import Side
from hinterland.packets.tls import Conversation

Endpoint = tuple[bytes, int]
"""An address and a port."""


class Connection:
    """One connection while its packets are read. opener: address and port that sent first."""

    def __init__(self, number: int, opener: Endpoint) -> None:
        self.number = number
        self.opener = opener
        self.sides = {True: Side(), False: Side()}
        self.starts: dict[bool, int] = {}
        self.tls = Conversation()
        self.is_quic = False
        self.id_bytes: dict[bool, int] = {}
        self.asked: set[tuple[int, str, str, bool]] = set()
        self.settled = False

    def turn(self, opener: Endpoint) -> None:
        """Swaps the sides: the one that seemed to open the connection had answered."""
        self.opener = opener
        self.sides = {True: self.sides[False], False: self.sides[True]}
        self.starts = {not by_opener: seq for by_opener, seq in self.starts.items()}


class Connections:
    """All connections of a log, by their two ends."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Endpoint, Endpoint], Connection] = {}
        self._count = 0

    def of(self, kind: str, source: Endpoint, destination: Endpoint, *, fresh: bool = False) -> Connection:
        """Returns the connection between two ends, with `fresh` a new one in place of an older."""
        key = (kind, min(source, destination), max(source, destination))
        known = self._known.get(key)
        if known is None or fresh:
            known = self._known[key] = Connection(self._count, source)
            self._count += 1
        return known
