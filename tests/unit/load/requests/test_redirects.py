"""Where a redirect leads, and what is sent there."""

from __future__ import annotations

import pytest

from hinterland.clients.message import Response
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import Target
from hinterland.load.requests.redirects import led_to, redirected

TARGET = Target(url="", protocol="http1", host="h", port=8080)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/b", "/b"),
        ("b?c=d#e", "/a/b?c=d"),
        ("?page=2", "/a/x?page=2"),
        ("http://h:8080", "/"),
        ("http://h:8080/b", "/b"),
        ("//h:8080/b", "/b"),
        ("https://h:8080/b", None),
        ("http://other:8080/b", None),
        ("http://h/b", None),
        ("http://h:port/b", None),
        ("/b c", None),
    ],
)
def test_a_redirect_leads_to_a_path_of_this_host_or_nowhere(location: str, path: str | None) -> None:
    assert led_to(Response(302, {"location": location}, b""), "/a/x", TARGET) == path


def test_a_name_of_its_own_is_this_host_too() -> None:
    answer = Response(301, {"location": "http://shop.example/b"}, b"")
    assert (
        led_to(answer, "/", Target(url="", protocol="http1", host="127.0.0.1", port=80), "shop.example")
        == "/b"
    )


WIRE = (
    b"POST /a HTTP/1.1\r\nHost: h\r\nX-A: b\r\nCookie: old=1\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
)


@pytest.mark.parametrize(
    ("status", "wire"),
    [
        (303, b"GET /b HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n"),
        (302, b"GET /b HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n"),
        (
            307,
            b"POST /b HTTP/1.1\r\nHost: h\r\nX-A: b\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
        ),
    ],
)
def test_what_follows_a_redirect(status: int, wire: bytes) -> None:
    before = Outgoing(WIRE, kind=3, method="POST", path="/a", headers=(("X-A", "b"), ("Cookie", "old=1")))
    after = redirected(before, status, "/b")
    assert (after.wire, after.kind, after.headers, after.reads) == (wire, 3, (("X-A", "b"),), True)
