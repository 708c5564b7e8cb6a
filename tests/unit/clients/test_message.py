"""Requests as bytes, responses as values."""

from __future__ import annotations

import pytest

from hinterland.clients.message import Request, Response
from hinterland.errors import UsageError


def test_get_has_host_and_no_length() -> None:
    assert Request().encode("127.0.0.1", 80) == b"GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"


def test_post_without_body_says_so() -> None:
    assert b"Content-Length: 0\r\n" in Request("POST", "/x").encode("h", 1)


def test_body_brings_its_length() -> None:
    data = Request("DELETE", "/x", body=b"abc").encode("h", 1)
    assert data.endswith(b"Content-Length: 3\r\n\r\nabc")


def test_given_headers_win() -> None:
    data = Request("POST", "/", [("host", "shop"), ("content-length", "9")], b"abc").encode("h", 1)
    assert data == b"POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 9\r\n\r\nabc"


def test_repeated_headers_are_kept() -> None:
    assert Request(headers=[("A", "1"), ("A", "2")]).encode("h", 1).count(b"A: ") == 2


def test_ipv6_host_is_bracketed() -> None:
    assert b"Host: [::1]:80\r\n" in Request().encode("::1", 80)


@pytest.mark.parametrize(
    "request_",
    [
        Request("GE T"),
        Request(path="/a b"),
        Request(path="/a\r\nX: y"),
        Request(path=""),
        Request(headers={"A\r\nB": "1"}),
        Request(headers={"A": "1\r\nB: 2"}),
        Request(headers={"A": "\N{SNOWMAN}"}),
    ],
)
def test_what_would_not_survive_the_wire_is_refused(request_: Request) -> None:
    with pytest.raises(UsageError):
        request_.encode("h", 1)


def test_response_body_as_json_and_text() -> None:
    response = Response(200, {}, b'{"charged": 3}')
    assert response.json() == {"charged": 3}
    assert response.text == '{"charged": 3}'
    assert Response(200, {}, b"\xff").text == "�"
