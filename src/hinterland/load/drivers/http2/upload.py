"""The bodies of a connection's requests, sent no faster than the server lets them (RFC 9113, section 5.2)."""

from __future__ import annotations

from hinterland.load.drivers.http2.frame_encoding import (
    DATA,
    END_STREAM,
    FIRST_WINDOW,
    FRAME_BYTES,
    LARGEST_WINDOW,
    BadFrame,
    frame,
)


class _Upload:
    """What is left of one body, from `place` on, and how much of it the server lets through."""

    __slots__ = ("body", "place", "window")

    def __init__(self, body: bytes, window: int) -> None:
        self.body, self.place, self.window = body, 0, window


class Uploads:
    """Bodies under way. Each method that gives room returns the frames that may be sent now."""

    def __init__(self) -> None:
        self._window = self._first_window = FIRST_WINDOW
        self._under_way: dict[int, _Upload] = {}

    def begin(self, stream: int, body: bytes) -> bytes:
        """Begins the body of a stream; it is not empty."""
        self._under_way[stream] = _Upload(body, self._first_window)
        return self._next_of(stream)

    def end(self, stream: int) -> bool:
        """Forgets a stream; returns whether a part of its body was still to be sent."""
        return self._under_way.pop(stream, None) is not None

    def grant(self, stream: int, by: int) -> bytes:
        """The server takes `by` more octets: of a stream, or of all for stream 0. Raises BadFrame."""
        if stream:
            upload = self._under_way.get(stream)
            if upload is None:
                return b""
            upload.window += by
            return self._next_of(stream)
        if not by or self._window + by > LARGEST_WINDOW:
            raise BadFrame("a window that can't be")
        self._window += by
        return self._next_of_all()

    def resize(self, window: int) -> bytes:
        """The server's setting of how much a stream may send at first, which changes those under way, too."""
        if window > LARGEST_WINDOW:
            raise BadFrame("a window that can't be")
        for upload in self._under_way.values():
            upload.window += window - self._first_window
        self._first_window = window
        return self._next_of_all()

    def _next_of_all(self) -> bytes:
        return b"".join([self._next_of(stream) for stream in list(self._under_way)])

    def _next_of(self, stream: int) -> bytes:
        upload = self._under_way[stream]
        pieces = []
        while (size := min(FRAME_BYTES, self._window, upload.window, len(upload.body) - upload.place)) > 0:
            piece = upload.body[upload.place : upload.place + size]
            upload.place += size
            upload.window -= size
            self._window -= size
            last = upload.place == len(upload.body)
            pieces.append(frame(DATA, END_STREAM if last else 0, stream, piece))
            if last:
                del self._under_way[stream]
        return b"".join(pieces)
