"""One HTTP/2 connection of a load: many lanes, each with one stream at a time, and no object for a stream.

What makes it fast: a request is bytes made once, in which only the number of the stream changes; a turn's
requests leave in few writes; an answer's head that came before, to the byte, is looked up instead of read,
which is exact, because blocks without a dynamic table mean the same whenever they come (`header_block`).
"""

from __future__ import annotations

import ssl
from collections import deque
from typing import TYPE_CHECKING

from hinterland.load.drivers.http2 import frame_encoding as frames
from hinterland.load.drivers.http2.frame_encoding import BadFrame, Built
from hinterland.load.drivers.http2.frame_parser import STREAM_WINDOW, WINDOW_STEP, Http2Reader
from hinterland.load.drivers.http2.upload import Uploads
from hinterland.load.drivers.transport.shared_socket import SharedSocket
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, RESET

if TYPE_CHECKING:
    from hinterland.load.drivers.transport.shared_connection import SharedConnection

UNREAD_BYTES = 1 << 22
"""A server that asks for answers (PING, SETTINGS) and reads none is left when so much waits for it."""
SAYS_HELLO = (
    frames.PREFACE
    + frames.settings(
        [
            (frames.HEADER_TABLE_SIZE, 0),
            (frames.ENABLE_PUSH, 0),
            (frames.INITIAL_WINDOW_SIZE, STREAM_WINDOW),
        ]
    )
    + frames.window_update(0, frames.LARGEST_WINDOW - frames.FIRST_WINDOW)
)
_put_stream = frames.NUMBER.pack_into


