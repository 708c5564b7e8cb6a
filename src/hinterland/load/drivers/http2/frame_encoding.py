"""HTTP/2 frames as bytes (RFC 9113, sections 4 and 6): what a client sends, and the numbers of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from hinterland.load.drivers.http2 import header_block
from hinterland.load.drivers.transport.tls import authority
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import Target

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITISED = 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
NO_ERROR, PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0x0, 0x1, 0x8, 0xB

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES = 16384
"""The longest payload that both sides always take; more is never asked for, and never sent."""
HEAD_SIZE = 9
FIRST_WINDOW = 65535
LARGEST_WINDOW = LARGEST_STREAM = (1 << 31) - 1

HEAD = Struct("!IBI")
"""A frame's head in three numbers: length << 8 | type, flags, stream."""
_SETTING = Struct("!HI")
NUMBER = Struct("!I")

# What a proxy would strip or a server refuse: they are about an HTTP/1.1 connection (section 8.2.2).
_OF_A_CONNECTION = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)


_CODES = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip
"""The error codes of HTTP/2 (RFC 9113, section 7), by their number."""


def code_name(code: int) -> str:
    """Returns the name of an error code."""
    return _CODES[code] if code < len(_CODES) else f"error {code:#x}"


class BadFrame(Exception):
    """What came is not a frame, or not one that may come here."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Returns one frame."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def settings(pairs: Sequence[tuple[int, int]]) -> bytes:
    """Returns a SETTINGS frame of (number, value) pairs."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*pair) for pair in pairs))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Returns the (number, value) pairs of a SETTINGS frame. Raises BadFrame."""
    if len(payload) % _SETTING.size:
        raise BadFrame("settings of a wrong size")
    return list(_SETTING.iter_unpack(payload))


def settings_taken() -> bytes:
    """Returns the frame that says that the server's settings are followed."""
    return frame(SETTINGS, ACK, 0)


def window_update(stream: int, by: int) -> bytes:
    """Returns the frame that lets the server send `by` more octets."""
    return frame(WINDOW_UPDATE, 0, stream, NUMBER.pack(by))


def reset(stream: int, error: int) -> bytes:
    """Returns the frame that gives a stream up."""
    return frame(RST_STREAM, 0, stream, NUMBER.pack(error))


def goaway(error: int) -> bytes:
    """Returns the frame that says good-bye; streams of the server's own there are none."""
    return frame(GOAWAY, 0, 0, NUMBER.pack(0) + NUMBER.pack(error))


def number(payload: bytes) -> int:
    """Returns the number that a payload begins with, its highest bit ignored. Raises BadFrame."""
    if len(payload) < NUMBER.size:
        raise BadFrame("a frame that is cut off")
    return int(NUMBER.unpack_from(payload)[0]) & LARGEST_STREAM


def content(flags: int, payload: bytes) -> bytes:
    """Returns the payload of DATA or HEADERS without padding and priority. Raises BadFrame."""
    first, last = 0, len(payload)
    if flags & PADDED:
        if not payload:
            raise BadFrame("padding of no length")
        first, last = 1, last - payload[0]
    if flags & PRIORITISED:
        first += 5
    if first > last:
        raise BadFrame("more padding than frame")
    return payload[first:last]


class Built:
    """A request as frames, its stream's number to be filled in.

    `wire` is its HEADERS with what CONTINUATION is needed; `places` are where the number goes. `body` follows
    in DATA frames.
    """

    __slots__ = ("body", "places", "single", "wire")

    def __init__(self, block: bytes, body: bytes) -> None:
        self.wire, self.body = bytearray(), body
        self.places: list[int] = []
        kind, flags = HEADERS, 0 if body else END_STREAM
        for first in range(0, len(block), FRAME_BYTES):
            last = END_HEADERS if first + FRAME_BYTES >= len(block) else 0
            self.places.append(len(self.wire) + 5)
            self.wire += frame(kind, flags | last, 0, block[first : first + FRAME_BYTES])
            kind, flags = CONTINUATION, 0
        self.single = not body and len(self.places) == 1

    def on(self, stream: int) -> bytes:
        """Returns its HEADERS on this stream."""
        for place in self.places:
            NUMBER.pack_into(self.wire, place, stream)
        return bytes(self.wire)


def built(outgoing: Outgoing, target: Target) -> Built:
    """Returns the frames of a request, kept in `outgoing.built`."""
    made = Built(header_block.encode(headers(outgoing, target)), outgoing.body)
    outgoing.built = made
    return made


def headers(outgoing: Outgoing, target: Target) -> list[tuple[str, str]]:
    """Returns the headers of a request for HTTP/2 or HTTP/3, pseudo headers first.

    Those about an HTTP/1.1 connection are left out; a `Host` becomes the authority.
    """
    given = [(name.lower(), value.strip(" \t")) for name, value in outgoing.headers]
    host = next((value for name, value in given if name == "host"), authority(target))
    pairs = [
        (":method", outgoing.method),
        (":scheme", "https" if target.tls else "http"),
        (":authority", host),
        (":path", outgoing.path),
        *((name, value) for name, value in given if name not in _OF_A_CONNECTION and _may_go(name, value)),
    ]
    if outgoing.body and not any(name == "content-length" for name, _ in given):
        pairs.append(("content-length", str(len(outgoing.body))))
    return pairs


def _may_go(name: str, value: str) -> bool:
    """Returns whether a header may stand in HTTP/2: of `te` only that trailers are welcome."""
    return name != "te" or value.lower() == "trailers"
