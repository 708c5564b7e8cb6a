"""Reads the frames of a server: the two plain ones of most answers at once, all others with care."""

from __future__ import annotations

from hinterland.clients.message import with_trailers
from hinterland.load.drivers.http2 import frame_encoding as frames
from hinterland.load.drivers.http2 import header_block
from hinterland.load.drivers.http2.frame_encoding import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES,
    HEAD_SIZE,
    HEADERS,
    PADDED,
    PRIORITISED,
    BadFrame,
)
from hinterland.load.drivers.http2.header_block import BadBlock, Head
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.engine.failures import because
from hinterland.load.engine.recorder import PROTOCOL

STREAM_WINDOW = 1 << 24
WINDOW_STEP = STREAM_WINDOW // 2
"""After so many octets the server may send as many more."""
LONGEST_BLOCK = 1 << 18
REMEMBERED_HEADS, REMEMBERED_BYTES = 1024, 1024
# A frame's first number that says that it is too long: length << 8 | type.
_TOO_LONG = (FRAME_BYTES + 1) << 8
_FRAMED = PADDED | PRIORITISED | END_HEADERS
_unpack = frames.HEAD.unpack_from


class Http2Reader:
    """What came of a connection, and which streams it is for.

    `streams` are those under way by number, `next_stream` the first that never was. `out` collects what is to
    be written, and is made by whoever writes it. `unacknowledged` counts the octets for which the server has
    not got room back. A subclass says what follows from what was read.
    """

    out: bytearray

    def __init__(self) -> None:
        self.streams: dict[int, SharedLane] = {}
        self.next_stream = 1
        self.unacknowledged = 0
        self.settled = False
        self._heads: dict[bytes, Head] = {}
        self._block: tuple[int, int, bytearray] | None = None

    # What a subclass says.

    def complete(self, number: int, lane: SharedLane) -> None:
        """A stream has its whole answer."""
        raise NotImplementedError

    def fail(self, number: int, lane: SharedLane, error: int, *, tell: bool = True) -> None:
        """A stream has an answer that is none; the server is told if it does not know."""
        raise NotImplementedError

    def control(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Any frame but DATA, HEADERS and CONTINUATION. Raises BadFrame."""
        raise NotImplementedError

    # Reading.

    def read(self, data: bytes) -> int:
        """Reads the frames of `data` that are complete; returns where the first that is not begins."""
        streams, heads = self.streams, self._heads
        place, end = 0, len(data)
        while end - place >= HEAD_SIZE:
            head, flags, number = _unpack(data, place)
            if head >= _TOO_LONG:
                raise BadFrame("a frame that is too long")
            first = place + HEAD_SIZE
            after = first + (head >> 8)
            if after > end:
                break
            place, kind = after, head & 255
            if self._block is not None or not self.settled:
                self._frame(kind, flags, number, data[first:after])
            elif kind == HEADERS and flags & _FRAMED == END_HEADERS:
                block = data[first:after]
                lane = streams.get(number)
                found = heads.get(block)
                # What is remembered is never the head of an interim answer.
                if lane is None or found is None or lane.status or lane.outgoing.reads:  # type: ignore[union-attr]
                    self._headers(number, flags, block)
                    continue
                lane.status, lane.length = found
                if flags & END_STREAM:
                    self.complete(number, lane)
            elif kind == DATA and not flags & PADDED:
                lane = streams.get(number)
                self.unacknowledged += after - first
                if lane is None or not lane.status or lane.outgoing.reads or not flags & END_STREAM:  # type: ignore[union-attr]
                    self._data(number, flags, data[first:after])
                    continue
                lane.received += after - first
                self.complete(number, lane)
            else:
                self._frame(kind, flags, number, data[first:after])
        return place

    def _headers(self, number: int, flags: int, block: bytes) -> None:
        """Reads a head, an interim one, or trailers."""
        lane = self.lane_of(number)
        if lane is None:
            return
        last = bool(flags & END_STREAM)
        if lane.status:
            self._trailers(number, lane, last, block)
            return
        try:
            found = self._heads.get(block) or header_block.head(block)
            if lane.outgoing is not None and lane.outgoing.reads:
                lane.fields = header_block.fields(block)
        except BadBlock as error:
            # Without a table between them, a bad block spoils no other.
            self._broken(number, lane, str(error))
            return
        if found.status < 200:
            if last or found.status == 101:
                self._broken(number, lane, f"status {found.status} as an answer")
            return
        self._remember(block, found)
        lane.status, lane.length = found
        if last:
            self.complete(number, lane)

    def _trailers(self, number: int, lane: SharedLane, last: bool, block: bytes) -> None:
        """Reads what stands behind a body, and ends the answer."""
        if not last:
            self._broken(number, lane, "headers within a body")
            return
        if lane.outgoing is not None and lane.outgoing.reads:
            try:
                lane.fields = with_trailers(lane.fields, header_block.fields(block))
            except BadBlock as error:
                self._broken(number, lane, str(error))
                return
        self.complete(number, lane)

    def _remember(self, block: bytes, head: Head) -> None:
        if len(block) <= REMEMBERED_BYTES:
            if len(self._heads) >= REMEMBERED_HEADS:
                self._heads.clear()
            self._heads[block] = head

    def _data(self, number: int, flags: int, payload: bytes) -> None:
        """Reads a piece of a body."""
        lane = self.lane_of(number)
        if lane is None:
            return
        piece = frames.content(flags & PADDED, payload)
        before, lane.received = lane.received, lane.received + len(piece)
        last = bool(flags & END_STREAM)
        if not lane.status:
            self._broken(number, lane, "a body before its head")
        elif 0 <= lane.length < lane.received:
            self._broken(number, lane, f"a body longer than its length of {lane.length} bytes")
        elif lane.outgoing is not None and lane.outgoing.reads and (error := lane.keep(piece)):
            self.fail(number, lane, error)
        elif last:
            self.complete(number, lane)
        else:
            more = len(payload) - len(piece)
            if lane.received // WINDOW_STEP != before // WINDOW_STEP:
                more += WINDOW_STEP
            if more:
                self.out += frames.window_update(number, more)

    def _broken(self, number: int, lane: SharedLane, says: str) -> None:
        self.fail(number, lane, because(PROTOCOL, says))

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Reads a frame that is none of the plain ones."""
        if self._block is not None:
            self._more_of_block(kind, flags, number, payload)
        elif not self.settled and (kind != frames.SETTINGS or flags & frames.ACK):
            raise BadFrame("a server begins with its settings")
        elif kind == DATA:
            self.unacknowledged += len(payload)
            self._data(number, flags, payload)
        elif kind == HEADERS:
            piece = frames.content(flags, payload)
            if flags & END_HEADERS:
                self._headers(number, flags, piece)
            else:
                self._block = number, flags, bytearray(piece)
        elif kind == CONTINUATION:
            raise BadFrame("headers that go on without having begun")
        else:
            self.control(kind, flags, number, payload)

    def _more_of_block(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        assert self._block is not None
        begun_by, first_flags, block = self._block
        if kind != CONTINUATION or number != begun_by or len(block) + len(payload) > LONGEST_BLOCK:
            raise BadFrame("headers that do not go on, or never end")
        block += payload
        if flags & END_HEADERS:
            self._block = None
            self._headers(number, first_flags, bytes(block))

    def lane_of(self, number: int) -> SharedLane | None:
        """Returns whose stream it is; None if it was given up. Raises BadFrame if it never was."""
        lane = self.streams.get(number)
        if lane is None and (number >= self.next_stream or not number & 1):
            raise BadFrame("a frame of a stream that never began")
        return lane
