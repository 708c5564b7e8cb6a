"""Answers in a row: where one ends and the next begins, however they are cut."""

from __future__ import annotations

import pytest
from answer_samples import Answer, answers, pieces
from hypothesis import given
from hypothesis import strategies as st

from hinterland.clients.reader import BadAnswer, ResponseReader
from hinterland.load.drivers.http1.answers import AnswerReader, TooLong
from hinterland.load.drivers.transport import answer_room


def read_all(reader: AnswerReader, wire: list[bytes]) -> None:
    for piece in wire:
        reader.read(piece, 0)


@given(data=st.data(), answer=answers(), behind=st.binary(max_size=20), keeps=st.booleans())
def test_it_takes_the_answer_and_no_more(
    data: st.DataObject, answer: Answer, behind: bytes, keeps: bool
) -> None:
    reader = AnswerReader()
    reader.begin(answer.method, keeps)
    wire = answer.data if answer.until_close else answer.data + behind
    taken = 0
    for piece in data.draw(pieces(wire)):
        taken += reader.read(piece, 0)
        if reader.complete:
            break
        assert taken <= len(answer.data)
    if answer.until_close:
        assert not reader.complete
        assert reader.close()
    assert reader.complete
    assert (taken, reader.status, reader.reusable) == (len(answer.data), answer.status, answer.reusable)
    if keeps:
        assert reader.response.body == answer.body
        assert reader.response.headers["server"] == "t"


@given(data=st.data(), sequence=st.lists(answers(kept=True), min_size=1, max_size=6))
def test_many_in_a_row(data: st.DataObject, sequence: list[Answer]) -> None:
    reader, statuses = AnswerReader(), []
    for piece in data.draw(pieces(b"".join(answer.data for answer in sequence))):
        place = 0
        while place < len(piece):
            place = reader.read(piece, place)
            if reader.complete:
                statuses.append(reader.status)
                reader.begin("GET", False)
    assert statuses == [answer.status for answer in sequence]


@given(answer=answers(), at=st.integers(0, 300))
def test_a_cut_off_answer_is_not_complete(answer: Answer, at: int) -> None:
    reader = AnswerReader()
    reader.begin(answer.method, False)
    reader.read(answer.data[: min(at, answer.head_size - 1)], 0)
    assert not reader.complete
    assert not reader.close()


@given(data=st.data(), garbage=st.binary(min_size=8, max_size=200))
def test_garbage_is_no_answer(data: st.DataObject, garbage: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_all(AnswerReader(), data.draw(pieces(b"\xff" + garbage)))


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "wire",
    [
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Content-Length: 1, 2\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 0x5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length : 5\r\n\r\n",
        HEAD + b"A: b\r\nno colon\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\n5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
    ],
)
def test_framing_that_is_none(wire: bytes) -> None:
    for size in (len(wire), 1):
        with pytest.raises(BadAnswer):
            read_all(AnswerReader(), [wire[first : first + size] for first in range(0, len(wire), size)])


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (HEAD + b"Content-Length: 5, 5\r\n\r\nhello", b"hello"),
        (HEAD + b"content-LENGTH:5\r\n\r\nhello", b"hello"),
        (HEAD + b"Transfer-Encoding: gzip, Chunked\r\n\r\n05;a=b\r\nhello\r\n000\r\n\r\n", b"hello"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"hello"),
        (HEAD + b"A: b\r\n folded: c\r\nContent-Length:\r\n\t5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_framing_that_is_unusual_and_right(wire: bytes, body: bytes) -> None:
    for size in (len(wire), 1):
        reader = AnswerReader()
        reader.begin("GET", True)
        for first in range(0, len(wire), size):
            reader.read(wire[first : first + size], 0)
        assert (reader.complete, reader.reusable, reader.response.body) == (True, True, body)


@pytest.mark.parametrize(
    "endless",
    [
        [b"HTTP/1.1 200 OK\r\n", b"X: " + b"a" * 1000 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: ", b"a" * 1000],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"a" * 1000 + b"\r\n"],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 1000],
    ],
    ids=["headers", "header", "trailers", "size"],
)
def test_what_never_ends_is_given_up(endless: list[bytes]) -> None:
    reader = AnswerReader()
    reader.read(endless[0], 0)
    with pytest.raises(BadAnswer):
        read_all(reader, [endless[1]] * 1000)


def test_only_a_body_that_is_kept_can_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_room, "LONGEST_ANSWER_BYTES", 10_000)
    for keeps in (False, True):
        reader = AnswerReader()
        reader.begin("GET", keeps)
        reader.read(HEAD + b"Content-Length: 1000000\r\n\r\n", 0)
        for _ in range(10):
            reader.read(b"a" * 1000, 0)
        if keeps:
            with pytest.raises(TooLong):
                reader.read(b"a", 0)
        else:
            assert reader.read(b"a", 0) == 1


def test_interim_answers_are_not_the_answer() -> None:
    reader = AnswerReader()
    wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert reader.read(wire, 0) == len(wire)
    assert not reader.complete
    reader.read(b"HTTP/1.1 204 None\r\n\r\n", 0)
    assert (reader.complete, reader.status) == (True, 204)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_trailers_stand_among_the_headers_of_an_answer_that_is_kept(size: int) -> None:
    wire = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
        b"2\r\nok\r\n0\r\nX-Sum: 7\r\nX-A: 2\r\n\r\n"
    )
    reader, whole = AnswerReader(), ResponseReader("GET")
    reader.begin("GET", True)
    for place in range(0, len(wire), size):
        reader.read(wire[place : place + size], 0)
        response = whole.feed(wire[place : place + size])
    assert response is not None
    for found in (reader.response, response):
        assert (found.body, found.headers["x-sum"], found.headers["x-a"]) == (b"ok", "7", "1, 2")
    reader.begin("GET", True)
    reader.read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0)
    assert "x-sum" not in reader.response.headers
