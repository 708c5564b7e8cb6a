"""What is said of a load that went wrong: what an error means, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from load_results import audit, plan, record, result
from msgspec.structs import replace

from hinterland.cli.load.ending import exit_status
from hinterland.errors import INCONCLUSIVE, INTERRUPTED
from hinterland.load.plan.plan import Arrivals, RequestPlan, Target, Weighted
from hinterland.load.report import page as load_page
from hinterland.load.report import summary as load_summary
from hinterland.load.report.hints import hints
from hinterland.load.report.words import asked_says
from hinterland.load.result.result import LoadResult

LIMITED = audit("process 0 waited for a core for 40% of the time")


def failed(errors: dict[str, int], **changes: Any) -> LoadResult:
    """Returns a load of ten operations without a good answer."""
    broken = result(rate=10, seconds=1, errors={0: errors})
    return replace(broken, generator=LIMITED, **changes)


def text_of(found: LoadResult) -> str:
    return "\n".join(text for text, _ in load_summary.lines(record(found), width=80))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("refused", "refused: nothing listens on 127.0.0.1:8080"),
        ("timeout", "timeout: no answer within 10 s (--timeout)."),
        ("tls: unknown CA (the certificate signed itself)", "tls: --ca FILE trusts"),
        ("not http2: the server answers in HTTP/1", "--http 1.1"),
        ("not an event stream: text/plain", "is it at this path?"),
        ("event without a time", '"ts"'),
    ],
)
def test_an_error_that_needs_it_is_explained(kind: str, says: str) -> None:
    found = hints(failed({kind: 10}))
    assert len(found) == 1
    assert says in found[0]
    assert says[:40] in load_page.render(record(failed({kind: 10}))).replace("&#34;", '"')


def test_a_status_and_a_check_need_no_explanation() -> None:
    assert hints(failed({"status 503": 4, "check status = 200": 6})) == []


def test_statuses_are_shown_and_a_redirect_is_explained() -> None:
    found = replace(result(), statuses={"301": 12, "200": 19_988})
    assert "statuses   19,988 x 200, 12 x 301" in text_of(found)
    assert any(hint.startswith("12 answers were 301: a load follows no redirect") for hint in hints(found))
    followed = replace(found, plan=replace(found.plan, follow=True))
    assert hints(followed) == []
    assert hints(replace(result(), statuses={"304": 12})) == []


def test_a_path_of_the_url_that_was_not_sent_is_told() -> None:
    target = replace(result().plan.target, path="/api")
    own = Weighted(requests=(RequestPlan(path="/items"),))
    found = replace(result(), plan=plan(target=target, mix=(own,)))
    assert hints(found) == ["the URL's path /api was not sent: each request has its own."]
    assert hints(replace(result(), plan=plan(target=target))) == []


def test_what_the_server_said_is_shown() -> None:
    found = failed(
        {"SQLSTATE 42601": 10}, reasons={"SQLSTATE 42601": {'syntax error at or near "selec"': 10}}
    )
    assert hints(found) == ['SQLSTATE 42601: syntax error at or near "selec"']
    reasons = {"protocol": {"Duplicate Content-Length": 1, "Invalid header token": 8}}
    found = failed({"protocol": 9}, reasons=reasons)
    assert hints(found) == ["protocol: Duplicate Content-Length; 8 times: Invalid header token"]
    assert "8 times: Invalid header token" in load_page.render(record(found))


def test_a_server_that_sends_more_than_the_answer_is_named() -> None:
    found = replace(result(), surplus_answers=12)
    assert "12 times the server sent more than the answer" in " ".join(text_of(found).split())


def test_an_ipv6_host_stands_in_brackets() -> None:
    target = Target(url="http://[::1]:8080/", protocol="http1", host="::1", port=8080)
    assert "[::1]:8080" in hints(failed({"refused": 10}, plan=plan(target=target)))[0]


def test_a_scenario_that_raises_shows_what_and_where() -> None:
    traceback = 'Traceback (most recent call last):\n  File "/a/visits.py", line 7, in visit\n    1 / 0\n'
    found = failed(
        {"ZeroDivisionError in line 7": 10}, first_exception=f"{traceback}ZeroDivisionError: by zero"
    )
    assert hints(found) == [
        'the first exception: ZeroDivisionError: by zero (File "/a/visits.py", line 7, in visit)'
    ]


def test_why_no_connection_opened_is_said_once() -> None:
    text = text_of(failed({"refused": 10}, open_errors={"refused": 74}))
    assert "connections that could not be opened: 74, for the same reason" in text
    assert text.count("nothing listens") == 1
    other = text_of(failed({"unsent": 9, "refused": 1}, open_errors={"refused": 74}))
    assert "could not be opened: 74 refused" in other


def test_a_load_without_an_answer_does_not_blame_the_generator() -> None:
    text = text_of(failed({"refused": 10}))
    assert "The generator was the limit" not in text
    assert "What helps" not in text
    answered = text_of(replace(result(), generator=LIMITED))
    assert "The generator was the limit" in answered


def test_advice_without_a_fault_has_a_heading() -> None:
    found = replace(result(), generator=replace(audit(), advice=("raise --connections",)))
    assert "Worth knowing:\n- Raise --connections." in text_of(found)


def test_a_rate_at_random_moments_is_what_was_due() -> None:
    drawn = replace(
        result(asked=plan(arrivals=Arrivals(shape="poisson", rate_per_s=2000))), asked_per_s=2031.0
    )
    assert asked_says(drawn) == "2,031/s due"
    # A load that ended between two of its moments was asked for what it was asked for.
    assert asked_says(replace(result(), asked_per_s=2004.7)) == "2,000/s asked"


def test_a_process_that_failed_is_no_interruption() -> None:
    killed = replace(result(), partial="process 0 of the generator ended by itself (status -9).")
    assert "by itself (status -9). Shown is" in " ".join(text_of(killed).split())
    assert exit_status(record(killed, status="interrupted")) == INCONCLUSIVE
    stopped = replace(result(), partial="interrupted")
    assert exit_status(record(stopped, status="interrupted")) == INTERRUPTED


@pytest.mark.parametrize(
    ("kind", "protocol", "helps"),
    [
        ("tls: no shared protocol", "http2", True),
        ("tls: no shared protocol: the server does not offer h3", "http3", True),
        ("tls: no shared protocol version", "http2", False),
        ("tls: no shared protocol", "http1", False),
    ],
)
def test_another_version_of_http_is_named_where_it_helps(kind: str, protocol: str, helps: bool) -> None:
    target = Target(url="https://h/", protocol=protocol, host="h", port=443, tls=True)  # type: ignore[arg-type]
    found = hints(failed({kind: 3}, plan=plan(target=target)))
    assert any("try --http 1.1" in hint for hint in found) is helps
