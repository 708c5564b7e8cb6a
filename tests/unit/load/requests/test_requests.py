"""The requests of a plan: what goes on the wire, visit by visit, and what becomes of answers."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import chisquare

from hinterland.clients.message import Request, Response
from hinterland.errors import UsageError
from hinterland.load.drivers.postgresql.statement import Bound
from hinterland.load.drivers.redis import resp
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.plan.notation import parse_check, parse_extract
from hinterland.load.plan.plan import Data, LoadPlan, Protocol, RequestPlan, Target, Weighted
from hinterland.load.requests import make_requests

OK = Response(200, {}, b"ok")


def plan(*visits: Weighted | RequestPlan, protocol: Protocol = "http1", **of: Any) -> LoadPlan:
    """Returns a plan with these visits, a lone request being one."""
    target = Target(url="", protocol=protocol, host="127.0.0.1", port=8080, path="/start")
    mix = tuple(one if isinstance(one, Weighted) else Weighted(requests=(one,)) for one in visits)
    return LoadPlan(target=target, mix=mix, **of)


def chain(*requests: RequestPlan, weight: float = 1.0) -> Weighted:
    return Weighted(weight=weight, requests=requests)


def wires(requests: Requests, visits: int) -> list[str]:
    return [requests.begin(visit).wire.decode("latin-1") for visit in range(visits)]


def parts(wire: bytes) -> tuple[str, dict[str, str], bytes]:
    """Returns the first line, the headers and the body of a request, which must be one and no more."""
    head, _, body = wire.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines)
    assert len(body) == int(headers.get("Content-Length", "0"))
    return first, headers, body


# Requests that are always the same.


def test_a_single_request_without_values_is_made_once() -> None:
    requests = make_requests(plan(RequestPlan(path="/items", headers=(("Accept", "text/html"),))))

    constant = requests.constant
    assert constant is not None
    assert constant.wire == Request("GET", "/items", (("Accept", "text/html"),)).encode("127.0.0.1", 8080)
    assert requests.kinds == ("GET /items",)
    assert requests.any_status == (False,)
    assert requests.begin(0) is requests.begin(17) is constant
    assert requests.then(constant) is None
    assert not constant.reads


def test_a_request_without_a_path_goes_to_that_of_the_url() -> None:
    constant = make_requests(plan(RequestPlan())).constant

    assert constant is not None
    assert constant.wire.startswith(b"GET /start HTTP/1.1\r\n")
    assert constant.path == "/start"


def test_an_implied_port_is_not_in_the_host() -> None:
    target = Target(url="", protocol="http1", host="::1", port=443, tls=True)
    constant = make_requests(LoadPlan(target=target)).constant

    assert constant is not None
    assert parts(constant.wire)[1] == {"Host": "[::1]"}


@pytest.mark.parametrize("protocol", ["http2", "http3"])
def test_other_http_gets_the_parts(protocol: Protocol) -> None:
    request = RequestPlan(method="POST", path="/a", headers=(("X-A", "b"),), body='{"a": 1}')
    constant = make_requests(plan(request, protocol=protocol)).constant

    assert constant is not None
    assert (constant.method, constant.path, constant.body) == ("POST", "/a", b'{"a": 1}')
    assert constant.headers == (("X-A", "b"), ("Content-Type", "application/json"))


def test_a_file_is_sent_byte_for_byte(tmp_path: Path) -> None:
    content = bytes(range(256)) + b"{id} {key}\r\n\r\n"
    (tmp_path / "photo").write_bytes(content)
    constant = make_requests(plan(RequestPlan(method="PUT", body_file=str(tmp_path / "photo")))).constant

    assert constant is not None
    first, headers, body = parts(constant.wire)
    assert (first, body) == ("PUT /start HTTP/1.1", content)
    assert "Content-Type" not in headers


def test_a_given_host_and_type_are_kept() -> None:
    headers = (("host", "elsewhere"), ("content-type", "text/plain"), ("X-Id", "{visit}"))
    request = RequestPlan(method="POST", body='{"a": "{visit}"}', headers=headers)

    assert parts(make_requests(plan(request)).begin(3).wire) == (
        "POST /start HTTP/1.1",
        {"host": "elsewhere", "content-type": "text/plain", "X-Id": "3", "Content-Length": "10"},
        b'{"a": "3"}',
    )


POST = RequestPlan(method="POST", body="abc")


@pytest.mark.parametrize(
    ("header", "request_plan", "of", "says"),
    [
        (("Content-Length", "7"), POST, {}, "has 3 bytes"),
        (("content-length", "3"), replace(POST, body="{key}"), {}, "can't be right for each body"),
        (("Content-Length", "5"), RequestPlan(), {}, "has 0 bytes"),
        (("Transfer-Encoding", "chunked"), POST, {}, "a body goes whole"),
        (("Trailer", "X-Sum"), POST, {}, "a body goes whole"),
        (("Content-Encoding", "gzip"), POST, {}, "not in gzip"),
        (("Content-Encoding", "br"), RequestPlan(), {}, "not in br"),
        (("Connection", "close"), POST, {}, "keeps its connections"),
        (("Connection", "Upgrade"), POST, {}, "not followed"),
        (("Upgrade", "h2c"), POST, {}, "not followed"),
        (("Connection", "keep-alive"), POST, {"mode": "new"}, "contradicts --new-connections"),
        (("Host", ""), POST, {}, "is no host"),
        (("Host", "http://h/"), POST, {}, "is no host"),
        (("Connection", "close"), POST, {"protocol": "http2"}, "no header of HTTP/2"),
        (("Transfer-Encoding", "chunked"), POST, {"protocol": "http3"}, "no header of HTTP/3"),
        (("TE", "gzip"), POST, {"protocol": "http2"}, "no header of HTTP/2"),
        (("Upgrade", "h2c"), RequestPlan(body="a"), {"protocol": "websocket"}, "WebSocket's handshake"),
        (("Sec-WebSocket-Key", "a"), RequestPlan(body="a"), {"protocol": "websocket"}, "handshake"),
    ],
)
def test_a_header_that_contradicts_what_is_sent_is_refused(
    header: tuple[str, str], request_plan: RequestPlan, of: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says) as told:
        make_requests(plan(replace(request_plan, headers=(header,)), **of))
    assert told.value.next_step


@pytest.mark.parametrize(
    ("header", "request_plan", "of"),
    [
        (("Content-Length", "3"), POST, {}),
        (("Host", "shop.example:8443"), POST, {}),
        (("Host", "{key}.example"), POST, {}),
        (("Connection", "keep-alive"), POST, {}),
        (("Connection", "close"), POST, {"mode": "new"}),
        (("Content-Encoding", "identity"), POST, {}),
        (("TE", "trailers"), POST, {"protocol": "http2"}),
        (("Sec-WebSocket-Protocol", "chat"), RequestPlan(body="a"), {"protocol": "websocket"}),
    ],
)
def test_a_header_that_agrees_is_sent(
    header: tuple[str, str], request_plan: RequestPlan, of: dict[str, Any]
) -> None:
    first = make_requests(plan(replace(request_plan, headers=(header,)), **of)).begin(0)
    assert header in first.headers


def test_a_file_that_is_encoded_may_be_said_to_be(tmp_path: Path) -> None:
    packed, plain = tmp_path / "a.gz", tmp_path / "a"
    packed.write_bytes(gzip.compress(b"hello"))
    plain.write_bytes(b"hello")
    header = (("Content-Encoding", "gzip"), ("Content-Length", str(packed.stat().st_size)))
    assert make_requests(plan(RequestPlan(method="PUT", body_file=str(packed), headers=header))).constant
    with pytest.raises(UsageError, match="is not in gzip"):
        make_requests(plan(RequestPlan(method="PUT", body_file=str(plain), headers=header[:1])))


def test_a_header_that_can_be_one_only_is_not_given_twice_nor_told_if_it_is_secret() -> None:
    twice = (("Authorization", "Bearer w0rd"), ("authorization", "Basic w0rd"))
    with pytest.raises(UsageError, match="is given twice") as told:
        make_requests(plan(RequestPlan(headers=twice)))
    assert "w0rd" not in str(told.value)


@pytest.mark.parametrize(
    ("request_plan", "says", "instead"),
    [
        (RequestPlan(path="/items/{{id}}"), "path: {{id}} is how another tool", "Write {id}"),
        (RequestPlan(path="/items/{{%20id%20}}"), "path: {{%20id%20}} is how another tool", "Write {id}"),
        (RequestPlan(path="/items/{{{id}}}"), "path: {{{id}}} is how", "Write {id}"),
        (RequestPlan(path="/items/${id}"), "path: ${id} is how", "%24"),
        (RequestPlan(path="/items/%{id}"), "path: %{id} is how", "Write {id}"),
        (RequestPlan(path="/items/:id/parts"), "path: :id is how", "Write {id}"),
        (RequestPlan(path="/items/%3Cid%3E"), "path: %3Cid%3E is how", "Write {id}"),
        (RequestPlan(headers=(("X-Id", "{{ $guid }}"),)), "header X-Id: {{ $guid }} is how", "Write {guid}"),
        (RequestPlan(method="POST", body='{"id": "{{id}}"}'), "body: {{id}} is how", "{{{{id}}"),
        (RequestPlan(method="POST", body='{"id": "${id}"}'), "body: ${id} is how", "u0024"),
    ],
)
def test_a_value_as_another_tool_writes_it_is_refused(
    request_plan: RequestPlan, says: str, instead: str
) -> None:
    with pytest.raises(UsageError) as told:
        make_requests(plan(request_plan))
    assert says in told.value.says
    assert instead in told.value.next_step


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ('{"a": {"b": {visit}}}', b'{"a": {"b": 0}}'),
        ("{{{{id}}", b"{{id}}"),
        ("query { user { id } }", b"query { user { id } }"),
        ("order #{visit} of {{}}", b"order #0 of {}}"),
    ],
)
def test_braces_that_nothing_else_can_mean_stay(body: str, sent: bytes) -> None:
    headers = (("Content-Type", "text/plain"),)
    request = RequestPlan(method="POST", path="/a/b:c", body=body, headers=headers)
    assert parts(make_requests(plan(request)).begin(0).wire)[2] == sent


@pytest.mark.parametrize(
    ("data", "body", "says", "instead"),
    [
        ("id,First Name\n1,Ann\n", '{"n": "{First Name}", "i": {id}}', "'First Name' can't be", "first_name"),
        ("user id\n1\n", '{"n": "{user id}"}', "'user id' can't be named", "user_id"),
        ("1st\n1\n", "{1st}", "'1st' can't be named", "column_1st"),
        ("user id\n1\n", "none", "no request has a value", "user_id"),
        ("id;name\n1;Ann\n", "{id}", "its names stand between ';'", "commas"),
        ("id\tname\n1\tAnn\n", "{id}", "its names stand between", "commas"),
    ],
)
def test_a_column_that_can_not_be_named_is_told(
    tmp_path: Path, data: str, body: str, says: str, instead: str
) -> None:
    rows = tmp_path / "a.csv"
    rows.write_text(data)
    with pytest.raises(UsageError) as told:
        make_requests(plan(RequestPlan(method="POST", body=body), data=Data(rows=str(rows))))
    assert says in told.value.says
    assert instead in told.value.next_step


def test_a_name_that_is_not_known_is_not_answered_with_one_that_can_not_be_given(tmp_path: Path) -> None:
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"user id": 1, "name": "Ann"}\n')
    with pytest.raises(UsageError) as told:
        make_requests(plan(RequestPlan(path="/{name}/{nam}"), data=Data(rows=str(rows))))
    assert "{name}" in told.value.next_step
    assert "user id" not in told.value.next_step


def test_blanks_behind_the_commas_of_a_header_are_none_of_the_cells(tmp_path: Path) -> None:
    rows = tmp_path / "a.csv"
    rows.write_text('id, name\n1, Ann\n2, "Bob, B."\n')
    requests = make_requests(plan(RequestPlan(path="/{name}"), data=Data(rows=str(rows))))
    assert [wire.split()[1] for wire in wires(requests, 2)] == ["/Ann", "/Bob%2C%20B."]


# Answers.


@pytest.mark.parametrize("protocol", ["http1", "http2", "http3"])
def test_checks_and_extracts_see_the_decoded_body(protocol: Protocol) -> None:
    login = RequestPlan(
        path="/",
        checks=(parse_check("body contains welcome"), parse_check("length = 34")),
        extracts=(parse_extract("token=json:token"),),
    )
    requests = make_requests(plan(chain(login, RequestPlan(path="/{token}")), protocol=protocol))
    packed = gzip.compress(b'{"token": "T1", "word": "welcome"}')
    first = requests.begin(0)
    assert requests.judge(first, Response(200, {"content-encoding": "gzip"}, packed)) == ""
    second = requests.then(first)
    assert second is not None
    assert (second.path if protocol != "http1" else second.wire.split()[1].decode()) == "/T1"
    wrong = requests.judge(requests.begin(1), Response(200, {"content-encoding": "gzip"}, b"welcome"))
    assert wrong == "body is not in its Content-Encoding gzip"
    wrong = requests.judge(requests.begin(1), Response(200, {"content-encoding": "x"}, b"welcome"))
    assert wrong == "body in Content-Encoding x, which is not known here"


def test_who_looks_at_the_head_alone_needs_no_decoding() -> None:
    requests = make_requests(plan(RequestPlan(path="/", checks=(parse_check("header x-a = b"),))))
    answer = Response(200, {"content-encoding": "x", "x-a": "b"}, b"?")
    assert requests.judge(requests.begin(0), answer) == ""


GRPC = (("Content-Type", "application/grpc+proto"),)


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ({"grpc-status": "0"}, ""),
        ({"grpc-status": "13", "grpc-message": "boom%21"}, "grpc-status 13 INTERNAL"),
        ({"grpc-status": "99"}, "grpc-status 99"),
        ({}, "no grpc-status"),
    ],
)
def test_a_call_is_good_if_its_trailers_say_so(headers: dict[str, str], wrong: str) -> None:
    request = RequestPlan(method="POST", path="/svc/M", headers=GRPC)
    requests = make_requests(plan(request, protocol="http2"))
    first = requests.begin(0)
    assert first.reads
    assert requests.judge(first, Response(200, headers, b"")) == wrong


def test_a_check_of_its_status_takes_its_place() -> None:
    check = parse_check("header grpc-status = 13")
    request = RequestPlan(method="POST", path="/svc/M", headers=GRPC, checks=(check,))
    requests = make_requests(plan(request, protocol="http2"))
    assert requests.judge(requests.begin(0), Response(200, {"grpc-status": "13"}, b"")) == ""
    assert requests.judge(requests.begin(0), Response(200, {"grpc-status": "0"}, b"")) != ""


# Values.


def test_a_name_has_one_value_in_a_visit_wherever_it_stands() -> None:
    headers = (("Idempotency-Key", "{uuid}"), ("X-Id", "{id}"))
    request = RequestPlan(
        method="POST",
        path="/charges/{id}/{key}?k={key}&v={visit}",
        headers=headers,
        body='{"key": "{uuid}", "amount": {key}, "n": {visit}}',
    )
    requests = make_requests(plan(request, seed=5))

    seen = set()
    for visit in range(50):
        first, given, body = parts(requests.begin(visit).wire)
        content = json.loads(body)
        assert content["n"] == visit
        assert given["Idempotency-Key"] == content["key"]
        assert (
            first
            == f"POST /charges/{given['X-Id']}/{content['amount']}?k={content['amount']}&v={visit} HTTP/1.1"
        )
        seen.add((given["X-Id"], content["key"]))
    assert len(seen) == 50
    assert len({one for one, _ in seen}) == len({one for _, one in seen}) == 50


def test_each_place_of_a_random_number_has_its_own() -> None:
    requests = make_requests(plan(RequestPlan(path="/{random:1:1000}/{random:1:1000}")))
    pairs = [tuple(wire.split(" ")[1].split("/")[1:]) for wire in wires(requests, 300)]

    assert all(1 <= int(number) <= 1000 for pair in pairs for number in pair)
    assert sum(one == other for one, other in pairs) < 10


def test_a_timestamp_is_that_of_the_request() -> None:
    requests = make_requests(
        plan(chain(RequestPlan(path="/{timestamp_ms}"), RequestPlan(path="/{timestamp_ms}")))
    )
    first = requests.begin(0)
    second = requests.then(first)

    assert second is not None
    stamps = [int(one.wire.split(b" ")[1][1:]) for one in (first, second)]
    assert 1.6e12 < stamps[0] <= stamps[1] < 1e14


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_a_load_is_the_same_whatever_the_number_of_processes(seed: int, processes: int) -> None:
    asked = plan(
        RequestPlan(path="/a/{key}/{random:1:9}", headers=(("X", "{uuid}-{id}"),)),
        Weighted(weight=2.5, requests=(RequestPlan(path="/b/{key}"),)),
        seed=seed,
        data=Data(keys=50, zipf=1.0),
    )
    alone = make_requests(asked)
    shared = [make_requests(asked, processes=processes) for _ in range(processes)]

    assert [shared[visit % processes].begin(visit).wire for visit in range(60)] == [
        alone.begin(visit).wire for visit in range(60)
    ]


def test_seeds_make_other_ids_and_choices() -> None:
    request = RequestPlan(path="/{id}/{uuid}/{key}")
    one, other = (wires(make_requests(plan(request, seed=seed)), 100) for seed in (1, 2))

    assert not {wire.split("/")[1] for wire in one} & {wire.split("/")[1] for wire in other}
    assert not {wire.split("/")[2] for wire in one} & {wire.split("/")[2] for wire in other}
    assert one != other


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_the_length_is_that_of_each_body(value: str) -> None:
    folded = value.encode("utf-8", "ignore").decode()
    body = "{a}" + folded.replace("{", "{{")
    source = RequestPlan(path="/", extracts=(parse_extract("a=pattern:(?s).+"),))
    text = (("Content-Type", "text/plain"),)
    requests = make_requests(
        plan(chain(source, RequestPlan(method="POST", path="/", body=body, headers=text)))
    )
    first = requests.begin(0)
    answer = folded or "-"

    assert requests.judge(first, Response(200, {}, answer.encode())) == ""
    second = requests.then(first)
    assert second is not None
    assert parts(second.wire)[2] == (answer + folded).encode()


# Data.


def test_rows_come_in_turn_over_all_processes(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("name,id\nann,1\nbob é/?,2\ncy,3\n")
    asked = plan(RequestPlan(path="/{name}/{id}"), data=Data(rows=str(tmp_path / "users.csv")))
    shared = [make_requests(asked, processes=2) for _ in range(2)]

    made = [shared[visit % 2].begin(visit).wire.split(b" ")[1] for visit in range(5)]

    # A column hides what is built in under its name.
    assert made == [b"/ann/1", b"/bob%20%C3%A9%2F%3F/2", b"/cy/3", b"/ann/1", b"/bob%20%C3%A9%2F%3F/2"]


def test_rows_at_random_come_evenly_and_whole(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(f'{{"a": {n}, "b": "b{n}"}}\n' for n in range(10)))
    requests = make_requests(
        plan(RequestPlan(path="/{a}/{b}"), data=Data(rows=str(tmp_path / "a.jsonl"), order="random"))
    )
    drawn = Counter(wire.split(" ")[1] for wire in wires(requests, 20_000))

    assert set(drawn) == {f"/{n}/b{n}" for n in range(10)}
    assert chisquare(list(drawn.values())).pvalue > 1e-4


def test_a_whole_path_from_data_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path\n/a?b=c%20d\nhttp://elsewhere:1/x\n")
    requests = make_requests(plan(RequestPlan(path="{path}"), data=Data(rows=str(tmp_path / "a.csv"))))

    assert [wire.split(" ")[1] for wire in wires(requests, 2)] == ["/a?b=c%20d", "/x"]


@pytest.mark.parametrize(
    ("cell", "request_plan"),
    [
        ('"a\r\nX-Evil: 1"', RequestPlan(headers=(("X", "{v}"),))),
        ('"a\nb"', RequestPlan(headers=(("Cookie", "a={v}; b"),))),
        ("€", RequestPlan(headers=(("X", "{v}"),))),
        ('"/a\r\n\r\nGET /evil"', RequestPlan(path="{v}")),
        ("/a b", RequestPlan(path="{v}")),
        ("items", RequestPlan(path="{v}")),
    ],
)
def test_a_value_can_not_break_out_of_a_head(tmp_path: Path, cell: str, request_plan: RequestPlan) -> None:
    (tmp_path / "a.csv").write_text(f"v\n/fine\n{cell}\n", newline="")

    with pytest.raises(UsageError, match="row 2, 'v'") as told:
        make_requests(plan(request_plan, data=Data(rows=str(tmp_path / "a.csv"))))
    assert told.value.next_step


def test_a_value_can_not_break_out_of_a_path_or_json(tmp_path: Path) -> None:
    evil = 'x HTTP/1.1\r\nHost: evil\r\n\r\n","admin":"1'
    (tmp_path / "a.jsonl").write_text(json.dumps({"v": evil}))
    request = RequestPlan(method="POST", path="/a/{v}?b={v}", body='{"name": "{v}"}')
    wire = make_requests(plan(request, data=Data(rows=str(tmp_path / "a.jsonl")))).begin(0).wire

    first, headers, body = parts(wire)
    assert len(first.split(" ")) == 3
    assert headers["Host"] == "127.0.0.1:8080"
    assert json.loads(body) == {"name": evil}


# Names and plans that are wrong.


@pytest.mark.parametrize(
    ("request_plan", "says"),
    [
        (RequestPlan(path="/{nothing}"), r"path: \{nothing\} is not known"),
        (RequestPlan(headers=(("X", "{nothing}"),)), r"header X: \{nothing\} is not known"),
        (RequestPlan(method="POST", body="{nothing}"), r"body: \{nothing\} is not known"),
        (RequestPlan(path="/{random}"), "is not a range of whole numbers"),
        (RequestPlan(path="/{random:6:1}"), "is not a range of whole numbers"),
        (RequestPlan(path="/{random:a:b}"), "is not a range of whole numbers"),
        (RequestPlan(path="items"), "does not begin with /"),
        (RequestPlan(path="/a b"), "must be printable ASCII"),
        (RequestPlan(path="/{key} b"), "must be printable ASCII"),
        (RequestPlan(method="GE T"), "is not a token"),
        (RequestPlan(headers=(("X Y", "1"),)), "would not survive"),
        (RequestPlan(headers=(("X", "a\r\n{key}"),)), "would not survive"),
        (RequestPlan(body="a", body_file="b"), "has a body and a body file"),
        (RequestPlan(body_file="/no/such/file"), "can't be read"),
    ],
)
@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_a_request_that_can_not_be_sent(request_plan: RequestPlan, says: str, protocol: Protocol) -> None:
    with pytest.raises(UsageError, match=says) as told:
        make_requests(plan(request_plan, protocol=protocol))
    assert told.value.next_step


def test_an_unknown_name_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,note\nann,1\n")
    asked = plan(
        chain(
            RequestPlan(path="/{user}", extracts=(parse_extract("token=json:t"),)),
            RequestPlan(path="/{tokn}"),
        ),
        data=Data(rows=str(tmp_path / "a.csv")),
    )

    with pytest.raises(UsageError) as told:
        make_requests(asked)
    assert "{tokn} is not known" in told.value.says
    for name in ("{token}", "{user}", "{note}", "{uuid}", "{random:A:B}", "{{tokn}"):
        assert name in told.value.next_step


def test_data_that_no_request_uses_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,note\nann,1\n")

    with pytest.raises(UsageError, match="no request has a value") as told:
        make_requests(plan(RequestPlan(path="/{id}"), data=Data(rows=str(tmp_path / "a.csv"))))
    assert "{user}, {note}" in told.value.next_step


def test_a_visit_needs_a_request_and_a_mix_ends_somewhere() -> None:
    with pytest.raises(UsageError, match="no request"):
        make_requests(plan(Weighted(requests=())))
    with pytest.raises(UsageError, match="weight=0"):
        make_requests(plan(Weighted(weight=0)))
    with pytest.raises(UsageError, match="more than 256"):
        make_requests(plan(*(RequestPlan(path=f"/{n}") for n in range(257))))


# Mixes and chains.


def test_a_mix_comes_as_often_as_its_weights_say() -> None:
    requests = make_requests(
        plan(
            Weighted(weight=7, requests=(RequestPlan(path="/a"),)),
            Weighted(weight=2, requests=(RequestPlan(path="/b"),)),
            Weighted(weight=1, requests=(RequestPlan(path="/c", name="rare"),)),
            seed=3,
        )
    )
    assert requests.constant is None
    assert requests.kinds == ("GET /a", "GET /b", "rare")
    drawn = Counter(requests.begin(visit).kind for visit in range(20_000))

    assert chisquare([drawn[kind] for kind in range(3)], [14_000, 4000, 2000]).pvalue > 1e-4
    # And in no order: a visit of the second kind follows one of its own as often as by chance.
    after = sum(requests.begin(v).kind == requests.begin(v + 1).kind == 1 for v in range(5000))
    assert 120 < after < 290


def test_kinds_of_the_same_name_are_told_apart() -> None:
    requests = make_requests(
        plan(RequestPlan(path="/a"), RequestPlan(path="/a"), RequestPlan(name="GET /a", path="/b"))
    )

    assert requests.kinds == ("GET /a", "GET /a (2)", "GET /a (3)")


LOGIN = RequestPlan(
    method="POST",
    path="/login",
    extracts=(parse_extract("token=json:token"), parse_extract("next=header:location")),
)


def test_a_chain_carries_values_from_answer_to_request() -> None:
    requests = make_requests(
        plan(
            chain(
                LOGIN,
                RequestPlan(path="{next}", headers=(("Authorization", "Bearer {token}"),)),
                RequestPlan(path="/out/{token}/{visit}"),
            )
        )
    )
    first = requests.begin(4)
    other = requests.begin(5)

    assert first.reads
    assert requests.judge(other, Response(200, {"location": "/b"}, b'{"token": "other"}')) == ""
    assert requests.judge(first, Response(200, {"location": "http://h/a?b"}, b'{"token": "t/4"}')) == ""
    second = requests.then(first)
    assert second is not None
    assert not second.reads
    assert parts(second.wire) == (
        "GET /a?b HTTP/1.1",
        {"Host": "127.0.0.1:8080", "Authorization": "Bearer t/4"},
        b"",
    )
    third = requests.then(second)
    assert third is not None
    assert third.wire.startswith(b"GET /out/t%2F4/4 HTTP/1.1\r\n")
    assert [one.kind for one in (first, second, third)] == [0, 1, 2]
    assert requests.then(third) is None


@pytest.mark.parametrize(
    ("headers", "body", "wrong"),
    [
        ({"location": "/a"}, b"{}", "extract token"),
        ({"location": "/a"}, b'{"token": ""}', "extract token"),
        ({}, b'{"token": "t"}', "extract next"),
        # These would break out of where they stand.
        ({"location": "/a"}, rb'{"token": "t\r\nX-Evil: 1"}', "extract token"),
        ({"location": "a b"}, b'{"token": "t"}', "extract next"),
    ],
)
def test_a_value_that_is_missing_or_does_not_fit_fails_its_answer(
    headers: dict[str, str], body: bytes, wrong: str
) -> None:
    requests = make_requests(
        plan(chain(LOGIN, RequestPlan(path="{next}", headers=(("Authorization", "Bearer {token}"),))))
    )

    assert requests.judge(requests.begin(0), Response(200, headers, body)) == wrong


def test_values_are_known_only_behind_their_answer() -> None:
    with pytest.raises(UsageError, match=r"\{token\} is not known"):
        make_requests(plan(chain(RequestPlan(path="/{token}"), LOGIN)))


def test_an_extracted_value_hides_others_of_its_name_from_there_on() -> None:
    requests = make_requests(
        plan(
            chain(
                RequestPlan(path="/{id}", extracts=(parse_extract("id=json:id"),)), RequestPlan(path="/{id}")
            )
        )
    )
    first = requests.begin(0)
    assert requests.judge(first, Response(200, {}, b'{"id": 77}')) == ""
    second = requests.then(first)

    assert second is not None
    assert b"GET /77 " in second.wire
    assert b"GET /77 " not in first.wire


def test_a_chain_without_values_is_followed_by_each_visit_alone() -> None:
    requests = make_requests(plan(chain(RequestPlan(path="/a"), RequestPlan(path="/b"))))
    assert requests.constant is None
    one, other = requests.begin(0), requests.begin(1)

    assert one is not other
    one.built = "what a driver made of it"
    following = [requests.then(one), requests.then(other)]
    assert requests.begin(2).built == one.built
    assert [follower.wire[:6] for follower in following if follower] == [b"GET /b", b"GET /b"]
    assert requests.then(following[0]) is None  # type: ignore[arg-type]


# Judging.


def test_checks_decide_in_order_and_by_kind() -> None:
    checked = RequestPlan(path="/a", checks=(parse_check("body contains ok"), parse_check("length < 5")))
    requests = make_requests(plan(checked, RequestPlan(path="/b"), seed=1))
    kinds = {outgoing.kind: outgoing for outgoing in map(requests.begin, range(50))}

    assert kinds[0].reads
    assert not kinds[1].reads
    assert requests.judge(kinds[0], OK) == ""
    assert requests.judge(kinds[0], Response(200, {}, b"no")) == "check body contains ok"
    assert requests.judge(kinds[0], Response(200, {}, b"ok ok ok")) == "check length < 5"
    assert requests.judge(kinds[1], Response(200, {}, b"no")) == ""
    assert kinds[0].visit is None


def test_a_bad_status_is_not_blamed_on_what_its_answer_lacks() -> None:
    requests = make_requests(
        plan(RequestPlan(checks=(parse_check("body = ok"),), extracts=(parse_extract("a=json:a"),)))
    )

    assert requests.any_status == (False,)
    assert requests.judge(requests.begin(0), Response(503, {}, b"")) == ""


def test_a_check_on_the_status_takes_the_place_of_the_usual_rule() -> None:
    requests = make_requests(plan(RequestPlan(checks=(parse_check("status = 404"),))))

    assert requests.any_status == (True,)
    assert requests.judge(requests.begin(0), Response(404, {}, b"")) == ""
    assert requests.judge(requests.begin(0), OK) == "check status = 404"


# Other protocols.


def test_a_word_of_a_redis_command_stays_one_word(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"v": 'a b\r\n*1 "c"'}))
    request = RequestPlan(body='SET user:{visit} "{v} !"')
    requests = make_requests(plan(request, protocol="redis", data=Data(rows=str(tmp_path / "a.jsonl"))))

    assert requests.begin(3).wire == resp.command([b"SET", b"user:3", b'a b\r\n*1 "c" !'])
    assert requests.kinds == ('SET user:{visit} "{v} !"',)


def test_values_of_sql_are_bound(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"v": "'; DROP TABLE t; --"}))
    (tmp_path / "q.sql").write_text("SELECT * FROM t WHERE a = '{v}' AND b = {key}")
    asked = plan(
        RequestPlan(body_file=str(tmp_path / "q.sql")),
        protocol="postgresql",
        data=Data(rows=str(tmp_path / "a.jsonl"), keys=1),
    )

    bound = make_requests(asked).begin(0).built

    assert bound == Bound(b"SELECT * FROM t WHERE a = $1 AND b = $2", (b"'; DROP TABLE t; --", b"1"))


def test_a_statement_without_values_is_made_once() -> None:
    constant = make_requests(plan(RequestPlan(body="SELECT 1"), protocol="postgresql")).constant

    assert constant is not None
    assert (constant.wire, constant.built) == (b"SELECT 1", None)
    with pytest.raises(UsageError, match="no statement"):
        make_requests(plan(RequestPlan(), protocol="postgresql"))


@pytest.mark.parametrize("protocol", ["websocket", "tcp", "udp"])
def test_a_message_is_its_text_or_its_file(protocol: Protocol, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"\xff\0{id}")
    text = make_requests(plan(RequestPlan(body="no {visit}"), protocol=protocol))
    file = make_requests(plan(RequestPlan(body_file=str(tmp_path / "m")), protocol=protocol))

    assert [text.begin(visit).wire for visit in range(2)] == [b"no 0", b"no 1"]
    assert file.constant is not None
    assert file.constant.wire == b"\xff\0{id}"
    assert file.kinds == ("@m",)


def test_visits_of_one_load_never_share_a_request_that_differs() -> None:
    requests = make_requests(plan(RequestPlan(path="/{visit}")))
    made: list[Outgoing] = [requests.begin(visit) for visit in range(3)]

    assert all(one is not other for one, other in pairwise(made))
