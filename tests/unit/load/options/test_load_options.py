"""What a person asks of a load becomes a plan, or a message with the value, the rule and the next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hinterland.errors import UsageError
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import DEFAULT_RATE_PER_S, NO_END_S, plan
from hinterland.load.options.target import target
from hinterland.load.plan.plan import RequestPlan, Weighted

URL = "http://localhost:8080/items?a=1"


def asked(url: str = URL, **options: Any) -> Any:
    return plan(url, Asked(**options))


@pytest.mark.parametrize(
    ("url", "protocol", "tls", "port", "path"),
    [
        ("http://h/", "http1", False, 80, "/"),
        ("https://h", "http1", True, 443, "/"),
        ("localhost:8080/a", "http1", False, 8080, "/a"),
        ("h2c://h:1/a?b=c d", "http2", False, 1, "/a?b=c%20d"),
        ("h2://h", "http2", True, 443, "/"),
        ("h3://h", "http3", True, 443, "/"),
        ("ws://h/chat", "websocket", False, 80, "/chat"),
        ("wss://h/chat", "websocket", True, 443, "/chat"),
        ("sse+https://h/events", "event_stream", True, 443, "/events"),
        ("tcp://[::1]:7", "tcp", False, 7, "/"),
        ("udp://h:7", "udp", False, 7, "/"),
        ("redis://h/2", "redis", False, 6379, "/"),
        ("rediss://h/2", "redis", True, 6379, "/"),
        ("postgresql://h/shop", "postgresql", False, 5432, "/"),
        ("postgresql://h/shop?sslmode=prefer", "postgresql", False, 5432, "/"),
        ("postgresql://h/shop?sslmode=require", "postgresql", True, 5432, "/"),
        ("http://h/items/{key}", "http1", False, 80, "/items/{key}"),
    ],
)
def test_a_url_says_what_is_spoken_and_where(
    url: str, protocol: str, tls: bool, port: int, path: str
) -> None:
    found = target(url)
    assert (found.protocol, found.tls, found.port, found.path) == (protocol, tls, port, path)


def test_the_version_of_http_is_chosen() -> None:
    assert target("http://h", "2").protocol == "http2"
    assert target("https://h", "3").protocol == "http3"
    assert target("https://h", "1.1").protocol == "http1"


def test_a_database_has_a_user_and_its_password_is_not_shown() -> None:
    found = target("postgresql://ann:s%40crt@db:5433/shop")
    assert (found.user, found.password, found.database, found.port) == ("ann", "s@crt", "shop", 5433)
    assert "s%40crt" not in found.url


def test_a_raw_at_sign_belongs_to_the_password() -> None:
    found = target("redis://:s3cr@etPass@127.0.0.1:1/0")
    assert (found.user, found.password, found.host, found.port) == ("", "s3cr@etPass", "127.0.0.1", 1)
    assert found.url == "redis://:***@127.0.0.1:1/0"
    assert target("postgresql://ann:p[w%5D@[::1]/shop").password == "p[w]"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:WORD/more@h/0",
        "postgresql://ann:12/WORD@h/shop",
        "postgresql://ann:WORD#more@h/shop",
        "http://ann:WORD/more@h/",
        "ftp://ann:WORD@h/",
        "redis://ann:WORD@/",
        "tcp://ann:WORD@h",
        "redis://ann:WORD@h:0",
        "redis://ann:WORD@h:port",
        "http://ann:WORD@h/",
        "postgresql://h/shop?password=WORD",
    ],
)
def test_no_error_of_a_url_has_its_password(url: str) -> None:
    with pytest.raises(UsageError) as found:
        target(url.replace("WORD", "s3cretW0rd"))
    assert "s3cretW0rd" not in str(found.value)


@pytest.mark.parametrize(
    "options",
    [
        {"header": ["Authorization Bearer WORD"]},
        {"header": ["X-Api-Key: WORD\nb"]},
        {"request": ['POST login {"password": "WORD"}']},
        {"check": ["header x-api-key is WORD"]},
        {"check": ["body contains password=WORD", "body < password=WORD"]},
    ],
)
def test_no_error_of_a_request_has_its_secret(options: dict[str, Any]) -> None:
    given = {name: [one.replace("WORD", "s3cretW0rd") for one in each] for name, each in options.items()}
    with pytest.raises(UsageError) as found:
        asked(**given)
    assert "s3cretW0rd" not in str(found.value)


@pytest.mark.parametrize(
    ("url", "http", "says"),
    [
        ("ftp://h/", None, "ftp://"),
        ("http://", None, "names no host"),
        ("tcp://h", None, "needs a port"),
        ("http://h:99999/", None, "not a URL"),
        ("http://h:0/", None, "port 0"),
        ("http://ann:pw@h/", None, "not sent"),
        ("postgresql://ann:pw@h/shop?sslmode=always", None, "must be one of disable"),
        ("postgresql://ann:pw@h/shop?pool=3", None, "pool is no option"),
        ("redis://:pw@h/2?ssl=1", None, "ssl is no option"),
        ("http://h/", "4", "1.1, 2 or 3"),
        ("http://h/", "3", "needs TLS"),
        ("ws://h/", "2", "does not go with ws"),
        ("http:/h/a", None, "http: needs two slashes"),
        ("http:h/a", None, "http: needs two slashes"),
        ("http://h/a\nb", None, "control sign"),
        ("http://h/a HTTP/1.1", None, "a line of a log"),
        ("http://h/?q=C#", None, "never sent"),
    ],
)
def test_a_url_that_can_not_be_driven_is_told_so(url: str, http: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says) as found:
        target(url, http)
    assert found.value.next_step
    assert "pw@" not in str(found.value)


def test_without_arrivals_it_is_a_gentle_open_loop() -> None:
    made = asked()
    assert (made.model, made.arrivals.shape, made.arrivals.rate_per_s) == (
        "open",
        "constant",
        DEFAULT_RATE_PER_S,
    )
    assert made.mix[0].requests[0].path == "/items?a=1"


def test_each_kind_of_arrivals() -> None:
    assert asked(rate=20_000, poisson=True).arrivals.shape == "poisson"
    ramp = asked(ramp=(100, 2000), poisson=True).arrivals
    assert (ramp.shape, ramp.rate_per_s, ramp.to_per_s, ramp.jittered) == ("ramp", 100, 2000, True)
    steps = asked(steps=[(100, 2), (200, 3)])
    assert (steps.arrivals.shape, steps.duration_s) == ("steps", 5)
    assert asked(trace=[0.5, 0.0]).arrivals.times_s == (0.0, 0.5)
    assert asked(closed=True).model == "closed"
    assert asked(count=5).duration_s == NO_END_S


def test_a_body_makes_it_a_post_and_a_message_of_what_has_no_method() -> None:
    assert asked(body="{}").mix[0].requests[0].method == "POST"
    assert asked(body="{}", method="put").mix[0].requests[0].method == "PUT"
    assert asked("postgresql://h/shop", body="select 1").mix[0].requests[0].body == "select 1"


def test_a_mix_has_weights_and_shares_headers_and_checks() -> None:
    visits = asked(
        request=["9:GET /a", "POST /b {}"], header=["Accept: text/html"], check=["status = 201"]
    ).mix
    assert [(v.weight, v.requests[0].method, v.requests[0].path) for v in visits] == [
        (9.0, "GET", "/a"),
        (1.0, "POST", "/b"),
    ]
    assert all(v.requests[0].headers == (("Accept", "text/html"),) for v in visits)
    assert all(v.requests[0].checks[0].value == "201" for v in visits)
    assert asked(request=[Weighted(weight=2.0)]).mix[0].weight == 2.0
    assert asked(header={"Accept": "*/*"}).mix[0].requests[0].headers == (("Accept", "*/*"),)


def test_a_header_of_its_own_stands_in_place_of_the_shared_one() -> None:
    own = Weighted(requests=(RequestPlan(headers=(("accept", "text/html"),)),))
    (visit,) = asked(request=[own], header=["Accept: */*", "X-A: b"]).mix
    assert visit.requests[0].headers == (("X-A", "b"), ("accept", "text/html"))


def test_an_event_stream_listens() -> None:
    assert asked("sse+http://h/events").subscribe
    assert asked("ws://h/", subscribe=True).subscribe
    assert not asked("ws://h/").subscribe


@pytest.mark.parametrize(
    ("url", "options", "says"),
    [
        (URL, {"rate": 0}, "rate=0 must be above 0"),
        (URL, {"rate": float("nan")}, "rate=nan"),
        (URL, {"rate": 5, "closed": True}, "closed and rate"),
        (URL, {"poisson": True, "closed": True}, "closed and poisson"),
        (URL, {"rate": 5, "ramp": (1, 2)}, "rate and ramp"),
        (URL, {"ramp": (0, 0)}, "ramp=0..0"),
        (URL, {"steps": [(1, 1)], "duration_s": 3}, "duration does not go with steps"),
        (URL, {"steps": [(1, 0)]}, "steps=0"),
        (URL, {"trace": []}, "trace must be times"),
        (URL, {"trace": [1767225600.5, 1767225601]}, "a time since 1970, in s"),
        (URL, {"trace": "/nowhere"}, "trace=/nowhere can't be read"),
        (URL, {"trace": [0.1], "poisson": True}, "poisson does not go with trace"),
        (URL, {"connections": 0}, "connections=0 must be between 1 and"),
        (URL, {"count": 0}, "count=0 must be at least 1"),
        (URL, {"processes": 0}, "processes=0"),
        (URL, {"sources": 0}, "sources=0"),
        (URL, {"timeout_s": 0}, "timeout=0"),
        (URL, {"warm_up_s": -1}, "warm-up=-1"),
        (URL, {"duration_s": 0}, "duration=0"),
        (URL, {"streams": 3}, "streams=3 does not go with http1"),
        ("tcp://h:1", {"pipelining": 3}, "pipelining=3 does not go with tcp"),
        ("udp://h:7", {"new_connections": True}, "new-connections does not go with udp"),
        (
            "ws://h",
            {"new_connections": True, "subscribe": True},
            "new-connections does not go with subscribe",
        ),
        (URL, {"pipelining": 3, "new_connections": True}, "new-connections and pipelining"),
        (URL, {"subscribe": True}, "subscribe does not go with http1"),
        ("redis://h", {"follow": True}, "follow does not go with redis"),
        ("ws://h/", {"subscribe": True, "rate": 3}, "rate does not go with a load that listens"),
        ("sse+http://h/", {"closed": True}, "closed does not go with a load that listens"),
        (URL, {"body": "a", "body_file": "b"}, "body and body-file"),
        (URL, {"body_file": "/nowhere"}, "body-file=/nowhere can't be read"),
        (URL, {"method": "G T"}, "method=G T"),
        ("redis://h", {"method": "GET"}, "method=GET does not go with redis"),
        ("redis://h", {"header": ["A: b"]}, "header=A does not go with redis"),
        (URL, {"header": ["no colon"]}, "must be NAME: VALUE"),
        (URL, {"body": "@data.json"}, "would be sent as that text"),
        (URL, {"scenario": __file__, "header": ["A: b"]}, "header does not go with scenario"),
        (URL, {"scenario": __file__, "check": ["status = 200"]}, "check does not go with scenario"),
        (URL, {"header": ["A: b\r\nC: d"]}, "must be NAME: VALUE"),
        (URL, {"request": ["0:GET /"]}, "its weight must be above 0"),
        (URL, {"request": ["GET /"], "requests": "x.toml"}, "request and requests"),
        (URL, {"request": ["GET /"], "body": "x"}, "body does not go with request"),
        (URL, {"request": ["PUT /a @/nowhere"]}, "body=/nowhere can't be read"),
        (URL, {"requests": "/nowhere.toml"}, "requests=/nowhere.toml can't be read"),
        (URL, {"scenario": "/nowhere.py"}, "scenario=/nowhere.py can't be read"),
        (URL, {"data": "/nowhere.csv"}, "data=/nowhere.csv can't be read"),
        (URL, {"keys": 0}, "keys=0"),
        (URL, {"zipf": -1}, "zipf=-1"),
        (URL, {"scheduler": "fast"}, "scheduler=fast must be spin, timerfd or tick"),
        (URL, {"ca": "/nowhere"}, "ca=/nowhere can't be read"),
        (URL, {"check": ["status"]}, "check"),
        (URL, {"extract": ["id"]}, "extract"),
        (URL, {"objectives": ["p99 < 20"]}, "needs a unit"),
    ],
)
def test_what_can_not_be_asked_is_refused_with_the_next_step(url: str, options: Any, says: str) -> None:
    with pytest.raises(UsageError) as found:
        asked(url, **options)
    assert says in found.value.says
    assert found.value.next_step


FILE = """
[[visit]]
weight = 3
[[visit.request]]
send = "GET /items"

