"""Redis's protocol: commands as bytes, and replies of every type followed however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.load.drivers.redis import resp
from hinterland.load.drivers.redis.resp import LINE_BYTES, NotRESP, ReplyReader

MOST = 1 << 16
Value = bytes | int | None | list["Value"]


def encoded(value: Value) -> bytes:
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    return b"*%d\r\n" % len(value) + b"".join(map(encoded, value))


def scalars(value: Value) -> list[bytes]:
    if isinstance(value, list):
        return [each for member in value for each in scalars(member)]
    return [b"" if value is None else b"%d" % value if isinstance(value, int) else value]


VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.integers(-(1 << 62), 1 << 62) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


def fed(reader: ReplyReader, data: bytes, cuts: list[int]) -> list[int]:
    """Feeds the data in pieces; returns what each call returned until the reply was complete."""
    told, place = [], 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        if cut > place or cut == len(data):
            told.append(reader.feed(data[place:cut]))
            place = cut
            if told[-1] >= 0:
                break
    return told


@settings(max_examples=300)
@given(value=VALUES, cuts=st.lists(st.integers(0, 500), max_size=6), surplus=st.binary(max_size=5))
def test_any_reply_in_any_pieces_ends_where_it_ends(value: Value, cuts: list[int], surplus: bytes) -> None:
    data = encoded(value)
    reader = ReplyReader(MOST)
    reader.keep = True
    told = fed(reader, data, [cut for cut in cuts if cut < len(data)])
    assert told[:-1] == [-1] * (len(told) - 1)
    assert told[-1] > 0
    assert not reader.error
    # Empty arrays have no line of their own, and the last scalar no line end.
    assert reader.kept.split(b"\n") == b"\n".join(scalars(value)).split(b"\n") or _ends_empty(value)
    reader.begin()
    assert reader.feed(data + surplus) == len(data)


def _ends_empty(value: Value) -> bool:
    """Whether arrays without members follow the last scalar: a line end more is kept then."""
    return isinstance(value, list) and b"*0\r\n" in encoded(value)


@pytest.mark.parametrize(
    ("data", "error", "kept"),
    [
        (b"+OK\r\n", "", b"OK"),
        (b":-7\r\n", "", b"-7"),
        (b"$-1\r\n", "", b""),
        (b"*-1\r\n", "", b""),
        (b"*0\r\n", "", b""),
        (b"$0\r\n\r\n", "", b""),
        (b"$2\r\n\r\n\r\n", "", b"\r\n"),
        (b"-WRONGTYPE no\r\n", "WRONGTYPE no", b"WRONGTYPE no"),
        # An error within an array is a member of it: the command itself was done.
        (b"*2\r\n-ERR inner\r\n:1\r\n", "", b"ERR inner\n1"),
    ],
)
def test_each_type(data: bytes, error: str, kept: bytes) -> None:
    for size in (1, 2, len(data)):
        reader = ReplyReader(MOST)
        reader.keep = True
        ends = [reader.feed(data[place : place + size]) for place in range(0, len(data), size)]
        assert ends[-1] > 0
        assert set(ends[:-1]) <= {-1}
        assert (reader.error, bytes(reader.kept)) == (error, kept)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"R\0\0\0\x08",
        b"\r\n",
        b"$x\r\n",
        b"$-2\r\n",
        b"*99999999999999999999\r\n",
        b"$\r\n",
        b"$2\r\nabc\r\n",
        b"$1\r\na\rb",
        b"*1\r\n!3\r\n",
    ],
)
def test_what_is_no_reply_is_told_at_once(data: bytes) -> None:
    with pytest.raises(NotRESP):
        ReplyReader(MOST).feed(data)


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    reader = ReplyReader(MOST)
    assert reader.feed(b"+" * LINE_BYTES) == -1
    with pytest.raises(NotRESP, match="without an end"):
        reader.feed(b"+")


def test_an_endless_reply_takes_no_memory() -> None:
    reader = ReplyReader(MOST)
    reader.keep = True
    assert reader.feed(b"$%d\r\n" % (1 << 40)) == -1
    for _ in range(200):
        assert reader.feed(b"x" * 4096) == -1
    assert len(reader.kept) == MOST
    deep = ReplyReader(MOST)
    for _ in range(1000):
        assert deep.feed(b"*1\r\n" * 100) == -1
    assert not deep._rest


def test_commands_and_command_lines() -> None:
    assert resp.command([b"SET", b"a", b""]) == b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n"
    assert resp.split("SET a 'hello world' \"it's\"") == [b"SET", b"a", b"hello world", b"it's"]
    for wrong in ("", "  ", "GET 'a"):
        with pytest.raises(UsageError):
            resp.split(wrong)


def test_several_lines_are_not_one_command() -> None:
    with pytest.raises(UsageError, match="several lines"):
        resp.split("GET a\nGET b")
    assert resp.split("SET a 'b\nc'\n") == [b"SET", b"a", b"b\nc"]
