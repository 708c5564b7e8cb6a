"""A WebSocket client without its connection (RFC 6455): bytes in, messages out, and what must be replied."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable

from hinterland.clients.message import Request
from hinterland.clients.reader import BadAnswer, ResponseReader
from hinterland.load.drivers.websocket.frames import (
    CLOSE,
    PING,
    PONG,
    FrameReader,
    Message,
    NotWebSocket,
    close_payload,
    close_status,
    masked_frame,
)

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HEAD_BYTES_MOST = 65536


class HandshakeFailure(Exception):
    """The server does not speak WebSocket at this address. The message says what it did instead."""


class WebSocketClient:
    """One connection's worth of protocol.

    `request` goes out first; then `feed` takes what comes. `replies` is what must be written after each
    `feed`: pongs, and the close frame that answers one. `closed` is the status of the server's close frame, 0
    before it, and `close_reason` its words. No extension is asked for.
    """

    def __init__(self, host: str, port: int, path: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._accept = base64.b64encode(
            hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
        ).decode()
        asked = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        self.request = Request("GET", path, [*headers, *asked.items()]).encode(host, port)
        self.is_open = False
        self.closed = 0
        self.close_reason = ""
        self.replies = b""
        self._head = b""
        self._frames = FrameReader()

    @property
    def idle(self) -> bool:
        """Whether it is open and stands between two messages."""
        return self.is_open and not self.closed and self._frames.idle

    def feed(self, data: bytes) -> list[Message]:
        """Returns the messages that these bytes complete, without control frames.

        Raises HandshakeFailure or NotWebSocket; the connection is of no more use then.
        """
        self.replies = b""
        if not self.is_open:
            data = self._handshake(data)
            if not self.is_open:
                return []
        if self.closed or not data:
            return []
        messages: list[Message] = []
        for message in self._frames.feed(data):
            if message.opcode < CLOSE:
                messages.append(message)
            elif message.opcode == PING:
                self.replies += masked_frame(PONG, message.payload)
            elif message.opcode == CLOSE:
                self.closed = close_status(message.payload)
                self.close_reason = message.payload[2:].decode("utf-8", "replace")
                self.replies += masked_frame(CLOSE, message.payload[:2])
                break
        return messages

    def complaint(self, failure: NotWebSocket) -> bytes:
        """Returns the close frame that says what is wrong with what came."""
        return masked_frame(CLOSE, close_payload(failure.status))

    def _handshake(self, data: bytes) -> bytes:
        """Reads the answer to the upgrade; returns what came behind it."""
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > HEAD_BYTES_MOST or not b"HTTP/1.1 ".startswith(self._head[:9]):
                raise HandshakeFailure(f"the answer is not HTTP, it begins {self._head[:24]!r}")
            return b""
        head, rest = self._head[: end + 4], self._head[end + 4 :]
        self._head = b""
        # A refusal may have a body; its head says all that is wanted.
        status = head[9:12].decode("latin-1")
        if head[:9] != b"HTTP/1.1 " or status != "101":
            raise HandshakeFailure(f"status {status}" if head[:7] == b"HTTP/1." else "the answer is not HTTP")
        try:
            answer = ResponseReader("GET").feed(head)
        except BadAnswer as failure:
            raise HandshakeFailure(f"bad answer: {failure}") from None
        headers = {} if answer is None else answer.headers
        if headers.get("upgrade", "").lower() != "websocket":
            raise HandshakeFailure("the answer upgrades to something else")
        if headers.get("sec-websocket-accept", "") != self._accept:
            raise HandshakeFailure("the answer's Sec-WebSocket-Accept is wrong")
        if "sec-websocket-extensions" in headers:
            raise HandshakeFailure("the server wants an extension that nobody asked for")
        self.is_open = True
        return rest
