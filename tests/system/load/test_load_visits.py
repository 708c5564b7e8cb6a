"""A visit finds its connection as the first one found it, whatever became of the visit before."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis as redis_client
import uvloop
import websockets
import websockets.asyncio.server
from misbehaving import served

from hinterland.errors import UsageError
from hinterland.load.conductor.run import run_load
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan
from hinterland.load.result.result import LoadResult
from hinterland.rig.rig import Rig
from hinterland.rig.services.postgresql import PostgreSQL
from hinterland.rig.services.postgresql import postgresql as postgresql_service
from hinterland.rig.services.redis import Redis
from hinterland.rig.services.redis import redis as redis_service

pytestmark = pytest.mark.system


def visit(*sends: str, **checks: str) -> str:
    """Returns a visit as TOML; `check_2="body = x"` is the check of its third request."""
    lines = ["[[visit]]"]
    for place, send in enumerate(sends):
        lines += ["[[visit.request]]", f"send = {json.dumps(send)}"]
        if check := checks.get(f"check_{place}"):
            lines.append(f"check = [{json.dumps(check)}]")
    return "\n".join(lines) + "\n"


async def load(url: str, folder: Path, toml: str, *, visits: int = 60, **asked: Any) -> LoadResult:
    """Returns what came of so many visits over few connections."""
    file = folder / "visits.toml"
    file.write_text(toml)
    wanted = {"connections": 2, "rate": 200.0, "count": visits, "timeout_s": 5.0, "seed": 5, **asked}
    return await run_load(plan(url, Asked(requests=file, **wanted)))


def in_rig(scratch: Path, cache: Path, body: Callable[[Rig], Any]) -> None:
    async def whole() -> None:
        (scratch / "trial").mkdir()
        async with Rig(scratch / "trial", cache, lambda event: None) as rig:
            await body(rig)

    uvloop.run(whole())


@pytest.fixture(scope="module")
def cluster_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One initdb for the tests of this file."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def postgresql(scratch: Path, cluster_cache: Path, require: Callable[[str], None]) -> Callable[[Any], None]:
    require("service:postgresql")

    def run(body: Callable[[PostgreSQL, str], Any]) -> None:
        async def whole(rig: Rig) -> None:
            server = await rig.start(postgresql_service({"fsync": False}))
            execute(server, "create table acc (id int primary key, n int not null)")
            execute(server, "insert into acc select g, 0 from generate_series(1, 1000) g")
            await body(server, server.tcp_dsn)

        in_rig(scratch, cluster_cache, whole)

    return run


def execute(server: PostgreSQL, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.dsn, autocommit=True, connect_timeout=60) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


UPDATE = "update acc set n = n + 1 where id = {key}"


@pytest.mark.parametrize("closed", [False, True])
def test_a_transaction_that_fails_is_nobody_elses(postgresql: Any, tmp_path: Path, closed: bool) -> None:
    async def body(server: PostgreSQL, url: str) -> None:
        toml = visit("begin", UPDATE, "select 1 / ({random:0:9} - 1)", "commit")
        asked: dict[str, Any] = {"closed": True, "rate": None, "visits": 200} if closed else {}
        found = await load(url, tmp_path, toml, **asked)
        assert found.errors.keys() == {"SQLSTATE 22012"}
        ended = {kind.name: kind for kind in found.kinds}
        assert execute(server, "select sum(n) from acc") == [(ended["commit"].answered,)]
        assert not found.notes

    postgresql(body)


def test_a_visit_that_is_given_up_commits_nothing(postgresql: Any, tmp_path: Path) -> None:
    async def body(server: PostgreSQL, url: str) -> None:
        toml = visit("begin", UPDATE, "select {random:0:1}::int", "commit", check_2="body matches ^1")
        found = await load(url, tmp_path, toml, connections=1)
        ended = {kind.name: kind for kind in found.kinds}
        assert 0 < ended["commit"].answered < 60
        assert execute(server, "select sum(n) from acc") == [(ended["commit"].answered,)]

    postgresql(body)


def test_a_transaction_that_nobody_ends_is_rolled_back_and_said(postgresql: Any, tmp_path: Path) -> None:
    async def body(server: PostgreSQL, url: str) -> None:
        found = await load(url, tmp_path, visit("begin", UPDATE), visits=20)
        assert not found.errors
        assert execute(server, "select sum(n) from acc") == [(0,)]
        # The last visits end with their connections.
        ((words, count),) = found.notes.items()
        assert words == "a visit ended inside a transaction, which was rolled back"
        assert 18 <= count <= 20

    postgresql(body)


@pytest.mark.parametrize("connections", ["kept", "new"])
def test_a_session_is_as_new_for_each_visit(postgresql: Any, tmp_path: Path, connections: str) -> None:
    async def body(server: PostgreSQL, url: str) -> None:
        execute(
            server,
            "create function hidden() returns text language sql as "
            "$$ select set_config('hinter.land', 'mine', false) $$",
        )
        leave = [
            "set statement_timeout = '7s'",
            "prepare mine as select 1",
            "create temp table mine (id int)",
        ]
        leave.append("select pg_advisory_lock({key})")
        if connections == "new":
            # What a function does inside is not to be seen; only another session is without it.
            leave.append("select hidden()")
        look = (
            "select current_setting('statement_timeout'), "
            "coalesce(current_setting('hinter.land', true), ''), "
            "(select count(*) from pg_prepared_statements where from_sql), "
            "(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())"
        )
        toml = visit(look, "select {key}::int", *leave, check_0="body matches ^0\t\t0\t0")
        found = await load(url, tmp_path, toml, visits=30, new_connections=connections == "new")
        assert not found.errors
        assert found.answered == 30 * (2 + len(leave))
        assert (found.connections_opened > 20) is (connections == "new")

    postgresql(body)


def test_statements_have_no_names_behind_a_pooler(postgresql: Any, tmp_path: Path) -> None:
    """As PgBouncer does in its transaction mode: many sessions of clients, one of the server."""

    async def body(server: PostgreSQL, url: str) -> None:
        pooler = Pooler(server)
        async with served(pooler.serve) as port:
            pooled = url.replace(f":{server.port}/", f":{port}/")
            toml = visit("begin", UPDATE, "select {random:1:9}::int", "commit") + visit("select {key}::int")
            found = await load(pooled, tmp_path, toml, connections=8, visits=120)
            assert not found.errors
            names = execute(server, "select count(*) from pg_prepared_statements")
            assert names == [(0,)]
        assert pooler.transactions > 100

    postgresql(body)


class Pooler:
    """Lends one session of the server to many clients, for a transaction each."""

    def __init__(self, server: PostgreSQL) -> None:
        self._server, self._lock = server, asyncio.Lock()
        self._session: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.transactions = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(size - 4)
        # No BackendKeyData of the server's: a pooler gives one of its own, or none.
        writer.write(b"R\0\0\0\x08\0\0\0\0" + b"K\0\0\0\x0c\x12\x34\x56\x78\0\0\0\x01" + b"Z\0\0\0\x05I")
        while True:
            asked = await self._asked(reader)
            if not asked:
                return
            async with self._lock:
                self.transactions += 1
                while await self._answered(asked, writer) != b"I":
                    if not (asked := await self._asked(reader)):
                        asked = b"Q\0\0\0\x0dROLLBACK\0"

    async def _asked(self, reader: asyncio.StreamReader) -> bytes:
        """Returns what a client sends until it waits, empty when it is gone."""
        whole = kind = b""
        while kind not in (b"Q", b"S"):
            try:
                kind, body = await message(reader)
            except asyncio.IncompleteReadError:
                return b""
            whole += kind + (len(body) + 4).to_bytes(4, "big") + body
        return whole

    async def _answered(self, asked: bytes, client: asyncio.StreamWriter) -> bytes:
        """Passes the answer on; returns whether a transaction is open now."""
        reader, writer = self._session = self._session or await self._connect()
        writer.write(asked)
        while True:
            kind, body = await message(reader)
            client.write(kind + (len(body) + 4).to_bytes(4, "big") + body)
            if kind == b"Z":
                return body

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        path = self._server.folder / f".s.PGSQL.{self._server.port}"
        reader, writer = await asyncio.open_unix_connection(str(path))
        words = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0"
        writer.write((len(words) + 4).to_bytes(4, "big") + words)
        while (await message(reader))[0] != b"Z":
            pass
        return reader, writer


async def message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    size = int.from_bytes(await reader.readexactly(4), "big")
    return kind, await reader.readexactly(size - 4)


@pytest.fixture
def redis(scratch: Path, require: Callable[[str], None]) -> Callable[[Any], None]:
    require("service:redis")

    def run(body: Callable[[redis_client.Redis, str], Any], **settings: object) -> None:
        async def whole(rig: Rig) -> None:
            server: Redis = await rig.start(
                redis_service({name.replace("_", "-"): value for name, value in settings.items()})
            )
            with redis_client.Redis(port=server.port, socket_timeout=60) as client:
                await body(client, f"redis://127.0.0.1:{server.port}")

        in_rig(scratch, scratch / "cache", whole)

    return run


@pytest.mark.parametrize("login", ["", ":secret@"])
def test_a_connection_is_as_new_for_each_visit(redis: Any, tmp_path: Path, login: str) -> None:
    async def body(client: redis_client.Redis, url: str) -> None:
        if login:
            client.config_set("requirepass", "secret")
        toml = visit("get greeting", "select 3", "set greeting hello", "get greeting", check_0="body = ")
        toml += visit("incr fine")
        toml += visit("multi", "incr n", "get greeting", check_2="body = never")
        found = await load(url.replace("//", f"//{login}"), tmp_path, toml)
        # A visit that is given up inside MULTI queues nothing for those that come after it.
        assert found.errors.keys() == {"check body = never"}
        assert client.get("n") is None
        ended = {kind.name: kind for kind in found.kinds}
        assert client.get("fine") == str(ended["incr fine"].answered).encode()
        assert not found.notes
        assert found.connections_opened == 2, "RESET does it, without another connection"

    redis(body)


def test_a_multi_that_nobody_ends_is_discarded_and_said(redis: Any, tmp_path: Path) -> None:
    async def body(client: redis_client.Redis, url: str) -> None:
        found = await load(url, tmp_path, visit("multi", "incr n"), visits=20)
        assert not found.errors
        assert client.get("n") is None
        assert list(found.notes) == ["a visit ended inside MULTI, which was discarded"]

    redis(body)


def test_where_there_is_no_reset_another_connection_is_as_new(redis: Any, tmp_path: Path) -> None:
    async def body(client: redis_client.Redis, url: str) -> None:
        toml = visit("get greeting", "select 3", "set greeting hello", check_0="body = ")
        found = await load(url, tmp_path, toml, visits=20)
        assert not found.errors
        assert found.connections_opened > 15

    redis(body, rename_command="RESET NOSUCH")


@pytest.mark.parametrize("renewed", [False, True])
def test_a_conversation_that_breaks_off_is_not_gone_on_with(tmp_path: Path, renewed: bool) -> None:
    """The server holds who speaks; a visit says so first, and every third one is cut off by its check."""

    async def whole() -> None:
        async def remembers(connection: websockets.asyncio.server.ServerConnection) -> None:
            said: list[str] = []
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    message = str(await connection.recv())
                    said = [] if said[-1:] == ["bye"] else said
                    said.append(message)
                    await connection.send(json.dumps(said))

        async with websockets.asyncio.server.serve(remembers, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            checks = {"check_0": 'body = ["hello"]', "check_1": "body matches [12]"}
            checks["check_2"] = "body contains bye"
            toml = visit("hello", "{random:0:2}", "bye", **checks)
            found = await load(f"ws://127.0.0.1:{port}/", tmp_path, toml, new_connections=renewed)
        assert found.errors.keys() == {"check body matches [12]"}
        assert found.connections_opened > (50 if renewed else 5)

    uvloop.run(whole())


def test_what_can_not_work_is_refused_before_the_load(tmp_path: Path) -> None:
    cases = {"postgresql://127.0.0.1:1/": "copy t from stdin", "redis://127.0.0.1:1": "SUBSCRIBE a"}
    for url, body in cases.items():
        with pytest.raises(UsageError):
            asyncio.run(run_load(plan(url, Asked(body=body, count=1))))