[[visit]]
[[visit.request]]
name = "log in"
send = 'POST /login {"user": "{name}"}'
headers = { Content-Type = "application/json" }
check = ["status = 200"]
extract = ["token=json:token"]
[[visit.request]]
send = "/photo"
body_file = "photo.jpg"
"""


def test_a_file_of_requests_has_chains(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    file = tmp_path / "mix.toml"
    file.write_text(FILE)
    first, second = asked(requests=file, header=["A: b"]).mix
    assert (first.weight, second.weight) == (3.0, 1.0)
    log_in, photo = second.requests
    assert (log_in.name, log_in.extracts[0].path) == ("log in", "token")
    assert log_in.headers == (("A", "b"), ("Content-Type", "application/json"))
    assert (photo.method, photo.body_file) == ("POST", str(tmp_path / "photo.jpg"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[visit", "is not TOML"),
        ("", "visit"),
        ("visit = []", "has no [[visit]]"),
        ("[[visit]]\nweight = 0\n[[visit.request]]\nsend = '/'", "weight=0 must be above 0"),
        ("[[visit]]\nrequest = []", "has no request"),
        ("[[visit]]\n[[visit.request]]\nsend = '/'\nsped = 1", "sped"),
        ("[[visit]]\n[[visit.request]]\nsend = '/a {}'\nbody = 'x'", "the body stands in send and beside it"),
        ("[[visit]]\n[[visit.request]]\nsend = '/a'\nbody_file = 'gone'", "is not a file"),
        ("[[visit]]\n[[visit.request]]\nsend = '/a'\ncheck = ['x']", "visit 1: check"),
    ],
)
def test_a_file_of_requests_that_is_wrong_names_file_and_rule(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mix.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as found:
        asked(requests=file)
    assert says in found.value.says
    assert str(file) in found.value.says
