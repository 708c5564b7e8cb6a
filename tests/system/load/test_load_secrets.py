"""No output of a load has a secret in it: not the summary, the record, the page, the operations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from load_lab import drive
from misbehaving import Handler, served

from hinterland.load.record import folder as records
from hinterland.load.report import page as load_page
from hinterland.load.report.summary import lines
from hinterland.load.runs import LoadRun, run_load_async

pytestmark = pytest.mark.system

SECRET = "s3cr@etW0rd"
OPTIONS: dict[str, Any] = {"rate": 50, "count": 4, "connections": 1, "timeout_s": 2.0}


def outputs(folder: Path, found: LoadRun) -> str:
    """Returns all that a load puts out, as one text."""
    texts = [path.read_text("latin-1") for path in sorted(folder.rglob("*")) if path.is_file()]
    texts += [str(parquet.read_table(file).to_pylist()) for file in folder.rglob("*.parquet")]
    texts += [load_page.render(found.record), repr(found), str(found.record)]
    texts += [str(line) for line in lines(found.record)]
    return "\n".join(texts)


def driven(tmp_path: Path, handler: Handler, url: Callable[[int], str], **asked: Any) -> tuple[LoadRun, str]:
    async def scenario() -> LoadRun:
        async with served(handler) as port:
            return await run_load_async(url(port), store=tmp_path / "store", **{**OPTIONS, **asked})

    found: LoadRun = drive(scenario)
    return found, outputs(tmp_path / "store", found)


def http(port: int) -> str:
    return f"http://127.0.0.1:{port}/a?token={SECRET}&b=1"


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request with what it was, as a header and as a body."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        found = head.lower().find(b"content-length: ")
        size = int(head[found + 16 :].split(b"\r\n")[0]) if found >= 0 else 0
        body = json.dumps(
            {"token": SECRET, "said": (head + await reader.readexactly(size)).decode()}
        ).encode()
        cookie = f"Set-Cookie: sid={SECRET}\r\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (cookie, len(body), body))


async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks Redis, refuses each command, and says it back."""
    while data := await reader.read(4096):
        words = data.decode().split("\r\n")
        commands = sum(word.startswith("*") for word in words)
        if "AUTH" in data.decode() and "PING" in data.decode():
            writer.write(b"+OK\r\n" * commands)
        else:
            writer.write(f"-ERR no {' '.join(words[2::2])}\r\n".encode())


def test_of_http(tmp_path: Path) -> None:
    header = ["Authorization: Bearer " + SECRET, f"Cookie: sid={SECRET}", f"X-Api-Key: {SECRET}"]
    found, text = driven(
        tmp_path,
        echoes,
        http,
        header=header,
        body=f'{{"password": "{SECRET}"}}',
        check=["body contains nothing of the kind"],
    )
    assert found.result.errors == {"check body contains nothing of the kind": 4}
    assert SECRET not in text
    assert "token=***&b=1" in text
    assert records.lacks_secrets(found.result.plan)


def test_of_redis_whose_server_says_back_what_it_was_sent(tmp_path: Path) -> None:
    rows = tmp_path / "users.csv"
    rows.write_text(f"user,password\nann,{SECRET}row\n")
    found, text = driven(
        tmp_path,
        refuses,
        lambda port: f"redis://:{SECRET}@127.0.0.1:{port}/",
        request=[f"AUTH ann {SECRET}", "SET {user} {password}", f"ECHO {SECRET}"],
        data=rows,
    )
    assert sum(found.result.errors.values()) == 4
    assert found.result.reasons
    assert SECRET not in text.replace(f"ECHO {SECRET}", "")
    assert "AUTH ann ***" in text


def test_of_a_scenario_and_what_it_raises(tmp_path: Path) -> None:
    file = tmp_path / "visit.py"
    file.write_text(
        "async def visit(client):\n"
        "    word = client.data['password']\n"
        "    headers = {'Authorization': 'Bearer ' + word, 'Accept': '*/*'}\n"
        "    answer = await client.post('/in?key=' + word, headers=headers, json={'password': word})\n"
        "    raise ValueError(f'{word}, {headers}, {answer.headers}, {answer.text}')\n"
    )
    rows = tmp_path / "users.csv"
    rows.write_text(f"user,password\nann,{SECRET}\n")
    found, text = driven(tmp_path, echoes, lambda port: f"http://127.0.0.1:{port}/", scenario=file, data=rows)
    assert found.result.errors == {"ValueError in line 5": 4}
    assert "'Accept': '*/*'" in found.result.first_exception
    assert SECRET not in text