class Http2Connection(Http2Reader, SharedSocket):
    """A connection whose lanes have a stream each.

    `held_back` counts requests that waited because the server lets no more streams through at once.
    """

    def __init__(self, shared: SharedConnection) -> None:
        SharedSocket.__init__(self, shared)
        Http2Reader.__init__(self)
        self.held_back = 0
        self._most_streams = frames.LARGEST_STREAM
        self._waiting: deque[SharedLane] = deque()
        self._uploads = Uploads()
        self._rest = b""
        self._said = ""
        # `_useful`: it has answered something. `_careful`: an answer may let something else go on.
        self._careful = self._useful = False

    # What lanes ask for.

    def send(self, lane: SharedLane, outgoing: Outgoing) -> None:
        """Collects the request; it is written in this turn of the loop, or when enough are together."""
        if len(self.streams) >= self._most_streams or self._waiting:
            self._careful = True
            self.held_back += 1
            self._waiting.append(lane)
        elif self.next_stream > frames.LARGEST_STREAM:
            # The numbers are used up: the streams under way end here, the next begin on another connection.
            self._drain()
            self.lanes.discard(lane)
            self._carry_over([lane])
        else:
            self._begin(lane, outgoing)

    def cancel(self, lane: SharedLane) -> bool:
        """Gives up the stream of a lane; what still comes for it is nobody's.

        Returns whether the lane may go on here.
        """
        if lane in self._waiting:
            self._waiting.remove(lane)
        elif lane.stream >= 0:
            self.out += frames.reset(lane.stream, frames.CANCEL)
            self.streams.pop(lane.stream, None)
            self._uploads.end(lane.stream)
            lane.stream = -1
            self.collected()
        if self.draining:
            self.lanes.discard(lane)
            self._close_if_done()
            return False
        self._next_waiting()
        return True

    def _begin(self, lane: SharedLane, outgoing: Outgoing) -> None:
        stream = self.next_stream
        self.next_stream = stream + 2
        built = outgoing.built
        if not isinstance(built, Built):
            built = frames.built(outgoing, self.shared.target)
        self.streams[stream] = lane
        lane.begin(stream)
        if built.single:
            request = built.wire
            _put_stream(request, 5, stream)
            self.out += request
        else:
            self.out += built.on(stream)
            if built.body:
                self.out += self._uploads.begin(stream, built.body)
                self._careful = True
        self.collected()

    # What the connection says.

    def greet(self, tls: ssl.SSLObject | None) -> None:
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self.over(code_of("tls: no shared protocol: the server does not offer h2"))
            return
        self.out += SAYS_HELLO
        self.flush()

    def received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        try:
            self._rest = data[self.read(data) :]
        except BadFrame as error:
            self.out += frames.goaway(frames.PROTOCOL_ERROR)
            self.flush()
            self.over(because(PROTOCOL, str(error)) if self.settled else _not_http2(data))
        if self.unacknowledged >= WINDOW_STEP:
            self.out += frames.window_update(0, self.unacknowledged)
            self.unacknowledged = 0

    def forget(self) -> None:
        self.streams.clear()
        self._waiting.clear()

    # What follows from what was read.

    def complete(self, number: int, lane: SharedLane) -> None:
        """A stream has its whole answer."""
        del self.streams[number]
        self._useful = True
        if not self._careful:
            lane.answered()
            return
        if self._uploads.end(number):
            self.out += frames.reset(number, frames.CANCEL)
        if self.draining:
            self.lanes.discard(lane)
            lane.answered_last()
            self._close_if_done()
        else:
            # Those that wait have waited longer than what this lane will send next.
            self._next_waiting()
            lane.answered()

    def fail(self, number: int, lane: SharedLane, error: int, *, tell: bool = True) -> None:
        """The operation of a stream fails; the connection goes on."""
        if tell:
            self.out += frames.reset(number, frames.PROTOCOL_ERROR)
        del self.streams[number]
        self._uploads.end(number)
        if self.draining:
            self.lanes.discard(lane)
            lane.leave(error)
            self._close_if_done()
        else:
            self._next_waiting()
            lane.failed(error)

    def control(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Any frame but DATA, HEADERS and CONTINUATION. Raises BadFrame."""
        if kind == frames.SETTINGS:
            self._settings(flags, number, payload)
        elif kind == frames.RST_STREAM:
            lane = self.lane_of(number)
            if lane is not None:
                says = f"RST_STREAM {frames.code_name(frames.number(payload))}"
                self.fail(number, lane, because(RESET, says), tell=False)
        elif kind == frames.PING:
            if number or len(payload) != 8:
                raise BadFrame("a ping that is none")
            if not flags & frames.ACK:
                self._reply(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.GOAWAY:
            self._goaway(frames.number(payload), payload[4:8], payload[8:])
        elif kind == frames.WINDOW_UPDATE:
            self.out += self._uploads.grant(number, frames.number(payload))
        elif kind == frames.PUSH_PROMISE:
            raise BadFrame("a frame that may not come here")

    def _settings(self, flags: int, number: int, payload: bytes) -> None:
        if number or (flags & frames.ACK and payload):
            raise BadFrame("settings that are none")
        if flags & frames.ACK:
            return
        settings = frames.read_settings(payload)
        # It counts with the new window from this answer on: what that lets through comes behind.
        self._reply(frames.settings_taken())
        for setting, value in settings:
            if setting == frames.MAX_CONCURRENT_STREAMS:
                self._most_streams = value
            elif setting == frames.INITIAL_WINDOW_SIZE:
                self.out += self._uploads.resize(value)
        self.settled = True
        if not self.greeted.done():
            self.greeted.set_result(0)
        self._next_waiting()

    def _reply(self, frame: bytes) -> None:
        if self.transport is not None and self.transport.get_write_buffer_size() > UNREAD_BYTES:
            raise BadFrame("a server that asks and reads no answer")
        self.out += frame

    def over(self, error: int) -> None:
        """Ends everything; where the server said why before it hung up, that is the reason."""
        if self._said and error in (CLOSED, RESET):
            because(error, self._said, sum(lane.operation >= 0 for lane in self.lanes) or 1)
        super().over(error)

    def _goaway(self, last: int, code: bytes, debug: bytes) -> None:
        """The server takes no further requests, and has done none above `last`."""
        number = int.from_bytes(code, "big")
        if number != frames.NO_ERROR or debug:
            says = debug.decode("utf-8", "replace")
            self._said = f"GOAWAY {frames.code_name(number)}{f': {says}' if says else ''}"
        self._drain()
        undone = [number for number in self.streams if number > last]
        lanes = [self.streams[number] for number in undone]
        for number, lane in zip(undone, lanes, strict=True):
            del self.streams[number]
            self._uploads.end(number)
            self.lanes.discard(lane)
        self._carry_over(lanes)
        self._close_if_done()

    def _drain(self) -> None:
        """Takes no further requests: lanes without one leave, those that wait go elsewhere."""
        if self.draining:
            return
        self.draining = self._careful = True
        self.shared.ended(self)
        waiting, self._waiting = list(self._waiting), deque()
        self.lanes.difference_update(waiting)
        idle = [lane for lane in self.lanes if lane.stream < 0]
        self.lanes.difference_update(idle)
        self._carry_over(waiting)
        for lane in idle:
            lane.leave(CLOSED)

    def _carry_over(self, lanes: list[SharedLane]) -> None:
        if self._useful:
            self.shared.carry_over(lanes)
        else:
            # A server that sends everybody away without an answer would get the same requests for ever.
            for lane in lanes:
                lane.leave(because(CLOSED, self._said))

    def _close_if_done(self) -> None:
        if self.draining and not self.streams:
            self.close()

    def _next_waiting(self) -> None:
        while self._waiting and len(self.streams) < self._most_streams:
            lane = self._waiting.popleft()
            if lane.outgoing is not None:
                self._begin(lane, lane.outgoing)


def _not_http2(data: bytes) -> int:
    if data.startswith(b"HTTP/"):
        return code_of("not http2: the server answers in HTTP/1")
    return because(PROTOCOL, f"this is not HTTP/2, it begins {data[:24]!r}")
