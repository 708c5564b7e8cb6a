"""A server of the atlas, as a person starts it, and somebody who asks it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

END_S = 60


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Fetched(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Reader:
    """Somebody with a cookie jar of one."""

    def __init__(self, address: str, process: subprocess.Popen[str]) -> None:
        parts = urlsplit(address)
        self.address, self.process = address, process
        self.host, self.port = str(parts.hostname), int(parts.port or 0)
        self.cookie = ""

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """Returns the answer, to a form where there is one; no redirect is followed."""
        body = None if form is None else urlencode(form)
        sent = {"Cookie": self.cookie} | (
            {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        )
        connection = http.client.HTTPConnection(self.host, self.port, timeout=END_S)
        try:
            connection.request(
                method, path, body, {**sent, **{k.replace("_", "-"): v for k, v in headers.items()}}
            )
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        return self.ask("POST", path, form, **headers)

    def send(self, path: str, body: bytes, kind: str, **headers: str) -> Answer:
        """Returns the answer to a body of some kind, such as that of a form with a file."""
        found = self.fetch(path, body, Content_Type=kind, **headers)
        return Answer(found.status, found.headers, found.body.decode())

    def fetch(self, path: str, body: bytes | None = None, **headers: str) -> Fetched:
        """Returns the answer with its bytes as they are."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=END_S)
        sent = {"Cookie": self.cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("GET" if body is None else "POST", path, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Fetched(response.status, found, response.read())
        finally:
            connection.close()

    def come_in(self) -> None:
        parts = urlsplit(self.address)
        answer = self.get(f"{parts.path}?{parts.query}")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]


@contextmanager
def serving(store: Path, *words: str) -> Iterator[Reader]:
    """Runs `hinterland serve` on a store, and ends it by SIGINT."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hinterland", "serve", "--no-open", "--port", "0", *words],
        env={**os.environ, "HINTERLAND_STORE": str(store)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        reader = Reader(address[0], process)
        reader.come_in()
        yield reader
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
