"""Finds where one HTTP/1.1 answer ends and the next begins, on a connection that carries many in a row.

The framing is that of RFC 9112 (section 6.3). An answer with both a length and chunks, with lengths that
differ, or with a head that does not end is none: who believes the wrong one misreads every later answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from hinterland.clients.message import Response, with_trailers
from hinterland.clients.reader import BadAnswer
from hinterland.load.drivers.transport.answer_room import ROOM
from hinterland.load.engine.failures import words_of

LONGEST_HEAD_BYTES = 1 << 18
LONGEST_LINE_BYTES = 1 << 14
END_OF_HEAD = b"\r\n\r\n"

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r\n]*)?\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*\Z")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_FOLD = re.compile(rb"\r\n[ \t]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
_UNTIL_CLOSE = -1
_CHUNKED = -2


class TooLong(Exception):
    """There is no room for an answer that was to be kept; `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(words_of(code))
        self.code = code


class AnswerHead(NamedTuple):
    """What frames an answer. `size` is the length of its body, _CHUNKED or _UNTIL_CLOSE."""

    status: int
    size: int
    keeps_alive: bool


class AnswerReader:
    """Reads one answer after the other: `begin` says to what, `read` takes its bytes and no more.

    After `read`, `complete` says that it was the whole answer; then `status` and `reusable` (whether the
    connection carries another one) hold, and `response` where it was to be kept.
    """

    def __init__(self) -> None:
        self._body = bytearray()
        self.begin("GET", False)

    def begin(self, method: str, keeps: bool) -> None:
        """The next bytes answer such a request; `keeps`: headers and body are wanted."""
        ROOM.give(len(self._body))
        self.status = 0
        self.complete = self.reusable = False
        self.begun = False
        self._bodyless, self._keeps = method == "HEAD", keeps
        self._rest = bytearray()
        self._step = self._read_head
        self._size = 0
        self._chunked = False
        self._head = b""
        self._body, self._trailers = bytearray(), bytearray()

    def read(self, data: bytes, place: int) -> int:
        """Reads from `place` on; returns where it stopped: the end of the data or of the answer.

        Raises BadAnswer, and TooLong.
        """
        self.begun = True
        end = len(data)
        while place < end and not self.complete:
            place = self._step(data, place)
        return place

    def close(self) -> bool:
        """The connection ended; returns whether that completes the answer."""
        if self.status and not self.complete and self._size == _UNTIL_CLOSE:
            self.complete = True
        return self.complete

    @property
    def response(self) -> Response:
        """The answer that was kept."""
        fields = _fields_of(self._head)
        if self._trailers:
            fields = with_trailers(fields, _fields_of(b"\r\n" + bytes(self._trailers)))
        return Response(self.status, fields, bytes(self._body))

    def _line(self, data: bytes, place: int, end_sign: bytes, longest: int) -> tuple[bytes | None, int]:
        """Returns what comes before `end_sign`, None if that is not there yet, and where to go on."""
        rest = self._rest
        if rest:
            # The sign itself may be cut in two.
            overlap = max(0, len(rest) - len(end_sign) + 1)
            before = len(rest)
            rest += data[place:]
            found = rest.find(end_sign, overlap)
            if found >= 0:
                line = bytes(rest[:found])
                rest.clear()
                return line, place + found + len(end_sign) - before
        else:
            found = data.find(end_sign, place)
            if found >= 0:
                return data[place:found], found + len(end_sign)
            rest += data[place:]
        if len(rest) > longest:
            raise BadAnswer("a head or line that does not end")
        return None, len(data)

    def _read_head(self, data: bytes, place: int) -> int:
        head, place = self._line(data, place, END_OF_HEAD, LONGEST_HEAD_BYTES)
        if head is None:
            if not b"HTTP/1.".startswith(bytes(self._rest[:7])):
                raise BadAnswer("not HTTP")
            if _LONE_LF.search(self._rest):
                raise BadAnswer("a line that ends with LF alone")
            return place
        found = _head_of(head)
        if 100 <= found.status < 200 and found.status != 101:
            return place
        self.status = found.status
        self._size = 0 if self._bodyless or found.status in (101, 204, 304) else found.size
        self.reusable = found.keeps_alive and found.status != 101 and self._size != _UNTIL_CLOSE
        if self._keeps:
            self._head = head
        if self._size == 0:
            self.complete = True
        elif self._size == _CHUNKED:
            self._step = self._read_size
        else:
            self._step = self._read_body
        return place

    def _read_body(self, data: bytes, place: int) -> int:
        end = len(data)
        if self._size >= 0:
            end = min(end, place + self._size)
            self._size -= end - place
        if self._keeps:
            error = ROOM.take(len(self._body), end - place)
            if error:
                raise TooLong(error)
            self._body += data[place:end]
        if not self._size:
            self._step = self._read_end_of_chunk
            self.complete = not self._chunked
        return end

    def _read_size(self, data: bytes, place: int) -> int:
        line, place = self._line(data, place, b"\r\n", LONGEST_LINE_BYTES)
        if line is None:
            return place
        found = _SIZE.match(line)
        if found is None:
            raise BadAnswer("a chunk of no size")
        self._size, self._chunked = int(found[1], 16), True
        self._step = self._read_body if self._size else self._read_trailer
        return place

    def _read_end_of_chunk(self, data: bytes, place: int) -> int:
        line, place = self._line(data, place, b"\r\n", 2)
        if line is None:
            return place
        if line:
            raise BadAnswer("a chunk of another size")
        self._step = self._read_size
        return place

    def _read_trailer(self, data: bytes, place: int) -> int:
        line, place = self._line(data, place, b"\r\n", LONGEST_LINE_BYTES)
        if line is None:
            return place
        if not line:
            self.complete = True
            return place
        self._size += len(line)
        if self._size > LONGEST_HEAD_BYTES or _FIELD.match(line) is None:
            raise BadAnswer("a trailer that is none, or without end")
        if self._keeps:
            self._trailers += line if not self._trailers else b"\r\n" + line
        return place


def _head_of(head: bytes) -> AnswerHead:
    return _remembered_head(head) if len(head) <= REMEMBERED_BYTES else _read_head(head)


def _read_head(head: bytes) -> AnswerHead:
    """Returns what a head says of its answer. Raises BadAnswer."""
    # A line that begins with a space goes on with the one before it.
    first, *lines = _FOLD.sub(b" ", head).split(b"\r\n")
    start = _STATUS_LINE.match(first)
    if start is None:
        raise BadAnswer("not HTTP")
    lengths: set[bytes] = set()
    codings: list[bytes] = []
    options: set[bytes] = set()
    for line in lines:
        field = _FIELD.match(line)
        if field is None:
            raise BadAnswer("a header that is none")
        name, value = field[1].lower(), field[2]
        if name == b"content-length":
            lengths.update(part.strip() for part in value.split(b","))
        elif name == b"transfer-encoding":
            codings += [part.strip().lower() for part in value.split(b",")]
        elif name == b"connection":
            options.update(part.strip().lower() for part in value.split(b","))
    keeps_alive = b"close" not in options if start[1] == b"1" else b"keep-alive" in options
    return AnswerHead(int(start[2]), _size_of(lengths, codings), keeps_alive)


def _size_of(lengths: set[bytes], codings: list[bytes]) -> int:
    if codings:
        if lengths:
            raise BadAnswer("both a length and a coding")
        return _CHUNKED if codings[-1] == b"chunked" else _UNTIL_CLOSE
    if not lengths:
        return _UNTIL_CLOSE
    length = lengths.pop()
    if lengths or not length.isdigit() or len(length) > 18:
        raise BadAnswer("a length that is none")
    return int(length)


def _fields_of(head: bytes) -> dict[str, str]:
    """Returns the headers of a head that was read well, repeated ones joined with a comma."""
    found: dict[str, str] = {}
    for line in _FOLD.sub(b" ", head).decode("latin-1").split("\r\n")[1:]:
        raw_name, _, raw_value = line.partition(":")
        name, value = raw_name.lower(), raw_value.strip(" \t")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


REMEMBERED_BYTES, REMEMBERED_HEADS = 1024, 1024
_remembered_head = lru_cache(maxsize=REMEMBERED_HEADS)(_read_head)
