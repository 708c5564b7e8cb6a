"""PostgreSQL's messages: followed however they are cut, bounded, and the login that is made of them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.load.drivers.postgresql import messages as messages
from hinterland.load.drivers.postgresql.login import Login, LoginFailure, refusal
from hinterland.load.drivers.postgresql.messages import (
    BODY_BYTES_MOST,
    MessageReader,
    NotPostgreSQL,
    message,
    row,
)
from hinterland.load.drivers.postgresql.statement import PREPARED_MOST, Bound, Prepared

READY = message(b"Z", b"I")
ERROR = message(b"E", b"SERROR\0VERROR\0C23505\0Mduplicate key\0\0")


def data_row(*columns: bytes | None) -> bytes:
    parts = [struct.pack("!h", len(columns))]
    parts += [
        b"\xff\xff\xff\xff" if each is None else struct.pack("!i", len(each)) + each for each in columns
    ]
    return message(b"D", b"".join(parts))


def read(reader: MessageReader, data: bytes, size: int) -> list[tuple[str, bytes]]:
    found = []
    for place in range(0, len(data), size):
        reader.feed(data[place : place + size])
        while taken := reader.take():
            found.append((chr(taken[0]), taken[1]))
    return found


@given(
    bodies=st.lists(st.tuples(st.sampled_from("TDCEZ1N"), st.binary(max_size=60)), max_size=8),
    size=st.integers(1, 50),
    keep=st.booleans(),
)
def test_any_cut_gives_the_same_messages(bodies: list[tuple[str, bytes]], size: int, keep: bool) -> None:
    reader = MessageReader()
    reader.keep = keep
    found = read(reader, b"".join(message(kind.encode(), body) for kind, body in bodies), size)
    wanted = "EZD" if keep else "EZ"
    assert found == [(kind, body if kind in wanted else b"") for kind, body in bodies]
    assert reader.idle


def test_rows_are_lines() -> None:
    reader = MessageReader()
    reader.keep = True
    ((_, body), *_) = read(reader, data_row(b"1", None, b"", b"two") + READY, 1000)
    assert row(body) == b"1\t\t\ttwo\n"


@pytest.mark.parametrize("size", [97, 4096, 1 << 20])
def test_a_row_of_any_length_takes_no_memory(size: int) -> None:
    reader = MessageReader()
    reader.keep = True
    data = data_row(b"x" * 2_000_000) + READY
    reader.feed(b"")
    most = 0
    found = []
    for place in range(0, len(data), size):
        reader.feed(data[place : place + size])
        while taken := reader.take():
            found.append(taken)
        most = max(most, len(reader._data) - reader._place)
    assert found == [(ord("D"), b""), (ord("Z"), b"I")]
    assert most < 10, "what is passed over is not kept"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"-ERR unknown command\r\n",
        b"\x15\x03\x01\0\x02\x02\x16",
        b"h",
        b"HTTP/",
        b"Z\0\0\0\x03",
        b"Z\xff\xff\xff\xff",
        b"E" + struct.pack("!i", BODY_BYTES_MOST + 5),
        b"R" + struct.pack("!i", 1 << 30),
    ],
)
def test_what_is_no_message_is_told(data: bytes) -> None:
    with pytest.raises(NotPostgreSQL):
        read(MessageReader(), data, 100)


def test_what_a_refusal_says() -> None:
    ((_, body),) = read(MessageReader(), ERROR, 100)
    assert refusal(body) == "SQLSTATE 23505: duplicate key"
    assert refusal(b"") == "SQLSTATE ?: no message"


def test_statements_are_prepared_once_and_only_when_the_server_said_so() -> None:
    prepared = Prepared()
    first = prepared.wire(Bound(b"select $1", (b"1",)))
    assert first.startswith(messages.parse(b"h0", b"select $1"))
    assert prepared.wire(Bound(b"select $1", (b"1",))) == first
    prepared.accepted()
    again = prepared.wire(Bound(b"select $1", (None, b"")))
    assert again == messages.bind(b"h0", (None, b"")) + messages.EXECUTE + messages.SYNC
    assert again.startswith(b"B")
    # A ParseComplete that nobody waits for names nothing.
    prepared.accepted()
    assert prepared.wire(Bound(b"other", ())).startswith(messages.parse(b"h1", b"other"))


def test_statements_that_never_come_again_do_not_fill_the_session() -> None:
    prepared = Prepared()
    for number in range(PREPARED_MOST + 50):
        prepared.wire(Bound(b"select %d" % number, ()))
        prepared.accepted()
    assert prepared.wire(Bound(b"select 1", ())).startswith(b"B")
    assert prepared.wire(Bound(b"select 300", ())).startswith(messages.parse(b"", b"select 300"))
    assert len(prepared._names) == PREPARED_MOST


def test_md5_as_the_documentation_has_it() -> None:
    # concat('md5', md5(concat(md5(concat(password, username)), random-salt))), worked out with md5sum.
    assert messages.md5_password("user", "pencil", b"abcd") == b"md5" + MD5_BY_HAND


MD5_BY_HAND = b"d621238dc9a10c6c869b264c13379ee7"


@pytest.mark.parametrize(
    ("demand", "says"),
    [
        (struct.pack("!i", 7), "GSSAPI"),
        (struct.pack("!i", 99), "kind 99"),
        (struct.pack("!i", 10) + b"SCRAM-SHA-256-PLUS\0\0", "SCRAM-SHA-256-PLUS, not"),
        (struct.pack("!i", 11) + b"r=x", "kind 11"),
        (struct.pack("!i", 5) + b"ab", "kind 5"),
    ],
)
def test_a_demand_that_can_not_be_met_is_named(demand: bytes, says: str) -> None:
    with pytest.raises(LoginFailure, match=says):
        Login("user", "pencil").answer(demand)


def test_a_missing_password_is_named() -> None:
    with pytest.raises(LoginFailure, match="wants a password for user 'user'"):
        Login("user", "").answer(struct.pack("!i", 3))


def test_a_server_that_lets_us_in_in_the_middle_of_the_proof_is_not_trusted() -> None:
    login = Login("user", "pencil")
    assert login.answer(struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0").startswith(b"p")
    with pytest.raises(LoginFailure, match="without proving"):
        login.answer(struct.pack("!i", 0))
