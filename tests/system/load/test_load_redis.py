"""Redis commands as operations, against a real Redis."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis as client
import uvloop
from lane_lab import InTurn, bodies, drive, target

from hinterland.load.conductor.run import run_load
from hinterland.load.drivers.redis import resp
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan as asked_for
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.result.result import LoadResult
from hinterland.rig.certificate import certificate
from hinterland.rig.rig import Rig
from hinterland.rig.services.redis import Redis
from hinterland.rig.services.redis import redis as redis_service

pytestmark = pytest.mark.system


Body = Callable[[Redis], Any]
Run = Callable[[Body], None]


@pytest.fixture
def redis(scratch: Path, require: Callable[[str], None]) -> Run:
    require("service:redis")

    def run(body: Body) -> None:
        async def whole() -> None:
            (scratch / "trial").mkdir()
            async with Rig(scratch / "trial", scratch / "cache", lambda event: None) as rig:
                await body(await rig.start(redis_service()))

        uvloop.run(whole())

    return run


def plan(server: Redis, **more: object) -> LoadPlan:
    return LoadPlan(target=target("redis", server.port, **more))


def ask(server: Redis, *words: str, password: str | None = None) -> Any:
    with client.Redis(port=server.port, password=password, socket_timeout=60) as connection:
        return connection.execute_command(*words)


SCRIPT = b"EVAL \"return {1, {2, {3, {}}}, 'x', false, redis.status_reply('FINE')}\" 0"


def test_replies_of_every_type(redis: Run) -> None:
    async def body(server: Redis) -> None:
        seen: list[bytes] = []
        commands = [
            b'SET greeting "hello world"', b"GET greeting", b"GET nothing", b"RPUSH list a b c",
            b"LRANGE list 0 2", SCRIPT, b"LRANGE none 0 -1", b"INCR greeting", b"NOSUCHCOMMAND",
            b"LPUSH greeting x", b"PING",
        ]  # fmt: skip
        requests = InTurn(*(Outgoing(each, reads=True) for each in commands), judge=bodies(seen))
        driven = await drive(plan(server), requests, count=44, connections=1)
        expected = [{"ok": 4}] * 7 + [{"redis ERR": 4}] * 2 + [{"redis WRONGTYPE": 4}, {"ok": 4}]
        assert [dict(driven.outcomes_of(kind)) for kind in range(11)] == expected
        assert seen[:8] == [
            b"OK", b"hello world", b"", b"3", b"a\nb\nc", b"1\n2\n3\nx\n\nFINE", b"", b"PONG",
        ]  # fmt: skip
        assert driven.opened_again == 0

    redis(body)


def test_the_same_command_over_many_lanes_and_large_values(redis: Run) -> None:
    async def body(server: Redis) -> None:
        big = b"x" * 3_000_000
        requests = InTurn(
            Outgoing(resp.command([b"SET", b"big", big])), Outgoing(resp.command([b"GET", b"big"]))
        )
        driven = await drive(plan(server), requests, count=60, connections=6)
        assert driven.outcomes == Counter(ok=60)
        driven = await drive(plan(server), InTurn(Outgoing(b"INCR n")), count=5000, connections=32)
        assert driven.outcomes == Counter(ok=5000)
        assert ask(server, "GET", "n") == b"5000"

    redis(body)


def test_passwords_users_and_databases(redis: Run) -> None:
    async def body(server: Redis) -> None:
        ask(server, "ACL", "SETUSER", "reader", "on", ">word", "~*", "+get")
        ask(server, "CONFIG", "SET", "requirepass", "secret")

        async def outcomes(command: bytes, **more: object) -> Counter[str]:
            return (await drive(plan(server, **more), InTurn(Outgoing(command)), count=4)).outcomes

        assert await outcomes(b"SET a 1", password="secret") == Counter(ok=4)
        assert await outcomes(b"GET a", user="reader", password="word") == Counter(ok=4)
        assert await outcomes(b"SET a 1", user="reader", password="word") == Counter({"redis NOPERM": 4})
        assert await outcomes(b"SET b 1", password="secret", database="3") == Counter(ok=4)
        (says,) = await outcomes(b"PING")
        assert says.startswith("redis NOAUTH Authentication required")
        (says,) = await outcomes(b"PING", password="wrong")
        assert says.startswith("redis WRONGPASS")
        (says,) = await outcomes(b"PING", password="secret", database="99")
        assert says.startswith("redis ERR DB index is out of range")
        keyspace = ask(server, "INFO", "keyspace", password="secret")
        assert {name: found["keys"] for name, found in keyspace.items()} == {"db0": 1, "db3": 1}

    redis(body)


def test_redis_over_tls_by_its_url(redis: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    signed = certificate(tmp_path_factory.mktemp("certificates"), ["127.0.0.1"])

    async def body(server: Redis) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        tls = {"tls-cert-file": signed.path, "tls-key-file": signed.key_path, "tls-auth-clients": "no"}
        # A Redis that runs as another user reads them, too.
        for path in (signed.path.parent, signed.path, signed.key_path):
            path.chmod(0o755)
        words = [str(word) for pair in {**tls, "tls-port": port}.items() for word in pair]
        ask(server, "CONFIG", "SET", *words)
        url = f"rediss://127.0.0.1:{port}"

        async def load(**asked: Any) -> LoadResult:
            return await run_load(
                asked_for(url, Asked(body="PING", rate=200, count=20, connections=2, **asked))
            )

        good = await load(ca=str(signed.path))
        assert (good.answered, good.errors) == (20, {})
        bad = await load()
        assert bad.errors == {"tls: unknown CA (the certificate signed itself)": 20}
        wrong = await run_load(asked_for(f"redis://127.0.0.1:{server.port}", Asked(body="NOSUCH x", count=9)))
        assert wrong.errors == {"redis ERR": 9}
        assert next(iter(wrong.reasons["redis ERR"])).startswith("unknown command 'NOSUCH'")

    redis(body)


def test_a_command_with_more_than_one_reply_ends_the_lane(redis: Run) -> None:
    async def body(server: Redis) -> None:
        driven = await drive(plan(server), InTurn(Outgoing(b"SUBSCRIBE a b")), count=6, connections=2)
        assert driven.outcomes.keys() <= {"ok", "protocol"}
        assert driven.surplus >= 2

    redis(body)


def test_a_server_that_goes_away_meanwhile(redis: Run) -> None:
    async def body(server: Redis) -> None:
        # Each lane's connection is cut by the command itself; the lanes open others.
        commands = InTurn(Outgoing(b"PING"), Outgoing(b"CLIENT KILL TYPE normal SKIPME no"))
        driven = await drive(plan(server), commands, count=40, connections=4)
        assert driven.outcomes.total() == 40
        assert driven.outcomes["ok"] > 0
        assert driven.opened_again > 0
        assert driven.outcomes.keys() <= {"ok", "closed", "reset", "protocol"}

    redis(body)
