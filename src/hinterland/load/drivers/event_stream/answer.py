"""The answer that never ends: an HTTP/1.1 answer whose body is an event stream, read as it comes."""

from __future__ import annotations

import httptools

from hinterland.clients.reader import BadAnswer
from hinterland.load.drivers.event_stream.events import EventStreamReader, ServerSentEvent

HEAD_BYTES_MOST = 65536


class EventStreamAnswer:
    """Reads one such answer.

    `status` is 0 before its head is complete; `begun` says that body came, `ended` that the server ended the
    stream in good order. `content_type` has no parameters and is lower case.
    """

    def __init__(self) -> None:
        self.status = 0
        self.content_type = ""
        self.begun = self.ended = False
        self._parser = httptools.HttpResponseParser(self)
        self._stream = EventStreamReader()
        self._events: list[ServerSentEvent] = []
        self._head_bytes = 0

    @property
    def last_id(self) -> str:
        """The last id that the stream gave, for the `Last-Event-ID` of the next request."""
        return self._stream.last_id

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Returns the events that these bytes complete. Raises BadAnswer for what is no such answer."""
        self._events = []
        if not self.status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # What follows a stream that ended is nobody's.
            if not self.ended:
                raise BadAnswer(str(error) or type(error).__name__) from None
        if not self.status and self._head_bytes > HEAD_BYTES_MOST:
            raise BadAnswer("a head without an end")
        return self._events

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.content_type = value.split(b";")[0].strip().lower().decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:
            self.status = status

    def on_body(self, body: bytes) -> None:
        self.begun = True
        self._events += self._stream.feed(body)

    def on_message_complete(self) -> None:
        self.ended = self.status != 0
