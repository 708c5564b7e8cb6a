"""PostgreSQL queries as operations, against a real PostgreSQL, with each way to log in."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop
from lane_lab import PATIENT_S, InTurn, bodies, drive, looked_until, target
from misbehaving import served
from msgspec import structs

from hinterland.load.drivers.postgresql.statement import Bound
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import LoadPlan
from hinterland.rig.certificate import certificate
from hinterland.rig.rig import Rig
from hinterland.rig.services.postgresql import PostgreSQL
from hinterland.rig.services.postgresql import postgresql as postgresql_service

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def cluster_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One initdb for the tests of this file."""
    return tmp_path_factory.mktemp("cache")


Body = Callable[[PostgreSQL], Any]
Run = Callable[[Body], None]


@pytest.fixture
def postgresql(scratch: Path, cluster_cache: Path, require: Callable[[str], None]) -> Run:
    require("service:postgresql")

    def run(body: Body) -> None:
        async def whole() -> None:
            (scratch / "trial").mkdir()
            async with Rig(scratch / "trial", cluster_cache, lambda event: None) as rig:
                await body(await rig.start(postgresql_service({"fsync": False})))

        uvloop.run(whole())

    return run


def plan(server: PostgreSQL, **more: object) -> LoadPlan:
    given: dict[str, object] = {
        "user": "postgres",
        "password": server.password,
        "database": "postgres",
        **more,
    }
    return LoadPlan(target=target("postgresql", server.port, **given))


def bound(statement: bytes, *values: bytes | None, reads: bool = False) -> Outgoing:
    outgoing = Outgoing(b"", reads=reads)
    outgoing.built = Bound(statement, values)
    return outgoing


def execute(server: PostgreSQL, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.dsn, autocommit=True, connect_timeout=60) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_simple_queries(postgresql: Run) -> None:
    async def body(server: PostgreSQL) -> None:
        execute(server, "create table t (id int primary key, text text)")
        seen: list[bytes] = []
        statements = [
            b"insert into t values (1, 'one') on conflict do nothing",
            b"select * from t",
            b"select null, '', 2",
            b"select 1; select 2",
            b"",
            b"do $$ begin raise notice 'listen'; end $$",
            b"copy (select 7) to stdout",
            b"select 1/0",
            b"insert into t values (1, 'again')",
            b"selct",
            b"copy t from stdin",
            b"select 'fine'",
        ]
        requests = InTurn(*(Outgoing(each, reads=True) for each in statements), judge=bodies(seen))
        driven = await drive(plan(server), requests, count=24, connections=1)
        wrong = {7: "SQLSTATE 22012", 8: "SQLSTATE 23505", 9: "SQLSTATE 42601", 10: "SQLSTATE 57014"}
        assert [dict(driven.outcomes_of(kind)) for kind in range(12)] == [
            {wrong.get(kind, "ok"): 2} for kind in range(12)
        ]
        assert seen[:8] == [b"", b"1\tone\n", b"\t\t2\n", b"1\n2\n", b"", b"", b"", b"fine\n"]
        assert driven.opened_again == 0

    postgresql(body)


def test_parameters_are_prepared_once_and_are_never_sql(postgresql: Run) -> None:
    async def body(server: PostgreSQL) -> None:
        execute(server, "create table t (id serial, text text)")
        nasty = "'); drop table t; --"
        insert = b"insert into t (text) values ($1)"
        seen: list[bytes] = []
        requests = InTurn(
            bound(insert, nasty.encode()),
            bound(insert, None),
            bound(b"select $1::int + $2::int", b"40", b"2", reads=True),
            bound(b"select $1::int", b"no number"),
            bound(b"selct $1", b"1"),
            bound(b"copy t (text) from stdin"),
            bound(b"select count(*) from pg_prepared_statements", reads=True),
            judge=bodies(seen),
        )
        driven = await drive(plan(server), requests, count=70, connections=2)
        wrong = {3: "SQLSTATE 22P02", 4: "SQLSTATE 42601", 5: "SQLSTATE 57014"}
        assert [dict(driven.outcomes_of(kind)) for kind in range(7)] == [
            {wrong.get(kind, "ok"): 10} for kind in range(7)
        ]
        found = dict(execute(server, "select text, count(*) from t group by text"))
        assert found == {nasty: 10, None: 10}
        assert seen.count(b"42\n") == 10
        # Those that can be prepared are so once in each session; the one that is no SQL never is.
        assert {int(each) for each in seen if each != b"42\n"} <= set(range(1, 6))

    postgresql(body)


