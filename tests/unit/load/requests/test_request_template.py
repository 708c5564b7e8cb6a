"""Texts with `{names}`, and what becomes of a value where it stands."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.load.requests import places
from hinterland.load.requests.template import Slot, Template, escaped, parse, renderer

TEXTS = st.text(st.sampled_from(list('ab{}:%s"\\ é\n0')), max_size=25)
NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,6}(:[0-9]:[0-9]+)?", fullmatch=True).filter(str.isascii)


@pytest.mark.parametrize(
    ("text", "literals", "names"),
    [
        ("/items", ("/items",), ()),
        ("/items/{key}", ("/items/", ""), ("key",)),
        ("{a}{b}", ("", "", ""), ("a", "b")),
        ('{"amount": {random:1:100}}', ('{"amount": ', "}"), ("random:1:100",)),
        ('{"a": {"b": 1}}', ('{"a": {"b": 1}}',), ()),
        ("{{id}", ("{id}",), ()),
        ("{{{id}}", ("{", "}"), ("id",)),
        ("{ id }", ("{ id }",), ()),
        ("{}", ("{}",), ()),
        ("{1,2}", ("{1,2}",), ()),
        ("{user.name-1}", ("", ""), ("user.name-1",)),
        ("100 % of {x}", ("100 % of ", ""), ("x",)),
    ],
)
def test_what_is_a_name_and_what_is_a_brace(
    text: str, literals: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert parse(text) == Template(literals, names)


@given(TEXTS)
def test_an_escaped_text_stands_for_itself(text: str) -> None:
    template = parse(escaped(text))

    assert template.names == ()
    assert template.text == text


@given(st.lists(st.tuples(TEXTS, NAMES)), TEXTS)
def test_a_text_that_was_put_together_comes_apart_again(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(f"{escaped(literal)}{{{name}}}" for literal, name in parts) + escaped(end)

    assert parse(text) == Template(
        (*tuple(literal for literal, _ in parts), end), tuple(name for _, name in parts)
    )


@given(st.lists(st.tuples(TEXTS, TEXTS)), TEXTS)
def test_literals_and_values_are_put_together_as_they_are(parts: list[tuple[str, str]], end: str) -> None:
    literals = [literal for literal, _ in parts] + [end]
    values = [value for _, value in parts]
    expected = "".join(literal + value for literal, value in parts) + end

    plain = renderer(literals, [Slot(place) for place in range(len(values))])
    encoded = renderer(literals, [Slot(place, str) for place in range(len(values))])

    assert plain(values) == encoded(values) == expected


def test_values_are_taken_from_their_places() -> None:
    render = renderer(["a=", "&b=", ""], [Slot(2), Slot(0, str.upper)])

    assert render(["x", "y", "z"]) == "a=z&b=X"


@given(st.text())
def test_a_value_in_a_path_is_one_part_of_it(value: str) -> None:
    try:
        made = places.in_path(value)
    except UnicodeEncodeError:
        return
    assert unquote(made) == value
    assert not set(made) & set("/?#& \r\n%") - {"%"}
    assert made.isascii()


@given(st.text())
def test_a_value_in_a_json_string_stays_in_it(value: str) -> None:
    assert json.loads(f'{{"a": "{places.in_json(value)}"}}') == {"a": value}


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_value_in_a_form_stays_one(value: str) -> None:
    assert parse_qs(f"a={places.in_form(value)}&b=2") == {"a": [value], "b": ["2"]}


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("Bearer abc", True),
        ("a\tb", True),
        ("\xe9", True),
        ("", True),
        ("a\r\nX-Evil: 1", False),
        ("a\nb", False),
        ("a\rb", False),
        ("a\0b", False),
        ("€", False),
        ("\x7f", False),
    ],
)
def test_which_values_stay_one_line_of_a_header(value: str, fits: bool) -> None:
    assert places.fits_header(value) is fits


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("/a?b=c", "/a?b=c"),
        ("http://elsewhere:8080/a/b?c", "/a/b?c"),
        ("https://elsewhere", "/"),
        ("http://elsewhere?x=1", "/?x=1"),
        ("*", "*"),
    ],
)
def test_a_whole_target_never_names_another_host(value: str, target: str) -> None:
    assert places.fits_target(value)
    assert places.as_target(value) == target


@pytest.mark.parametrize("value", ["", "a/b", "/a b", "/a\r\nb", "/é", "//\n"])
def test_what_is_no_target_does_not_fit(value: str) -> None:
    assert not places.fits_target(value)


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ((), '{"a": 1}', "application/json"),
        ((), "  [1]", "application/json"),
        ((), "{{id}", "application/json"),
        ((), "{id}", ""),
        ((), "a=1", ""),
        ((("content-TYPE", "Text/Plain"),), '{"a": 1}', "text/plain"),
    ],
)
def test_the_type_of_a_body(headers: tuple[tuple[str, str], ...], body: str, kind: str) -> None:
    assert places.content_type(headers, parse(body)) == kind


def test_values_of_json_are_escaped_within_quotes_only() -> None:
    body = parse(r'{"a": "{x}", "b\"": {x}, "c\\": "-{x}-{x}", "d": [{x}]}')

    encoders = places.body_encoders(body, "application/json")

    assert [encode is places.in_json for encode in encoders] == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT {a}", "SELECT $1"),
        ("SELECT * FROM t WHERE a = {a} AND b = '{b}'", "SELECT * FROM t WHERE a = $1 AND b = $2"),
        ("SELECT 'it''s', {a}, {a}", "SELECT 'it''s', $1, $2"),
        ("SELECT '{1,2}'::int[], {a}", "SELECT '{1,2}'::int[], $1"),
        ("INSERT INTO t VALUES ('{a}','{b}')", "INSERT INTO t VALUES ($1,$2)"),
    ],
)
def test_values_of_a_statement_are_parameters(text: str, sql: str) -> None:
    assert places.parameters(parse(text)) == sql


@pytest.mark.parametrize("text", ["SELECT 'order {a}'", "SELECT '{a} orders'", "SELECT '', 'a{a}', 'b'"])
def test_a_value_within_a_quoted_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="inside a quoted text") as told:
        places.parameters(parse(text))
    assert "||" in told.value.next_step
