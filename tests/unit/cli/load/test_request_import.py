"""What is made of a curl command and of a HAR file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from hinterland.cli.load.option_groups import RequestOptions
from hinterland.cli.load.request_import import curl_without_secrets, imported
from hinterland.errors import UsageError
from hinterland.load.options.curl import CurlRequest, read_curl
from hinterland.load.options.declared import Asked
from hinterland.load.options.har import read_har
from hinterland.load.options.planned import plan
from hinterland.load.plan.plan import RequestPlan

FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("curl http://h/a", {"url": "http://h/a"}),
        ("curl -sSL -XPUT 'http://h/a?b=c d'", {"url": "http://h/a?b=c d", "method": "PUT", "follow": True}),
        ("curl http://h/ -d a=1 -d b=2", {"url": "http://h/", "body": "a=1&b=2", "header": [FORM]}),
        ("curl -G http://h/?x=1 -d a=1 --data-urlencode 'b=c d'", {"url": "http://h/?x=1&a=1&b=c%20d"}),
        (
            "curl --json '{\"a\": 1}' http://h/",
            {
                "url": "http://h/",
                "body": '{"a": 1}',
                "header": ["Content-Type: application/json", "Accept: application/json"],
            },
        ),
        (
            "curl 'https://h/' \\\n -H 'X-A: {id}' \\\n --data-raw $'it\\'s {key}' --compressed -k",
            {
                "url": "https://h/",
                "body": "it's {{key}",
                "insecure": True,
                "header": ["X-A: {{id}", "Accept-Encoding: gzip, deflate, br", FORM],
            },
        ),
        ("curl -u ann:word http://h/ -I", {
            "url": "http://h/", "method": "HEAD", "header": ["Authorization: Basic YW5uOndvcmQ="]}),
        ("curl --http2 -m 2.5 -b 'a=1; b=2' -A me http://h/ -d @f.json", {
            "url": "http://h/", "http": "2", "timeout_s": 2.5, "body_file": "f.json",
            "header": ["Cookie: a=1; b=2", "User-Agent: me"]}),
    ],
)  # fmt: skip
def test_a_curl_command_is_read(command: str, sent: dict[str, Any]) -> None:
    assert asdict(read_curl(command)) == {**asdict(CurlRequest()), **sent}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("curl", "names no URL"),
        ("curl -X", "--request has no value"),
        ("curl 'http://h/", "can't be taken apart"),
        ("curl -F a=b http://h/", "does not know --form"),
        ("curl --proxy p http://h/", "does not know --proxy"),
        ("curl -d @f -d a=1 http://h/", "a file and a text"),
    ],
)
def test_what_a_load_can_not_keep_to_is_refused(command: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_curl(command)


def test_a_curl_command_becomes_a_plan() -> None:
    command = "curl -X PUT http://localhost:1/a -H 'Content-Type: text/plain' -d '{id}'"
    url, asked = imported("", Asked(rate=5, header=("X-B: c",)), RequestOptions(curl=command))
    made = plan(url, asked)
    (request,) = made.mix[0].requests
    assert (made.target.port, request.method, request.path, request.body) == (1, "PUT", "/a", "{{id}")
    assert request.headers == (("Content-Type", "text/plain"), ("X-B", "c"))
    with pytest.raises(UsageError, match="curl and URL"):
        imported("http://h/", Asked(), RequestOptions(curl=command))
    with pytest.raises(UsageError, match="curl and body"):
        imported("", Asked(body="a"), RequestOptions(curl=command))


def test_a_curl_command_is_kept_without_its_secrets() -> None:
    command = (
        "curl -u ann:w0rd -bsid=w0rd -H 'Authorization: Bearer w0rd' 'http://h/?token=w0rd' -d 'pin=w0rd&a=1'"
    )
    kept = curl_without_secrets(command)
    assert "w0rd" not in kept
    assert "a=1" in kept


def entry(url: str, at: str, **of: Any) -> dict[str, Any]:
    return {"startedDateTime": at, "request": {"method": "GET", "url": url, "headers": [], **of}}


def har(folder: Path) -> Path:
    headers = [{"name": "Host", "value": "h"}, {"name": "X-A", "value": "{id}"}, 
               {"name": "Cookie", "value": "s=1"}, {"name": ":path", "value": "/"}]  # fmt: skip
    post = {"mimeType": "application/json", "text": '{"a": "{key}"}'}
    entries = [
        entry("https://h/c", "2026-01-01T00:00:03Z", method="POST", headers=headers, postData=post),
        entry("https://h/a?b=c", "2026-01-01T00:00:01Z"),
        entry("https://cdn/x.js", "2026-01-01T00:00:02Z"),
        entry("data:image/png;base64,AA", "2026-01-01T00:00:02Z"),
    ]
    file = folder / "page.har"
    file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return file


@pytest.mark.parametrize(
    ("url", "goes_to"), [("", "https://h/"), ("http://localhost:1/", "http://localhost:1/")]
)
def test_a_har_file_is_one_visit_of_one_host(tmp_path: Path, url: str, goes_to: str) -> None:
    found, visit, others = read_har(har(tmp_path), url)
    assert (found, others, visit.cookies) == (goes_to, 1, True)
    assert visit.requests == (
        RequestPlan(path="/a?b=c"),
        RequestPlan(method="POST", path="/c", headers=(("X-A", "{{id}"),), body='{{"a": "{{key}"}'),
    )


def test_what_is_no_har_file_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "a.har"
    for content, says in (("{}", "no HAR file"), ('{"log": {"entries": []}}', "has no request")):
        file.write_text(content)
        with pytest.raises(UsageError, match=says):
            read_har(file)
    with pytest.raises(UsageError, match="can't be read"):
        read_har(tmp_path / "gone")