def test_many_lanes_do_what_they_were_asked_exactly(postgresql: Run) -> None:
    async def body(server: PostgreSQL) -> None:
        execute(server, "create table n (value int)", "insert into n values (0)")
        requests = InTurn(
            Outgoing(b"update n set value = value + 1"), bound(b"update n set value = value + $1", b"1")
        )
        driven = await drive(plan(server), requests, count=1500, connections=8)
        assert driven.outcomes == Counter(ok=1500)
        assert execute(server, "select value from n") == [(1500,)]
        big = await drive(
            plan(server), InTurn(Outgoing(b"select repeat('x', 3000000), generate_series(1, 3)")), count=6
        )
        assert big.outcomes == Counter(ok=6)

    postgresql(body)


METHODS = ("trust", "password", "md5", "scram-sha-256", "reject")


def test_each_way_to_log_in(postgresql: Run) -> None:
    async def body(server: PostgreSQL) -> None:
        execute(
            server,
            "set password_encryption = 'md5'", "create user by_md5 password 'pencil'",
            "set password_encryption = 'scram-sha-256'",
            *(f"create user by_{method[:5]} password 'pencil'" for method in ("password", "scram", "reject")),
            "create user by_umlaut password 'pa\u00dfwort\u00ad \u2168'",
            "create user by_trust",
        )  # fmt: skip
        lines = [f"host all by_{method[:5]} 127.0.0.1/32 {method}" for method in METHODS]
        hba = server.folder / "data" / "pg_hba.conf"
        hba.write_text("\n".join([*lines, "host all by_umlaut 127.0.0.1/32 scram-sha-256", hba.read_text()]))
        execute(server, "select pg_reload_conf()")

        async def says(user: str, password: str = "pencil", **more: object) -> str:
            request = InTurn(Outgoing(b"select current_user"))
            driven = await drive(
                plan(server, user=user, password=password, **more),
                request,
                count=3,
                connections=1,
            )
            (outcome,) = driven.outcomes
            return outcome

        for method in METHODS[:-1]:
            assert await says(f"by_{method[:5]}") == "ok", method
        assert await says("by_umlaut", "pa\u00dfwort\u00ad \u2168") == "ok"
        assert await says("by_umlaut", "pa\u00dfwort IX") == "ok"
        for method in METHODS[1:-1]:
            user = f"by_{method[:5]}"
            refused = f'SQLSTATE 28P01: password authentication failed for user "{user}"'
            assert await says(user, "wrong") == refused, method
            assert await says(user, "") == (
                f"login: the server wants a password for user {user!r}; give one in the URL"
            )
        assert (await says("by_rejec")).startswith("SQLSTATE 28000: pg_hba.conf rejects connection")
        assert (await says("by_trust", database="nowhere")) == (
            'SQLSTATE 3D000: database "nowhere" does not exist'
        )

    postgresql(body)


def test_a_session_that_is_ended_meanwhile(postgresql: Run) -> None:
    async def body(server: PostgreSQL) -> None:
        requests = InTurn(
            Outgoing(b"select 1"),
            Outgoing(
                b"select pg_terminate_backend(pid) from pg_stat_activity "
                b"where application_name = 'hinterland load'"
            ),
        )
        driven = await drive(plan(server), requests, count=40, connections=4)
        assert driven.outcomes.total() == 40
        assert driven.outcomes["SQLSTATE 57P01"] > 0
        assert driven.outcomes.keys() <= {"ok", "SQLSTATE 57P01", "closed", "reset"}
        assert driven.opened_again > 0

    postgresql(body)


