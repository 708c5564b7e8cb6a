"""TCP segments, and what each side of a connection had already sent when it sent one.

A segment is a retransmission when its bytes entered the link before: the link stands at the sender's door, so
nothing was reordered on the way to it, and no guess is needed (a capture in mid-network has to guess, and
calls a reordered packet a retransmission). It is spurious when the first copies of all its bytes reach the
far end: nothing was lost, it only seemed so to the sender.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Literal

from msgspec import Struct

Sending = Literal["first", "again", "spurious", "probe", "copy"]
"""A packet's bytes were never sent before; were, and were lost; were, and arrive all the same; are none (a
keep-alive or a window probe, whose number lies before what was sent); or the link itself made the copy."""

COPY: Sending = "copy"
_FLAGS = ((0x02, "S"), (0x10, "A"), (0x08, "P"), (0x01, "F"), (0x04, "R"), (0x20, "U"))
_SACK, _FAST_OPEN = 5, 34
_ROUND = 1 << 32


class Segment(Struct, frozen=True):
    """A TCP header. flags: letters of S, A, P, F, R, U. seq and ack: as on the wire; `sack`: the blocks that
    the receiver holds beyond ack. payload: as much of it as was kept, of payload_bytes. fast_open: the
    TCP Fast Open option is there; cookie_bytes: how long its cookie is."""

    source_port: int
    destination_port: int
    flags: str
    seq: int
    ack: int
    window: int
    payload: bytes
    payload_bytes: int
    sack: tuple[tuple[int, int], ...] = ()
    fast_open: bool = False
    cookie_bytes: int = 0

    @property
    def length(self) -> int:
        """How many sequence numbers the segment takes: SYN and FIN take one each."""
        return self.payload_bytes + ("S" in self.flags) + ("F" in self.flags)


def read(body: bytes, body_bytes: int) -> Segment | None:
    """Returns the segment that begins `body` and was `body_bytes` long; None where the header is cut off."""
    if len(body) < 20:
        return None
    header = (body[12] >> 4) * 4
    if header < 20:
        return None
    sack, fast_open, cookie = _options(body[20:header])
    return Segment(
        source_port=int.from_bytes(body[0:2], "big"),
        destination_port=int.from_bytes(body[2:4], "big"),
        flags="".join(letter for bit, letter in _FLAGS if body[13] & bit),
        seq=int.from_bytes(body[4:8], "big"),
        ack=int.from_bytes(body[8:12], "big"),
        window=int.from_bytes(body[14:16], "big"),
        payload=body[header:],
        payload_bytes=max(body_bytes - header, 0),
        sack=sack,
        fast_open=fast_open,
        cookie_bytes=cookie,
    )


def _options(options: bytes) -> tuple[tuple[tuple[int, int], ...], bool, int]:
    """Returns the SACK blocks, whether Fast Open is among the options, and how long its cookie is."""
    sack: list[tuple[int, int]] = []
    fast_open, cookie, place = False, 0, 0
    while place < len(options) and options[place] != 0:
        if options[place] == 1:
            place += 1
            continue
        length = options[place + 1] if place + 1 < len(options) else 0
        value = options[place + 2 : place + length]
        if length < 2 or len(value) < length - 2:
            break
        if options[place] == _SACK:
            edges = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value) - 3, 4)]
            sack += zip(edges[::2], edges[1::2], strict=False)
        elif options[place] == _FAST_OPEN:
            fast_open, cookie = True, len(value)
        place += length
    return tuple(sack), fast_open, cookie


class Ranges:
    """A set of whole numbers as disjoint half-open stretches, in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Puts start..end into the set; stretches that touch become one."""
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def meets(self, start: int, end: int) -> bool:
        """Decides whether any number of start..end is in the set."""
        place = bisect_right(self._ends, start)
        return place < len(self._starts) and self._starts[place] < end

    def holds(self, start: int, end: int) -> bool:
        """Decides whether every number of start..end is in the set."""
        place = bisect_right(self._ends, start)
        return place < len(self._starts) and self._starts[place] <= start and end <= self._ends[place]


class Side:
    """What one side of a connection has sent so far. Positions count from its SYN: its data begin at 1."""

    def __init__(self) -> None:
        self.sent = Ranges()
        self.arriving = Ranges()
        self.highest = -1
        self._highest_seq = 0
        self._last_ack: tuple[int, int] | None = None

    def position(self, segment: Segment) -> int:
        """Returns where the segment begins; the numbers on the wire wrap around, positions don't."""
        if self.highest < 0:
            return 0 if "S" in segment.flags else 1
        half = _ROUND // 2
        return self.highest + (segment.seq - self._highest_seq + half) % _ROUND - half

    def take(self, segment: Segment, arrives: bool) -> tuple[int, Sending]:
        """Notes a segment; returns its position and whether its bytes had been sent before."""
        start = self.position(segment)
        end = start + segment.length
        sending: Sending = "first"
        if segment.length == 0:
            # Its number is the last one sent, not the next: so it asks for an acknowledgement.
            sending = "probe" if start == self.highest - 1 and "R" not in segment.flags else "first"
        elif self.sent.meets(start, end):
            sending = "spurious" if self.arriving.holds(start, end) else "again"
        if segment.length:
            self.sent.add(start, end)
            if arrives:
                self.arriving.add(start, end)
        if end > self.highest:
            self.highest, self._highest_seq = end, (segment.seq + segment.length) % _ROUND
        return start, sending

    def place_of(self, number: int) -> int:
        """Returns the position that an acknowledgement of this side names, -1 where nothing is known."""
        if self.highest < 0:
            return -1
        half = _ROUND // 2
        return max(self.highest + (number - self._highest_seq + half) % _ROUND - half, -1)

    def repeats_ack(self, segment: Segment) -> bool:
        """Notes what a segment acknowledges; decides whether it is a bare acknowledgement said before."""
        said = (segment.ack, segment.window)
        bare = segment.length == 0 and segment.flags in ("A", "AP")
        repeated = (
            bare
            and self._last_ack is not None
            and (self._last_ack == said or (bool(segment.sack) and self._last_ack[0] == segment.ack))
        )
        if "A" in segment.flags:
            self._last_ack = said
        return repeated
