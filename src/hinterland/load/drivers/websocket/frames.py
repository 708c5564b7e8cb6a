"""WebSocket frames (RFC 6455, section 5): a client's as bytes, and a reader that follows a server's.

A client must mask what it sends, with a key that the reader of the bytes can't foresee. A message of a load
is masked once and sent as often as it is asked for: the mask protects proxies in between from scripts in a
browser, and a load has neither.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_KNOWN = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
FIN, MASKED = 0x80, 0x80
CONTROL_BYTES_MOST = 125
MESSAGE_BYTES_MOST = 1 << 24


class NotWebSocket(Exception):
    """What came is no frame that a server may send. `status` is that of the close frame that says so."""

    def __init__(self, says: str, status: int = 1002) -> None:
        super().__init__(says)
        self.status = status


class Message(NamedTuple):
    """A whole message, put together from its fragments, or a control frame."""

    opcode: int
    payload: bytes


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Returns a frame as a server sends it: not masked."""
    return _head(opcode, len(payload), 0, fin) + payload


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """Returns a frame as a client sends it, with a fresh mask."""
    key = secrets.token_bytes(4)
    return _head(opcode, len(payload), MASKED, True) + key + masked(payload, key)


def masked(payload: bytes, key: bytes) -> bytes:
    """Returns the payload with the mask put on, or taken off."""
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


def _head(opcode: int, size: int, mask: int, fin: bool) -> bytes:
    first = opcode | (FIN if fin else 0)
    if size < 126:
        return bytes((first, mask | size))
    if size < 65536:
        return bytes((first, mask | 126)) + size.to_bytes(2, "big")
    return bytes((first, mask | 127)) + size.to_bytes(8, "big")


def close_payload(status: int) -> bytes:
    return status.to_bytes(2, "big")


def close_status(payload: bytes) -> int:
    """Returns why a close frame closes, 1005 where it does not say. Raises NotWebSocket."""
    if len(payload) == 1:
        raise NotWebSocket("a close frame with half a status")
    return int.from_bytes(payload[:2], "big") if payload else 1005


class FrameReader:
    """Puts a server's messages together from bytes in pieces of any size.

    A message may have `MESSAGE_BYTES_MOST`; it is kept only while it comes. Text is not checked to be UTF-8.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needs = 2
        self._opcode = 0
        self._fragments = bytearray()

    @property
    def idle(self) -> bool:
        """Whether it stands between two messages."""
        return not self._rest and not self._opcode

    def feed(self, data: bytes) -> list[Message]:
        """Returns the messages and control frames that these bytes complete. Raises NotWebSocket."""
        rest = self._rest
        rest += data
        # A large frame comes in many pieces: looking at it again before it can be complete costs time.
        if len(rest) < self._needs:
            return []
        found: list[Message] = []
        place = 0
        while (end := self._frame_end(rest, place)) <= len(rest):
            message = self._frame(rest, place, end)
            if message is not None:
                found.append(message)
                if message.opcode == CLOSE:
                    # The last frame there is: what follows is nobody's.
                    rest.clear()
                    return found
            place = end
        del rest[:place]
        self._needs = end - place
        return found

    def _frame_end(self, data: bytearray, place: int) -> int:
        """Returns where the frame at `place` ends; while its head is cut, where the head will."""
        if len(data) - place < 2:
            return place + 2
        self._check(data[place], data[place + 1])
        size = data[place + 1]
        if size < 126:
            return place + 2 + size
        wide = 2 if size == 126 else 8
        if len(data) - place < 2 + wide:
            return place + 2 + wide
        size = int.from_bytes(data[place + 2 : place + 2 + wide], "big")
        if size + len(self._fragments) > MESSAGE_BYTES_MOST:
            raise NotWebSocket(f"a message of {size} bytes", 1009)
        return place + 2 + wide + size

    def _check(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        if opcode not in _KNOWN or first & 0x70:
            raise NotWebSocket(f"a frame that begins with {first:#x}")
        if second & MASKED:
            raise NotWebSocket("a masked frame from a server")
        if opcode >= CLOSE:
            if not first & FIN or second > CONTROL_BYTES_MOST:
                raise NotWebSocket("a control frame that is long or in pieces")
        elif (opcode == CONTINUATION) != bool(self._opcode):
            raise NotWebSocket("a fragment out of place")

    def _frame(self, data: bytearray, place: int, end: int) -> Message | None:
        first, size = data[place], data[place + 1]
        start = place + (2 if size < 126 else 4 if size == 126 else 10)
        payload = bytes(data[start:end])
        opcode = first & 0x0F
        if opcode >= CLOSE:
            return Message(opcode, payload)
        if first & FIN and not self._opcode:
            return Message(opcode, payload)
        self._fragments += payload
        self._opcode = self._opcode or opcode
        if len(self._fragments) > MESSAGE_BYTES_MOST:
            raise NotWebSocket("a message too long", 1009)
        if not first & FIN:
            return None
        message = Message(self._opcode, bytes(self._fragments))
        self._opcode, self._fragments = 0, bytearray()
        return message