def test_more_sessions_than_the_server_takes(postgresql: Run) -> None:
    async def body(server: PostgreSQL) -> None:
        execute(
            server,
            "alter user postgres connection limit 2",
            "create user few password 'p' connection limit 2",
        )
        driven = await drive(
            plan(server, user="few", password="p"),
            InTurn(Outgoing(b"select pg_sleep(0.05)")),
            count=12,
            connections=4,
        )
        assert driven.outcomes["ok"] > 0
        assert driven.outcomes.keys() == {"ok", 'SQLSTATE 53300: too many connections for role "few"'}

    postgresql(body)


def speaks_tls(server: PostgreSQL) -> bool:
    with psycopg.connect(f"{server.tcp_dsn}?sslmode=prefer", connect_timeout=60) as connection:
        return connection.pgconn.ssl_in_use


def test_tls_is_asked_for_in_the_open_and_then_spoken(
    postgresql: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    signed = certificate(tmp_path_factory.mktemp("certificates"), ["127.0.0.1"])

    async def body(server: PostgreSQL) -> None:
        request = InTurn(Outgoing(b"select ssl from pg_stat_ssl where pid = pg_backend_pid()", reads=True))

        async def says(**more: Any) -> Counter[str]:
            asked = structs.replace(plan(server, tls=True), **more)
            return (await drive(asked, request, count=8)).outcomes

        assert await says() == Counter({"tls: this PostgreSQL has none": 8})
        data = server.folder / "data"
        owner = data.stat()
        for source, name in ((signed.path, "server.crt"), (signed.key_path, "server.key")):
            (data / name).write_bytes(source.read_bytes())
            (data / name).chmod(0o600)
            os.chown(data / name, owner.st_uid, owner.st_gid)
        execute(server, "alter system set ssl = on", "select pg_reload_conf()")
        # The postmaster reads its settings when it gets to it.
        await looked_until(lambda: speaks_tls(server))
        seen: list[bytes] = []
        request = InTurn(*request._outgoings, judge=bodies(seen))
        assert await says(ca_file=str(signed.path)) == Counter(ok=8)
        assert set(seen) == {b"t\n"}
        assert await says(verify_tls=False) == Counter(ok=8)
        assert await says() == Counter({"tls: unknown CA (the certificate signed itself)": 8})

    postgresql(body)


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("answer", "then", "says"),
    [
        (b"S", b"", "timeout"),
        (b"S", b"garbage\r\n" * 100, "tls: the server does not speak TLS here"),
        (b"S", None, "tls: the server hung up in the handshake"),
        (b"", None, "closed"),
        (b"", b"", "timeout"),
        (b"N", b"", "tls: this PostgreSQL has none"),
    ],
)
def test_a_handshake_of_tls_that_comes_to_nothing(
    runner: Callable[[Any], None], answer: bytes, then: bytes | None, says: str
) -> None:
    """`then` is what follows once the handshake began; None: the server hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(answer)
        if then is None:
            return
        if answer == b"S":
            await reader.read(65536)
            writer.write(then)
        await reader.read()

    async def whole() -> None:
        async with served(handle) as port:
            asked = LoadPlan(target=target("postgresql", port, tls=True, user="u"))
            timeout_s = 0.3 if says == "timeout" else PATIENT_S
            driven = await drive(asked, InTurn(Outgoing(b"select 1")), count=8, timeout_s=timeout_s)
            # A hang-up may come as an end or as a reset.
            (found,) = driven.outcomes
            assert found == says or (then is None and found in ("reset", "closed"))

    runner(whole())


@pytest.mark.parametrize("answer", [b"X", b"SS", b"E\0\0\0\x05\0", b"HTTP/1.1 400 Bad Request\r\n"])
def test_another_answer_to_the_question_of_tls(answer: bytes) -> None:
    async def whole() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(8)
            writer.write(answer)
            await reader.read()

        async with served(handle) as port:
            asked = LoadPlan(target=target("postgresql", port, tls=True, user="u"))
            driven = await drive(asked, InTurn(Outgoing(b"select 1")), count=8)
            (says,) = driven.outcomes
            assert says.startswith("protocol: this is not PostgreSQL, it begins")

    uvloop.run(whole())
