"""Visits that keep their cookies and follow redirects, against a server that wants both."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from load_lab import drive
from misbehaving import served

from hinterland.load.runs import LoadRun, run_load_async

pytestmark = pytest.mark.system

LOGIN = (
    b"HTTP/1.1 302 Found\r\nLocation: /home\r\nSet-Cookie: sid=abc123; Path=/; HttpOnly\r\n"
    b"Set-Cookie: csrf=tok9; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/\r\nContent-Length: 0\r\n\r\n"
)
AWAY = b"HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
ROUND = b"HTTP/1.1 301 Moved\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n"


class Shop:
    """Gives two cookies at /login, which leads to /home; all else wants both of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.split("\r\n")
            headers = dict(field.lower().split(": ", 1) for field in fields if field)
            await reader.readexactly(int(headers.get("content-length", 0)))
            self.lines.append(line.removesuffix(" HTTP/1.1"))
            path = line.split(" ")[1]
            if path in ("/login", "/away", "/round"):
                writer.write({"/login": LOGIN, "/away": AWAY, "/round": ROUND}[path])
                continue
            cookies = dict(one.split("=", 1) for one in headers.get("cookie", "a=b").split("; "))
            good = (cookies.get("sid"), cookies.get("csrf")) == ("abc123", "tok9")
            body = json.dumps({"path": path}).encode()
            status = b"200 OK" if good else b"401 no"
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))


def against(store: Path, **asked: Any) -> tuple[LoadRun, list[str]]:
    shop = Shop()
    options = {"rate": 50, "count": 2, "connections": 1, **asked}

    async def scenario() -> LoadRun:
        async with served(shop) as port:
            return await run_load_async(f"http://127.0.0.1:{port}/", store=store, **options)

    found: LoadRun = drive(scenario)
    return found, shop.lines


VISIT = """[[visit]]
{}
[[visit.request]]
send = "POST /login"
{}
[[visit.request]]
send = "GET /me"
{}
check = ["status = 200"]
"""


@pytest.mark.parametrize(
    ("of_visit", "of_login", "of_me", "errors"),
    [
        ("", "", "", {}),
        ("cookies = false", "", "", {"check status = 200": 2}),
        (
            "cookies = false",
            'extract = ["sid=cookie:sid", "csrf=cookie:csrf"]',
            'headers = { Cookie = "sid={sid}; csrf={csrf}" }',
            {},
        ),
        ("", "", 'headers = { Cookie = "sid=mine" }', {"check status = 200": 2}),
        ("", "", 'headers = { Cookie = "theme=dark" }', {}),
        ("", 'extract = ["both=header:Set-Cookie"]', 'headers = { Cookie = "{both}" }', {}),
    ],
)
def test_cookies_are_kept_within_a_visit_and_its_own_come_first(
    tmp_path: Path, of_visit: str, of_login: str, of_me: str, errors: dict[str, int]
) -> None:
    file = tmp_path / "visits.toml"
    file.write_text(VISIT.format(of_visit, of_login, of_me))
    found, lines = against(tmp_path, requests=file)
    assert found.result.errors == errors
    assert lines == ["POST /login", "GET /me"] * 2


def test_each_visit_begins_without_cookies(tmp_path: Path) -> None:
    file = tmp_path / "visits.toml"
    file.write_text(
        '[[visit]]\n[[visit.request]]\nsend = "GET /me"\ncheck = ["status = 401"]\n'
        '[[visit.request]]\nsend = "POST /login"\n[[visit.request]]\nsend = "GET /me"\n'
    )
    found, _ = against(tmp_path, requests=file)
    assert found.result.errors == {}
    assert found.result.statuses == {"200": 2, "302": 2, "401": 2}


def test_redirects_are_followed_on_request_and_each_step_is_an_operation(tmp_path: Path) -> None:
    found, lines = against(tmp_path, request=["POST /login"], check=["body contains home"], follow=True)
    assert found.result.errors == {}
    assert found.result.statuses == {"200": 2, "302": 2}
    assert lines == ["POST /login", "GET /home"] * 2
    found, lines = against(tmp_path, request=["POST /login"])
    assert lines == ["POST /login"] * 2


def test_a_redirect_to_another_host_is_not_followed_and_one_without_end_ends(tmp_path: Path) -> None:
    found, lines = against(tmp_path, request=["/away"], follow=True)
    assert found.result.errors == {"redirect to another host": 2}
    assert lines == ["GET /away"] * 2
    found, lines = against(tmp_path, request=["/round"], follow=True, count=1)
    assert found.result.errors == {"more than 10 redirects": 1}
    assert lines == ["GET /round"] * 11


def test_a_scenario_keeps_cookies_and_follows_too(tmp_path: Path) -> None:
    file = tmp_path / "visit.py"
    file.write_text(
        "async def visit(client):\n"
        "    home = await client.post('/login', json={'user': 'ann'}, expect=200)\n"
        "    client.check('is home', home.json()['path'] == '/home')\n"
        "    await client.get('/me', expect=200)\n"
        "    await client.get('/me', headers={'cookie': 'sid=mine'}, expect=401)\n"
    )
    found, lines = against(tmp_path, scenario=file, follow=True)
    assert (found.result.errors, found.result.first_exception) == ({}, "")
    assert lines == ["POST /login", "GET /home", "GET /me", "GET /me"] * 2
