"""Cookies of one visit: taken apart, kept, sent where they belong, and forgotten."""

from __future__ import annotations

import pytest

from hinterland.clients.cookies import Jar, named, parsed

TWO = "sid=abc123; Path=/; HttpOnly, csrf=tok9; Path=/"
DATED = "a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/, b=x=y; Max-Age=60"


def test_several_are_told_apart_though_a_date_has_a_comma() -> None:
    assert [(one.name, one.value) for one in parsed(DATED)] == [("a", "1"), ("b", "x=y")]
    assert [(one.name, one.value) for one in parsed(TWO)] == [("sid", "abc123"), ("csrf", "tok9")]
    assert parsed("") == parsed("no cookie") == []


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [(TWO, "csrf", "tok9"), (TWO, "sid", "abc123"), (TWO, "Path", None), ("", "sid", None),
     ("sid=1, sid=2", "sid", "2"), ("sid=; Max-Age=0", "sid", None)],
)  # fmt: skip
def test_one_of_several_is_found(header: str, name: str, value: str | None) -> None:
    assert named(header, name) == value


def test_they_are_sent_where_they_belong() -> None:
    jar = Jar(over_tls=False)
    jar.take("sid=1; Path=/, admin=2; Path=/admin, here=3, tls=4; Path=/; Secure", "/login/now?a=/b")
    assert jar.header("/") == "sid=1"
    assert jar.header("/admin/x?y") == "admin=2; sid=1"
    assert jar.header("/administrator") == "sid=1"
    assert jar.header("/login/again") == "here=3; sid=1"
    assert Jar(over_tls=True).header("/") == ""


def test_a_later_one_takes_the_place_of_an_earlier_one_or_ends_it() -> None:
    jar = Jar(over_tls=True)
    jar.take(TWO, "/")
    jar.take("sid=new; Path=/; Secure, csrf=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/")
    assert jar.header("/me") == "sid=new"
