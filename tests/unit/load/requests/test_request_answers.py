"""Checks and extracts: which answers they accept, and what they take out of them."""

from __future__ import annotations

import re

import pytest

from hinterland.clients.message import Response
from hinterland.errors import UsageError
from hinterland.load.plan.notation import parse_check, parse_extract
from hinterland.load.plan.plan import Check, Extract
from hinterland.load.requests.answers import decision, finding

ANSWER = Response(
    201,
    {"content-type": "application/json; charset=utf-8", "x-left": "12", "location": "/items/7", "empty": ""},
    b'{"data": {"token": "t\xc3\xa4", "n": 7, "f": 1.5, "no": null, "on": true}, "items": [{"id": "x"}]}',
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("status = 201", True),
        ("status = 200", False),
        ("status != 200", True),
        ("status < 300", True),
        ("status >= 300", False),
        (f"length = {len(ANSWER.body)}", True),
        (f"length > {len(ANSWER.body)}", False),
        ("header content-type contains json", True),
        ("header Content-Type = application/json; charset=utf-8", True),
        ("header content-type = application/json", False),
        ("header content-type matches ^application/.*utf", True),
        ("header x-left >= 12", True),
        ("header x-left > 12", False),
        ("header content-type > 1", False),
        ("header missing = x", False),
        ("header missing != x", True),
        ("header missing contains x", False),
        ("header missing matches .*", False),
        ("header missing < 5", False),
        ("header empty matches ^$", True),
        ("body contains tä", True),
        ("body contains TÄ", False),
        ('body matches "t.", "n"', True),
        ("body matches ^ok", False),
        ("body = ok", False),
        ("body != ok", True),
    ],
)
def test_checks_on_an_answer(text: str, holds: bool) -> None:
    assert decision(parse_check(text))(ANSWER) is holds


def test_a_body_that_is_a_text() -> None:
    assert decision(parse_check("body = ok"))(Response(200, {}, b"ok"))
    assert decision(parse_check("body != ok"))(Response(200, {}, b"\xff"))
    assert not decision(parse_check("body matches ."))(Response(200, {}, b""))


@pytest.mark.parametrize(
    "check",
    [
        Check(of="body", operator="<", value="3"),
        Check(of="status", operator="=", value="ok"),
        Check(of="header", operator="=", value="ok"),
        Check(of="body", operator="matches", value="("),
        Check(of="body", operator="contains"),
    ],
)
def test_a_check_that_nothing_can_decide_is_refused(check: Check) -> None:
    with pytest.raises(UsageError, match="check"):
        decision(check)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=json:data.token", "tä"),
        ("a=json:data.n", "7"),
        ("a=json:data.f", "1.5"),
        ("a=json:data.on", "true"),
        ("a=json:items.0.id", "x"),
        ("a=json:items.0", '{"id":"x"}'),
        ("a=json:data.no", None),
        ("a=json:items.1.id", None),
        ("a=json:items.first", None),
        ("a=json:data.token.more", None),
        ("a=json:data.n.0", None),
        ("a=json:nothing", None),
        ("a=header:Location", "/items/7"),
        ("a=header:missing", None),
        (r'a=pattern:"n": (\d+)', "7"),
        (r"a=pattern:\d+", "7"),
        (r"a=pattern:(z)?\d+", None),
        (r"a=pattern:nothing (\d+)", None),
    ],
)
def test_extracts_of_an_answer(text: str, found: str | None) -> None:
    assert finding(parse_extract(text))(ANSWER) == found


def test_an_answer_that_is_no_json_gives_nothing() -> None:
    find = finding(parse_extract("a=json:a"))

    for body in (b"", b"oops", b"{", b"[1]", b'"a"', b"\xff"):
        assert find(Response(200, {}, body)) is None


@pytest.mark.parametrize(
    "extract", [Extract(name="a", source="json", path=" "), Extract(name="a", source="pattern", path="(")]
)
def test_an_extract_that_can_not_be_is_refused(extract: Extract) -> None:
    with pytest.raises(UsageError, match=re.escape("extract")):
        finding(extract)
