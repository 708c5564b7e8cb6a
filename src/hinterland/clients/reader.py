"""Reads one HTTP/1.1 response from pieces of any size, with every framing RFC 9112 (section 6.3) allows.

httptools finds heads, lengths and chunks. What it can't know is added here: that a HEAD is answered
without a body, that an answer with neither length nor chunks ends where the connection ends, and that
1xx is not yet the answer.
"""

from __future__ import annotations

from typing import Any

import httptools

from hinterland.clients.message import Response

# Joining repeated headers, and the pieces of a long one, takes time that grows with the square of this.
LONGEST_HEAD_BYTES = 1 << 18


class BadAnswer(Exception):
    """What came is not one HTTP response: garbage, a wrong framing, or bytes beyond the answer."""


class ResponseReader:
    """Reads the answer to one request of the given method; use a new one for each request.

    `reusable` says after the end whether the connection can carry another request.
    """

    def __init__(self, method: str) -> None:
        self.reusable = False
        self._bodyless = method == "HEAD"
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        # Not a list of its pieces: a body may come in chunks of a byte each.
        self._body = bytearray()
        self._status = self._head_bytes = 0
        self._head_read = False
        self._complete = False
        self._surplus = self._keeps_alive = False

    def feed(self, data: bytes) -> Response | None:
        """Returns the response once `data` completes it, else None. Raises BadAnswer."""
        upgraded = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # 101 or an answer to CONNECT: the rest of the connection is another protocol's.
            upgraded = self._complete = True
            self._status = self._parser.get_status_code()
        except httptools.HttpParserError as error:
            # A complete answer stands even when the bytes behind it are not HTTP.
            if not self._complete:
                raise BadAnswer(str(error) or type(error).__name__) from None
            self._surplus = True
        if not self._complete:
            if not self._head_read:
                self._head_bytes += len(data)
                if self._head_bytes > LONGEST_HEAD_BYTES:
                    raise BadAnswer("a head that does not end")
            return None
        self.reusable = self._keeps_alive and not (upgraded or self._surplus)
        return self._response()

    def eof(self) -> Response | None:
        """Returns the response if the end of the connection completes it, else None: it was cut off."""
        if not self._head_read or self._framed():
            return None
        return self._response()

    def forget(self) -> None:
        """Lets go of what came; nothing more may be read."""
        # The parser holds this reader: without the circle, nobody has to look for it to free the body.
        self._parser = None
        self._body = bytearray()

    def _response(self) -> Response:
        response = Response(self._status, self._headers, bytes(self._body))
        self.forget()
        return response

    def _framed(self) -> bool:
        codings = self._headers.get("transfer-encoding", "")
        if codings:
            return codings.rpartition(",")[2].strip().lower() == "chunked"
        return "content-length" in self._headers

    def _head_keeps_alive(self) -> bool:
        # The parser says no for an answer that it would end at the close; a HEAD's has no body to end.
        options = {option.strip().lower() for option in self._headers.get("connection", "").split(",")}
        if self._parser.get_http_version() == "1.1":
            return "close" not in options
        return "keep-alive" in options

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self._complete:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._complete:  # Trailers and whatever follows the answer are not its headers.
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._headers.clear()
            return
        self._status, self._head_read = status, True
        if self._bodyless:
            self._complete, self._keeps_alive = True, self._head_keeps_alive()

    def on_body(self, piece: bytes) -> None:
        if self._complete:
            self._surplus = True
        else:
            self._body += piece

    def on_message_complete(self) -> None:
        if self._head_read and not self._complete:
            # After this callback the parser has forgotten how the message was framed.
            self._complete, self._keeps_alive = True, self._parser.should_keep_alive()


def status_at_close(answer: bytes) -> int:
    """Returns the status of an unfinished answer if the end of the connection completes it, else 0.

    `answer` is what came so far, from the status line on; the rest of a long body may be left out.
    """
    reader = ResponseReader("GET")
    try:
        reader.feed(answer)
    except BadAnswer:
        return 0
    response = reader.eof()
    return response.status if response else 0
