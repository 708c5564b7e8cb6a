"""HTTP/2 header blocks without a table: `hpack` reads what we write, and we read what `hpack` writes."""

from __future__ import annotations

import contextlib

import pytest
from hpack import Decoder, Encoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable
from hypothesis import assume, given
from hypothesis import strategies as st

from hinterland.load.drivers.http2 import header_block, huffman
from hinterland.load.drivers.http2.header_block import BadBlock, Head

NAMES = st.one_of(
    st.sampled_from(["content-type", "server", "date", "x-request-id", "content-length2", "set-cookie"]),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
)
VALUES = st.one_of(
    st.text(st.characters(codec="latin-1"), max_size=200),
    # Long enough for a length in two octets, and past the table of what is remembered.
    st.integers(100, 400).map(lambda size: "v" * size),
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
STATUSES = st.integers(100, 999).map(str)


def oracle(pairs: list[tuple[str, str]], *, coded: bool) -> bytes:
    """Returns the block that a server's encoder makes of these headers when it may keep no table."""
    encoder = Encoder()
    encoder.header_table_size = 0
    return bytes(encoder.encode([(n.encode(), v.encode("latin-1")) for n, v in pairs], huffman=coded))


def test_the_tables_are_those_of_the_specification() -> None:
    assert header_block._STATIC == HeaderTable.STATIC_TABLE
    assert list(huffman._LENGTHS) == REQUEST_CODES_LENGTH
    codes = {
        1 << length | code: symbol
        for symbol, (code, length) in enumerate(zip(REQUEST_CODES, REQUEST_CODES_LENGTH, strict=True))
    }
    assert codes == huffman._SYMBOLS


@given(pairs=PAIRS)
def test_what_we_write_is_read_and_leaves_no_trace_in_the_table(pairs: list[tuple[str, str]]) -> None:
    request = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/x?y"), *pairs]
    decoder = Decoder(max_header_list_size=1 << 20)
    for _ in range(2):
        read = decoder.decode(header_block.encode(request), raw=True)
        assert [(bytes(n), bytes(v)) for n, v in read] == [
            (n.encode(), v.encode("latin-1")) for n, v in request
        ]
    assert len(decoder.header_table.dynamic_entries) == 0


@given(status=STATUSES, pairs=PAIRS, coded=st.booleans(), length=st.none() | st.integers(0, 1 << 50))
def test_we_read_what_a_server_writes(
    status: str, pairs: list[tuple[str, str]], coded: bool, length: int | None
) -> None:
    answer = [(":status", status), *pairs, *([] if length is None else [("content-length", str(length))])]
    block = oracle(answer, coded=coded)
    assert header_block.decode(block) == [(n.encode(), v.encode("latin-1")) for n, v in answer]
    assert header_block.head(block) == Head(int(status), -1 if length is None else length)
    fields = header_block.fields(block)
    for name, _ in pairs:
        assert fields[name] == ", ".join(value for other, value in answer if other == name)


@given(status=STATUSES, coded=st.booleans())
def test_a_block_reads_the_same_at_any_time(status: str, coded: bool) -> None:
    """One encoder, many blocks: without a table the first and the last are the same bytes."""
    encoder = Encoder()
    encoder.header_table_size = 0
    answer = [(":status", status), ("server", "s"), ("x-a", "b")]
    blocks = [bytes(encoder.encode(answer, huffman=coded)) for _ in range(3)]
    assert {header_block.head(block) for block in blocks} == {Head(int(status), -1)}
    assert blocks[1] == blocks[2]


@given(data=st.binary(max_size=60))
def test_garbage_is_a_bad_block_or_a_block(data: bytes) -> None:
    for read in (header_block.decode, header_block.head, header_block.fields):
        try:
            read(data)
        except BadBlock:
            continue


@given(data=st.binary(max_size=40))
def test_huffman_agrees_with_the_oracle(data: bytes) -> None:
    try:
        expected = decode_huffman(data)
    except Exception:
        expected = None
    try:
        found = huffman.decode(data)
    except ValueError:
        found = None
    assert found == expected


@given(status=STATUSES, pairs=PAIRS, coded=st.booleans(), at=st.integers(0, 10_000))
def test_a_block_that_is_cut_off_is_never_another_status(
    status: str, pairs: list[tuple[str, str]], coded: bool, at: int
) -> None:
    block = oracle([(":status", status), *pairs], coded=coded)
    assume(at < len(block))
    with contextlib.suppress(BadBlock):
        assert header_block.head(block[:at]).status == int(status)


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("server", "s")],
        [("server", "s"), (":status", "200")],
        [(":status", "200"), (":status", "404")],
        [(":status", "20")],
        [(":status", "2000")],
        [(":status", "abc")],
        [(":status", "099")],
        [(":status", "200"), (":path", "/")],
        [(":status", "200"), ("content-length", "-1")],
        [(":status", "200"), ("content-length", "1"), ("content-length", "2")],
        [(":status", "200"), ("content-length", "9" * 40)],
    ],
    ids=str,
)
def test_an_answer_without_one_status_and_one_length_is_none(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(BadBlock):
        header_block.head(oracle(pairs, coded=False))


def test_entries_of_a_table_that_we_did_not_allow() -> None:
    for block in (b"\x88\xbe", b"\x80", b"\x3f\xe1\x1f\x88", b"\x88\x20"):
        with pytest.raises(BadBlock):
            header_block.decode(block)
    assert header_block.decode(b"\x20\x88") == [(b":status", b"200")]
