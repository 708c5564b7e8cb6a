"""Messages of PostgreSQL's protocol 3.0: those of a client as bytes, and a reader that follows the server's.

Source: "Frontend/Backend Protocol", postgresql.org/docs/current/protocol.html.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

PROTOCOL_3 = 196_608
TLS_REQUEST = struct.pack("!ii", 8, 80_877_103)
NULL = b"\xff\xff\xff\xff"
SYNC = b"S\0\0\0\x04"
EXECUTE = b"E\0\0\0\x09\0\0\0\0\0"

KNOWN = frozenset(b"RSKZTDCIEN123nstAGHWdcvV")
"""The types of message that a server sends."""
WANTED = frozenset(b"REKZ")
"""Those whose body is read; the others are passed over, DataRow unless `keep` is set."""
BODY_BYTES_MOST = 1 << 20
LARGE = frozenset(b"DdTNEV")
"""Those that may be longer than `SMALL_BYTES_MOST`. Another that is comes from someone who speaks HTTP."""
SMALL_BYTES_MOST = 65536
HEAD_BYTES = 5


class NotPostgreSQL(Exception):
    """What came is no message of PostgreSQL's protocol."""


def message(kind: bytes, body: bytes) -> bytes:
    """Returns one message: its type, its length, its body."""
    return kind + struct.pack("!i", len(body) + 4) + body


COPY_FAIL = message(b"f", b"a load sends no COPY data\0")


def startup(user: str, database: str) -> bytes:
    """Returns what opens a session."""
    parameters = {"user": user, "database": database or user, "client_encoding": "UTF8"}
    parameters["application_name"] = "hinterland load"
    words = b"".join(_text(name) + _text(value) for name, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(words) + 8, PROTOCOL_3) + words


def query(statement: bytes) -> bytes:
    """Returns a simple query."""
    return message(b"Q", statement + b"\0")


def parse(name: bytes, statement: bytes) -> bytes:
    """Returns what prepares a statement; the server finds out the types of its parameters."""
    return message(b"P", name + b"\0" + statement + b"\0\0\0")


def bind(name: bytes, values: Sequence[bytes | None]) -> bytes:
    """Returns what gives a prepared statement its parameters, all as text; None is NULL."""
    parts = [b"\0", name, b"\0\0\0", struct.pack("!H", len(values))]
    parts += [NULL if value is None else struct.pack("!i", len(value)) + value for value in values]
    return message(b"B", b"".join((*parts, b"\0\0")))


def md5_password(user: str, password: str, salt: bytes) -> bytes:
    """Returns the answer to a demand for an MD5 password."""
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


def fields(body: bytes) -> dict[str, str]:
    """Returns the fields of an ErrorResponse by their letter: C the SQLSTATE, M the message."""
    parts = (part.decode("utf-8", "replace") for part in body.split(b"\0") if part)
    return {part[0]: part[1:] for part in parts}


def row(body: bytes) -> bytes:
    """Returns a DataRow as a line: its columns with tabs between them, NULL as nothing."""
    columns: list[bytes] = []
    place = 2
    while place + 4 <= len(body):
        length = int.from_bytes(body[place : place + 4], "big", signed=True)
        place += 4
        columns.append(body[place : place + length] if length >= 0 else b"")
        place += max(0, length)
    return b"\t".join(columns) + b"\n"


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


class MessageReader:
    """Follows the server's messages in pieces of any size, passing over the bodies that nobody wants.

    `keep` wants the rows, too. A body that is wanted may have `BODY_BYTES_MOST`; a longer row is passed over,
    and any other message so long is not PostgreSQL's.
    """

    def __init__(self) -> None:
        self.keep = False
        self._data = b""
        self._place = 0
        self._skip = 0
        self._skipped = 0

    @property
    def idle(self) -> bool:
        """Whether it stands between two messages with nothing left to read."""
        return not self._skip and self._place == len(self._data)

    def feed(self, data: bytes) -> None:
        """Adds what came. Call `take` until it returns None before more is added."""
        self._data = self._data[self._place :] + data if self._place < len(self._data) else data
        self._place = 0

    def take(self) -> tuple[int, bytes] | None:
        """Returns type and body of the next complete message, None when it needs more.

        The body of one that is passed over is empty. Raises NotPostgreSQL.
        """
        data, place = self._data, self._place
        if self._skip:
            here = min(self._skip, len(data) - place)
            self._skip -= here
            self._place = place + here
            return None if self._skip else (self._skipped, b"")
        if len(data) - place < HEAD_BYTES:
            if place < len(data) and data[place] not in KNOWN:
                raise NotPostgreSQL(repr(data[place : place + 16]))
            return None
        kind = data[place]
        length = int.from_bytes(data[place + 1 : place + HEAD_BYTES], "big") - 4
        most = 1 << 30 if kind in LARGE else SMALL_BYTES_MOST
        if kind not in KNOWN or not 0 <= length <= most:
            raise NotPostgreSQL(repr(data[place : place + 16]))
        wanted = kind in WANTED or (self.keep and kind == ord("D") and length <= BODY_BYTES_MOST)
        if not wanted:
            self._place = place + HEAD_BYTES
            self._skip, self._skipped = length, kind
            return self.take() if length else (kind, b"")
        if length > BODY_BYTES_MOST:
            raise NotPostgreSQL(f"a message of {length} bytes")
        end = place + HEAD_BYTES + length
        if len(data) < end:
            return None
        self._place = end
        return kind, data[place + HEAD_BYTES : end]
