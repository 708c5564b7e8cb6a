"""Conditions, requests and rates as people write them: right, wrong, and there and back."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.errors import UsageError
from hinterland.load.plan import notation as load_words
from hinterland.load.plan import request_line
from hinterland.load.plan.plan import Check, Extract, Objective, Protocol, RequestPlan
from hinterland.model import quantities

NUMBERS = st.integers(-1000, 10**6).map(str) | st.floats(-1e6, 1e6).map(repr)
# A line, such as a shell passes it on.
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)
RATES = st.floats(0, 1e7, allow_subnormal=False)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("status = 200", Check(of="status", operator="=", value="200")),
        ("status != 500", Check(of="status", operator="!=", value="500")),
        ("status<400", Check(of="status", operator="<", value="400")),
        ("status == 200", Check(of="status", operator="=", value="200")),
        ("length >= 10", Check(of="length", operator=">=", value="10")),
        ("length ≥ 10", Check(of="length", operator=">=", value="10")),
        (
            "header Content-Type contains json",
            Check(of="header", name="content-type", operator="contains", value="json"),
        ),
        ("header x-n<=3", Check(of="header", name="x-n", operator="<=", value="3")),
        ("body matches ^ok", Check(of="body", operator="matches", value="^ok")),
        ("body contains a = b", Check(of="body", operator="contains", value="a = b")),
        ("body = ", Check(of="body", operator="=", value="")),
    ],
)
def test_checks(text: str, meant: Check) -> None:
    assert load_words.parse_check(text) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not PART OPERATOR VALUE"),
        ("statuss = 200", "is not PART OPERATOR VALUE"),
        ("status 200", "is not PART OPERATOR VALUE"),
        ("header = json", "is not PART OPERATOR VALUE"),
        ("status = ok", "'ok' must be a number"),
        ("length > nan", "'nan' must be a number"),
        ("header age > old", "'old' must be a number"),
        ("body < 3", "body has no <"),
        ("status contains 2", "status has no contains"),
        ("body matches (", "is no regular expression"),
        ("body contains ", "is not PART OPERATOR VALUE"),
    ],
)
def test_what_is_no_check_is_refused_with_the_next_step(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)) as told:
        load_words.parse_check(text)
    assert told.value.next_step


@st.composite
def checks(draw: st.DrawFn) -> Check:
    of = draw(st.sampled_from(["status", "length", "header", "body"]))
    operator: Any = draw(st.sampled_from(load_words.OPERATORS[of]))
    numeric = of in ("status", "length") or operator in load_words.NUMERIC
    value = draw(NUMBERS if numeric else TEXTS.map(str.strip))
    if operator in ("contains", "matches"):
        value = re.escape(value) or "x"
    return Check(of=of, name=draw(NAMES) if of == "header" else "", operator=operator, value=value.strip())  # type: ignore[arg-type]


@given(checks())
def test_a_rendered_check_means_the_check(check: Check) -> None:
    assert load_words.parse_check(load_words.render_check(check)) == check


@pytest.mark.parametrize(
    ("text", "metric", "operator", "value"),
    [
        ("p99 < 20ms", "p99", "<", 0.02),
        ("p99.9<1s", "p99.9", "<", 1.0),
        ("p50 <= 300us", "p50", "<=", 0.0003),
        ("max < 2min", "max", "<", 120.0),
        ("mean ≤ 17ms", "mean", "<=", 0.017),
        ("errors = 0", "errors", "=", 0.0),
        ("errors == 0", "errors", "=", 0.0),
        ("error_share < 0.1%", "error_share", "<", 0.001),
        ("error_share < 0.001", "error_share", "<", 0.001),
        ("rate >= 900", "rate", ">=", 900.0),
        ("rate > 1.5k/s", "rate", ">", 1500.0),
        ("lateness_p99 < 1ms", "lateness_p99", "<", 0.001),
    ],
)
def test_objectives(text: str, metric: str, operator: str, value: float) -> None:
    objective = load_words.parse_objective(text)

    assert (objective.metric, objective.operator, objective.value) == (metric, operator, value)
    assert objective.text == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not METRIC OPERATOR VALUE"),
        ("p99", "is not METRIC OPERATOR VALUE"),
        ("p99 != 3ms", "is not METRIC OPERATOR VALUE"),
        ("p99 < 20", "'20' needs a unit"),
        ("p99 <", "needs a unit"),
        ("p100 < 1s", "p100 is not measured"),
        ("p0 < 1s", "p0 is not measured"),
        ("median < 1s", "median is not measured"),
        ("errors = none", "must be a whole number"),
        ("errors = 0.5", "must be a whole number"),
        ("error_share < 200%", "must be between 0 and 1"),
        ("rate > fast", "must be a rate"),
        ("max < 3 parsecs", "must be a time"),
    ],
)
def test_what_is_no_objective_is_refused_with_the_next_step(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)) as told:
        load_words.parse_objective(text)
    assert told.value.next_step


@pytest.mark.parametrize(
    ("metric", "share"),
    [("p99", 0.99), ("p99.9", 0.999), ("p5", 0.05), ("lateness_p99.99", 0.9999), ("max", None)],
)
def test_a_percentile_is_the_share_that_its_digits_say(metric: str, share: float | None) -> None:
    assert load_words.percentile_of(metric) == share


@given(
    st.sampled_from(["p50", "p99.9", "max", "mean", "errors", "error_share", "rate", "lateness_p99"]),
    st.sampled_from(["<", "<=", "=", ">=", ">"]),
    st.floats(0, 1e6, allow_subnormal=False),
)
def test_a_rendered_objective_means_the_objective(metric: str, operator: Any, value: float) -> None:
    if metric == "errors":
        value = float(round(value))
    if metric == "error_share":
        value = value % 1
    objective = Objective(metric=metric, operator=operator, value=value)

    again = load_words.parse_objective(load_words.render_objective(objective))

    assert (again.metric, again.operator, again.value) == (metric, operator, value)


@pytest.mark.parametrize(
    ("text", "meant"), [("20k", 20_000), ("1.5k/s", 1500), ("300/min", 5), ("900", 900), ("36/h", 0.01)]
)
def test_rates(text: str, meant: float) -> None:
    assert load_words.parse_rate(text) == meant


@pytest.mark.parametrize("text", ["", "0", "-5", "fast", "20q", "5/day"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="rate="):
        load_words.parse_rate(text)


def test_a_time_is_the_float_that_a_person_expects() -> None:
    assert quantities.seconds("t", "17ms") == 0.017
    assert quantities.seconds("t", "1.1ms") == 0.0011
    assert quantities.seconds("t", "2min") == 120


@given(RATES, RATES)
def test_a_rendered_ramp_means_the_ramp(start: float, end: float) -> None:
    assert load_words.parse_ramp(load_words.render_ramp(start, end)) == (start, end)


@given(st.lists(st.tuples(RATES, st.floats(0.001, 1e5)), min_size=1, max_size=5))
def test_rendered_steps_mean_the_steps(steps: list[tuple[float, float]]) -> None:
    assert load_words.parse_steps(load_words.render_steps(steps)) == tuple(steps)


def test_ramps_and_steps_as_people_write_them() -> None:
    assert load_words.parse_ramp("100..2k") == (100, 2000)
    assert load_words.parse_steps("100x10s, 2k x 500ms") == ((100, 10), (2000, 0.5))


@pytest.mark.parametrize("text", ["100", "100-200", "..", "a..b"])
def test_what_is_no_ramp_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ramp="):
        load_words.parse_ramp(text)


@pytest.mark.parametrize("text", ["", "100", "100x", "x10s", "100x0s", "100x10s,", "100x10parsecs"])
def test_what_are_no_steps_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="steps"):
        load_words.parse_steps(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("token=json:data.token", Extract(name="token", source="json", path="data.token")),
        ("next = header:Location", Extract(name="next", source="header", path="Location")),
        (r"id=pattern:id=(\d+)", Extract(name="id", source="pattern", path=r"id=(\d+)")),
    ],
)
def test_extracts(text: str, meant: Extract) -> None:
    assert load_words.parse_extract(text) == meant


@pytest.mark.parametrize(
    "text", ["", "token", "token=data.token", "token=xml:a", "=json:a", "a=json:", "a=pattern:("]
)
def test_what_is_no_extract_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="extract"):
        load_words.parse_extract(text)


@pytest.mark.parametrize(
    ("path", "says", "instead"),
    [
        ("$.data.token", "JSONPath", "written data.token"),
        ("$['data']['to ken']", "JSONPath", "written data.to ken"),
        ("data.items[0].id", "JSONPath", "written data.items.0.id"),
        ("$[0].id", "JSONPath", "written 0.id"),
        ("$..id", "JSONPath", "for more, use pattern"),
        ("items[*].id", "JSONPath", "for more, use pattern"),
        ("$", "JSONPath", "for more, use pattern"),
        (".data.token", "jq", "written data.token"),
    ],
)
def test_jsonpath_is_called_what_it_is(path: str, says: str, instead: str) -> None:
    with pytest.raises(UsageError, match=says) as told:
        load_words.parse_extract(f"token=json:{path}")
    assert instead in told.value.next_step
    assert load_words.parse_extract("ref=json:a.$ref.0").path == "a.$ref.0"


@given(
    st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True).filter(str.isascii),
    st.sampled_from(["json", "header"]),
    TEXTS.filter(str.strip),
)
def test_a_rendered_extract_means_the_extract(name: str, source: Any, path: str) -> None:
    extract = Extract(name=name, source=source, path=path)
    assert load_words.parse_extract(load_words.render_extract(extract)) == extract


@pytest.mark.parametrize(
    ("text", "protocol", "meant"),
    [
        ("/items", "http1", RequestPlan(path="/items")),
        ("GET /items?a=b", "http2", RequestPlan(path="/items?a=b")),
        ("DELETE {next}", "http1", RequestPlan(method="DELETE", path="{next}")),
        ('POST /charges {"a": 1}', "http1", RequestPlan(method="POST", path="/charges", body='{"a": 1}')),
        ("/charges a=1&b=2", "http1", RequestPlan(method="POST", path="/charges", body="a=1&b=2")),
        ("PUT /photo @photo.jpg", "http1", RequestPlan(method="PUT", path="/photo", body_file="photo.jpg")),
        ("GET greeting", "redis", RequestPlan(body="GET greeting")),
        ("SELECT 1", "postgresql", RequestPlan(body="SELECT 1")),
        ("@query.sql", "postgresql", RequestPlan(body_file="query.sql")),
        ("hello there", "websocket", RequestPlan(body="hello there")),
    ],
)
def test_request_lines(text: str, protocol: Protocol, meant: RequestPlan) -> None:
    assert request_line.parse_request_line(text, protocol) == meant


@pytest.mark.parametrize("text", ["", "  ", "GET", "POST items", "get /items", "charges"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="request") as told:
        request_line.parse_request_line(text)
    assert told.value.next_step


@pytest.mark.parametrize(
    ("text", "says", "instead"),
    [
        ("GET /search?q=blue shoes", "'shoes' would be the body", "%20"),
        ("/search?q=blue shoes", "'shoes' would be the body", "%20"),
        ("/my files/a.txt", "'files/a.txt' would be the body", "%20"),
        ("DELETE /my files/a.txt", "'files/a.txt' would be the body", "%20"),
        ("POST /search?q=blue shoes", "'shoes' would be the body", "%20"),
        ("POST /search?q=blue shoes/red a", "'shoes/red a' would be the body", "%20"),
        ("GET /a b=c", "'b=c' would be the body", "%20"),
        ("HEAD /a b", "'b' would be the body", "%20"),
        ("GET /items HTTP/1.1", "HTTP/1.1 is of a line of a log", "'GET /items'"),
        ("/items HTTP/2", "HTTP/2 is of a line of a log", "'GET /items'"),
        ('POST /items HTTP/1.0" 200 17', "HTTP/1.0 is of a line of a log", "'POST /items'"),
        ("GET /items/{{ id }}", "a blank ends the path", "{id}"),
        ("POST /items/{ id }", "a blank ends the path", "{id}"),
        ("GET /items#top", "# can't stand in a path", "%23"),
        ("GET /items/<id>", "< can't stand in a path", "{id}"),
        ('GET /items?q="a"', "\" can't stand in a path", "%22"),
    ],
)
def test_a_line_that_may_mean_another_request_is_refused(text: str, says: str, instead: str) -> None:
    with pytest.raises(UsageError) as told:
        request_line.parse_request_line(text)
    assert says in told.value.says
    assert instead in told.value.next_step


@pytest.mark.parametrize(
    ("text", "path", "body"),
    [
        ('GET /_search {"query": 1}', "/_search", '{"query": 1}'),
        ("POST /echo hello there", "/echo", "hello there"),
        ("POST /in?a=b user=ann&word=x", "/in?a=b", "user=ann&word=x"),
        ("PUT /a [1, 2]", "/a", "[1, 2]"),
        ("POST /a <a>b</a>", "/a", "<a>b</a>"),
        ("GET /{id}/a?b={key}", "/{id}/a?b={key}", ""),
        ("GET /a%20b ", "/a%20b", ""),
    ],
)
def test_a_body_that_can_be_nothing_else_is_one(text: str, path: str, body: str) -> None:
    found = request_line.parse_request_line(text)
    assert (found.path, found.body) == (path, body)


@given(
    st.sampled_from(["GET", "POST", "PUT", "X-1"]),
    st.from_regex(r"/[\x21-\x7e]{0,20}", fullmatch=True),
    TEXTS.map(str.strip),
)
def test_a_rendered_request_line_means_the_request(method: str, path: str, body: str) -> None:
    request = RequestPlan(method=method, path=path, body=body)
    if body.startswith("@"):
        name = body[1:].strip()
        request = RequestPlan(method=method, path=path, body_file=name) if name else request
    with contextlib.suppress(UsageError):
        assert request_line.parse_request_line(request_line.render_request_line(request)) == request


@given(st.text(max_size=15))
def test_any_text_is_something_or_a_usage_error(text: str) -> None:
    readers: tuple[Callable[[str], object], ...] = (
        load_words.parse_check,
        load_words.parse_objective,
        load_words.parse_rate,
        load_words.parse_ramp,
        load_words.parse_steps,
        load_words.parse_extract,
        request_line.parse_request_line,
    )
    for read in readers:
        with contextlib.suppress(UsageError):
            assert read(text) is not None


@given(st.from_regex(r"[0-9.e+-]{1,12}(ms|s|%|k)?", fullmatch=True))
def test_a_number_that_is_read_is_finite(text: str) -> None:
    for read in (quantities.seconds, quantities.rate_per_s, quantities.milliseconds):
        with contextlib.suppress(UsageError):
            assert math.isfinite(read("it", text))
