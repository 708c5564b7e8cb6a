"""HTTP/2 header blocks (HPACK, RFC 7541) without a dynamic table, which needs no state.

Requests are written as literals that are never indexed. Answers can be read alone because the driver allows
the server a dynamic table of 0 octets (SETTINGS_HEADER_TABLE_SIZE): nothing refers to an earlier block.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from hinterland.load.drivers.http2 import huffman

Pairs = list[tuple[bytes, bytes]]

_STATIC_LINES = """\
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""
_STATIC: tuple[tuple[bytes, bytes], ...] = tuple(
    (name.encode(), value.encode())
    for name, _, value in (line.partition(" ") for line in _STATIC_LINES.splitlines())
)
"""The static table (RFC 7541, appendix A); its first entry is number 1."""

_WHOLE = {pair: place for place, pair in reversed(list(enumerate(_STATIC, 1))) if pair[1]}
_HEAD_NAMES = frozenset({b":status", b"content-length"})
_NAMES = {name: place for place, (name, _) in reversed(list(enumerate(_STATIC, 1)))}


class BadBlock(Exception):
    """What came is not a header block, or refers to a table that it may not use."""


class Head(NamedTuple):
    """What a load needs of an answer's head. `length` is its Content-Length, -1 without one."""

    status: int
    length: int


def encode(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Returns the block of these headers; names must be lower case, values Latin-1."""
    return b"".join(_field(name, value) for name, value in pairs)


@lru_cache(maxsize=4096)
def _field(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode("ascii"), value.encode("latin-1")
    if (raw_name, raw_value) in _WHOLE:
        return _integer(_WHOLE[raw_name, raw_value], 7, 0x80)
    known = _NAMES.get(raw_name, 0)
    named = _integer(known, 4, 0) + (b"" if known else _string(raw_name))
    return named + _string(raw_value)


def _string(data: bytes) -> bytes:
    return _integer(len(data), 7, 0) + data


def _integer(value: int, bits: int, pattern: int) -> bytes:
    """Returns a number in the low `bits` of an octet, and in further octets where they do not hold it."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([pattern | value])
    out = bytearray([pattern | most])
    value -= most
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(block: bytes) -> Pairs:
    """Returns the headers of a block in their order. Raises BadBlock."""
    return _decode(block, None)


def _decode(block: bytes, wanted: frozenset[bytes] | None) -> Pairs:
    """Returns the headers; the values of those that are not wanted are skipped, and empty."""
    try:
        return _fields(block, wanted)
    except (IndexError, ValueError) as error:
        raise BadBlock(str(error)) from None


def _fields(block: bytes, wanted: frozenset[bytes] | None) -> Pairs:
    found: Pairs = []
    place, end = 0, len(block)
    while place < end:
        first = block[place]
        if first & 0x80:
            number, place = _number(block, place, 7)
            found.append(_entry(number))
            continue
        if first & 0xE0 == 0x20:
            size, place = _number(block, place, 5)
            if found or size:
                raise BadBlock("a table size that was not allowed")
            continue
        # With indexing the entry is larger than the table, which stays empty: no difference here.
        number, place = _number(block, place, 6 if first & 0x40 else 4)
        if number:
            name = _entry(number)[0]
        else:
            name, place = _text(block, place)
        value, place = _text(block, place, wanted is None or name in wanted)
        found.append((name, value))
    return found


def _entry(number: int) -> tuple[bytes, bytes]:
    if not 0 < number <= len(_STATIC):
        raise BadBlock("an entry of a table that is empty")
    return _STATIC[number - 1]


def _number(block: bytes, place: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[place] & most
    place += 1
    if value < most:
        return value, place
    for shift in range(0, 28, 7):
        octet = block[place]
        place += 1
        value += (octet & 127) << shift
        if octet < 128:
            return value, place
    raise BadBlock("a number that is too large")


def _text(block: bytes, place: int, wanted: bool = True) -> tuple[bytes, int]:
    coded = block[place] & 0x80
    length, place = _number(block, place, 7)
    end = place + length
    if end > len(block):
        raise BadBlock("a string that is cut off")
    if not wanted:
        return b"", end
    data = block[place:end]
    return (huffman.decode(data) if coded else data), end


def head(block: bytes) -> Head:
    """Returns status and length of an answer. Raises BadBlock where it has no valid ones.

    A status comes once, before every header that is not a pseudo header (RFC 9113, section 8.3).
    """
    status, length, regular = 0, -1, False
    for name, value in _decode(block, _HEAD_NAMES):
        if name[:1] != b":":
            regular = True
            if name == b"content-length":
                length = _length(value, length)
        elif name != b":status" or status or regular or not (len(value) == 3 and value.isdigit()):
            raise BadBlock("a status that is none")
        else:
            status = int(value)
    if status < 100:
        raise BadBlock("no status")
    return Head(status, length)


def _length(value: bytes, before: int) -> int:
    if not value.isdigit() or len(value) > 18 or before not in (-1, int(value)):
        raise BadBlock("a length that is none")
    return int(value)


def fields(block: bytes) -> dict[str, str]:
    """Returns the headers of an answer, repeated ones joined with a comma. Raises BadBlock."""
    found: dict[str, str] = {}
    for raw_name, raw_value in decode(block):
        if raw_name[:1] == b":":
            continue
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
