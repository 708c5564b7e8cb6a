"""Server-sent events read from bytes, as the HTML standard's "event stream interpretation" says."""

from __future__ import annotations

from typing import NamedTuple

EVENT_BYTES_MOST = 1 << 24


class EventTooLong(Exception):
    """The stream gives an event, or a line, that is longer than `EVENT_BYTES_MOST`."""


class ServerSentEvent(NamedTuple):
    """One event: its type (`message` unless named), data, and the last id the stream gave so far."""

    type: str
    data: str
    id: str


class EventStreamReader:
    """Turns the bytes of a `text/event-stream` body, however they are cut, into events."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip_newline = False
        self._started = False
        self._type = ""
        self._data: list[str] = []
        self._size = 0
        self._id = ""

    @property
    def last_id(self) -> str:
        """The last id that the stream gave."""
        return self._id

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Returns the events that these bytes complete; the rest is kept for the next call.

        Raises EventTooLong.
        """
        events = []
        for line in self._lines(data):
            event = self._line(line.decode("utf-8", "replace"))
            if event is not None:
                events.append(event)
        if self._size + len(self._rest) > EVENT_BYTES_MOST:
            raise EventTooLong(f"an event of more than {EVENT_BYTES_MOST} bytes")
        return events

    def _lines(self, data: bytes) -> list[bytes]:
        """Returns the complete lines. They end with CR, LF or CRLF, which two calls may cut apart."""
        if self._skip_newline and data:
            data = data.removeprefix(b"\n")
            self._skip_newline = False
        self._skip_newline = data.endswith(b"\r") or (self._skip_newline and not data)
        text = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = text.split(b"\n")
        if lines and not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        return lines

    def _line(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._size += len(value)
        elif field == "event":
            self._type = value
        elif field == "id" and "\0" not in value:
            self._id = value
        return None  # Comments and fields nobody knows are passed over.

    def _dispatch(self) -> ServerSentEvent | None:
        data, kind = self._data, self._type
        self._data, self._type, self._size = [], "", 0
        if not data:
            return None
        return ServerSentEvent(kind or "message", "\n".join(data), self._id)
