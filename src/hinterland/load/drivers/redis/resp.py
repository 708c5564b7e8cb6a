"""Redis's protocol, RESP2: commands as bytes, and a reader that follows replies without building them.

Source: "Redis serialization protocol specification", redis.io/docs/latest/develop/reference/protocol-spec.
"""

from __future__ import annotations

import re
import shlex

from hinterland.errors import UsageError
from hinterland.model.secrecy import hidden

LINE_BYTES = 65536
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", re.DOTALL)
_LENGTHS = range(-1, 1 << 48)


class NotRESP(Exception):
    """What came is no reply of RESP2."""


def command(words: list[bytes]) -> bytes:
    """Returns a command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


def first_word(array: bytes) -> bytes:
    """Returns the first word of a command, in upper case."""
    begin = array.find(b"\r\n", array.find(b"\r\n") + 2) + 2
    return array[begin : array.find(b"\r\n", begin)].upper()


def split(text: str) -> list[bytes]:
    """Returns the words of a command line. Quotes hold a word together, as in a shell.

    Raises UsageError when there are none, or a quote is not closed.
    """
    if "\n" in re.sub(_QUOTED, "", text.strip()):
        raise UsageError(
            f"Redis command {hidden(text)!r} has several lines, and would be sent as one command.",
            "Give each command as a request of its own.",
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"Redis command {hidden(text)!r}: {error}.", "Close the quote, or leave it out."
        ) from None
    if not words:
        raise UsageError("the Redis command is empty.", "Give a command such as 'GET greeting'.")
    return [word.encode() for word in words]


class ReplyReader:
    """Follows one reply after the other, in pieces of any size, keeping none of it unless asked to.

    `error` is the text of a reply that is an error, without its `-`; empty for any other. `kept` has, where
    `keep` was set, the scalars of the reply, one a line, up to `most` bytes; an absent value is an empty
    line. Nesting is only a count of what is still to come, so a reply of any depth takes no memory.
    """

    def __init__(self, most: int) -> None:
        self.keep = False
        self._most = most
        self.begin()

    def begin(self) -> None:
        """Makes ready for the next reply."""
        self.error = ""
        self.kept = bytearray()
        self._rest = b""
        self._elements = 1
        self._bulk = -1
        self._first = True

    def feed(self, data: bytes) -> int:
        """Returns how many bytes of `data` end the reply, or -1 when it needs more. Raises NotRESP."""
        carried = len(self._rest)
        if carried:
            data = self._rest + data
            self._rest = b""
        place, size = 0, len(data)
        while self._elements:
            if self._bulk >= 0:
                place = self._through_bulk(data, place)
                if place < 0:
                    return -1
                continue
            end = data.find(b"\r\n", place)
            if end < 0:
                # A simple string has no end in sight: bounded, and its type known before it is waited for.
                if place < size and data[place] not in b"+-:$*":
                    raise NotRESP(repr(data[place : place + 16]))
                if size - place > LINE_BYTES:
                    raise NotRESP("a line without an end")
                self._rest = data[place:]
                return -1
            self._line(data[place:end])
            place = end + 2
        return place - carried

    def _line(self, line: bytes) -> None:
        kind, text = line[:1], line[1:]
        first, self._first = self._first, False
        if kind == b"$":
            length = _whole(text)
            if length < 0:
                self._scalar(b"")
            else:
                self._bulk = length
        elif kind == b"*":
            self._elements += max(0, _whole(text)) - 1
        elif kind in (b"+", b":", b"-"):
            if kind == b"-" and first:
                self.error = text.decode("utf-8", "replace")
            self._scalar(text)
        else:
            raise NotRESP(repr(line[:16]))

    def _through_bulk(self, data: bytes, place: int) -> int:
        """Returns the place behind a bulk string and its line end, -1 when more of it is to come."""
        here = min(self._bulk, len(data) - place)
        if self.keep:
            self._keep(data[place : place + here])
        self._bulk -= here
        place += here
        end = data[place : place + 2]
        if self._bulk or len(end) < 2:
            self._rest = end
            return -1
        if end != b"\r\n":
            raise NotRESP("a bulk string longer than it says")
        self._bulk = -1
        self._scalar(b"")
        return place + 2

    def _scalar(self, text: bytes) -> None:
        self._elements -= 1
        if self.keep:
            self._keep(text)
            if self._elements:
                self._keep(b"\n")

    def _keep(self, piece: bytes) -> None:
        self.kept += piece[: self._most - len(self.kept)]


def _whole(text: bytes) -> int:
    """Returns a length. Raises NotRESP for what is none."""
    digits = text.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 18 or (number := int(text)) not in _LENGTHS:
        raise NotRESP(f"length {text[:20]!r}")
    return number
