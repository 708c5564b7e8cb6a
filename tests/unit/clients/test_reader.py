"""Reading answers with every framing, however the bytes are cut."""

from __future__ import annotations

import pytest
from answer_samples import Answer, answers, pieces
from hypothesis import given
from hypothesis import strategies as st

from hinterland.clients.message import Response
from hinterland.clients.reader import BadAnswer, ResponseReader, status_at_close


def read(method: str, cut: list[bytes]) -> tuple[Response | None, ResponseReader, int]:
    """Returns the response, the reader and how many pieces it took."""
    reader = ResponseReader(method)
    for place, piece in enumerate(cut, 1):
        if response := reader.feed(piece):
            return response, reader, place
    return None, reader, len(cut)


@given(data=st.data(), answer=answers())
def test_any_cut_reads_the_same(data: st.DataObject, answer: Answer) -> None:
    cut = data.draw(pieces(answer.data))
    response, reader, used = read(answer.method, cut)
    assert used == len(cut)  # Never complete before its last byte.
    if answer.until_close:
        assert response is None
        response = reader.eof()
    assert response is not None
    assert (response.status, response.body) == (answer.status, answer.body)
    assert response.headers["server"] == "t"
    assert "link" not in response.headers  # The 103's headers are not the answer's.
    assert reader.reusable == answer.reusable


@given(data=st.data(), answer=answers())
def test_a_cut_off_answer_is_none(data: st.DataObject, answer: Answer) -> None:
    short = answer.data[: data.draw(st.integers(0, len(answer.data) - 1))]
    response, reader, _ = read(answer.method, [short])
    assert response is None
    # Where only the close ends an answer, nobody can tell a cut from the end.
    assert (reader.eof() is not None) == (answer.until_close and len(short) >= answer.head_size)


def test_bytes_beyond_the_answer_spoil_the_connection() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    for surplus in (b"x", data, b"HTTP"):
        response, reader, _ = read("GET", [data + surplus])
        assert response is not None
        assert response.body == b"ok"
        assert not reader.reusable


def test_a_body_to_head_spoils_the_connection() -> None:
    response, reader, _ = read("HEAD", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
    assert response is not None
    assert response.body == b""
    assert not reader.reusable


def test_repeated_headers_are_joined() -> None:
    response, _, _ = read("GET", [b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nContent-Length: 0\r\n\r\n"])
    assert response is not None
    assert response.headers["a"] == "1, 2"


def test_switching_protocols_is_an_answer() -> None:
    response, reader, _ = read(
        "GET", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x81\x01a"]
    )
    assert response is not None
    assert response.status == 101
    assert not reader.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_garbage_is_said_to_be_garbage(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        ResponseReader("GET").feed(data)


def test_status_at_close() -> None:
    assert status_at_close(b"HTTP/1.0 404 No\r\n\r\nall there is") == 404
    assert status_at_close(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhalf a bo") == 200
    assert status_at_close(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") == 0
    assert status_at_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf") == 0
    assert status_at_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhalf") == 200
    assert status_at_close(b"HTTP/1.1 200 O") == 0
    assert status_at_close(b"") == 0
    assert status_at_close(b"garbage") == 0


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        ResponseReader("GET").feed(data)
    except BadAnswer:
        assert status_at_close(data) == 0


@pytest.mark.parametrize("more", [b"X: " + b"a" * 1000 + b"\r\n", b"a" * 1000, b"HTTP/1.1 100 Wait\r\n\r\n"])
def test_a_head_that_never_ends_is_given_up(more: bytes) -> None:
    reader = ResponseReader("GET")
    if not more.startswith(b"HTTP"):
        reader.feed(b"HTTP/1.1 200 OK\r\nX: ")

    def feed() -> None:
        for _ in range(30_000):
            reader.feed(more)

    with pytest.raises(BadAnswer):
        feed()
