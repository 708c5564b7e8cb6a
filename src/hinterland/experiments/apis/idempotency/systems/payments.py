"""A small payments server that takes an Idempotency-Key: five variants, four of them wrong on purpose.

    python payments.py --variant key_in_transaction --database shop.db --port 8000
    curl -i localhost:8000/payments -H 'Tenant: shop_a' -H 'Idempotency-Key: k1' \
         -d '{"order": "o1", "amount_cents": 1999}'

Answers, after the IETF draft "The Idempotency-Key HTTP Header Field": 201 with the charge; the same answer
again, marked `Idempotent-Replayed`, for a repeated request; 400 without a key; 409 while the first request is
in flight, or the database is busy (nothing happened: try again); 422 for a known key with another payload.

A payment is a plain function that runs in a worker thread with a database connection of its own. Between
its steps it calls `step(name)`: where HINTERLAND_STEPS names a Unix socket, it says there which step it has
done and waits for the word to go on, so that a test can hold or kill the server in every gap. Without it,
`step` does nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import secrets
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

SCHEMA = Path(__file__).with_name("schema.sql")
LOCK_WAIT_S = 0.05  # How long a payment waits for another one's lock before it answers 409.
LOCK_LIFE_S = 0.06  # How long a lock of expiring_lock lives. Real ones live for seconds: here time is short.
KEY_LIFE_S = 86_400  # How long Redis keeps a key.
WORKERS = 32

Run = Callable[..., list[tuple[Any, ...]]]


class Payment(NamedTuple):
    tenant: str
    key: str
    order: str
    amount_cents: int

    @property
    def fingerprint(self) -> str:
        return f"{self.order}:{self.amount_cents}"


class Answer(NamedTuple):
    status: int
    body: str
    replayed: bool = False


class Busy(Exception):
    """Another payment holds the lock. Nothing happened; the client may try again."""


IN_FLIGHT = Answer(409, '{"title": "a request with this key is in flight: try again"}')
OTHER_PAYLOAD = Answer(422, '{"title": "this key was used with another payload"}')


class Shop:
    """What a payment needs: the database, the key store where there is one, and the step points."""

    def __init__(self, database: str, redis_url: str, steps: str) -> None:
        self.database = database
        self.steps = steps
        self.of_thread = threading.local()
        self.redis: Any = None
        if redis_url:
            import redis

            self.redis = redis.Redis.from_url(redis_url)
        with self.transaction() as run:
            for statement in SCHEMA.read_text().split(";")[:-1]:
                run(statement)

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Yields `run(sql, *values) -> rows`. Commits at the end, rolls back when the block raises.

        Raises Busy where another transaction keeps a lock for longer than LOCK_WAIT_S.
        """
        run = self.connection()
        try:
            run("BEGIN" if self.database.startswith("postgresql") else "BEGIN IMMEDIATE")
            yield run
            run("COMMIT")
        except BaseException as problem:
            if not is_busy_at_begin(problem):
                run("ROLLBACK")
            if is_busy(problem):
                raise Busy from problem
            raise

    def connection(self) -> Run:
        """Returns the `run` of this thread's own connection, opened at its first use."""
        if not hasattr(self.of_thread, "run"):
            connect = postgresql if self.database.startswith("postgresql") else sqlite
            self.of_thread.run = connect(self.database)
        run: Run = self.of_thread.run
        return run

    def step(self, name: str) -> None:
        """Says that a step is done, and goes on when told to."""
        if not self.steps:
            return
        if not hasattr(self.of_thread, "line"):
            self.of_thread.line = socket.socket(socket.AF_UNIX)
            self.of_thread.line.connect(self.steps)
        self.of_thread.line.sendall(f"{name}\n".encode())
        self.of_thread.line.recv(1)


def sqlite(path: str) -> Run:
    # A commit in WAL mode with synchronous=NORMAL survives the death of the process, not a power cut.
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return lambda sql, *values: connection.execute(sql, values).fetchall()


def postgresql(dsn: str) -> Run:
    import psycopg

    connection = psycopg.connect(dsn, autocommit=True, options=f"-c lock_timeout={LOCK_WAIT_S * 1000:.0f}")

    def run(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = connection.execute(sql.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []

    return run


def is_busy(problem: BaseException) -> bool:
    """Tells whether a statement gave up waiting for a lock."""
    return getattr(problem, "sqlstate", "") == "55P03" or is_busy_at_begin(problem)


def is_busy_at_begin(problem: BaseException) -> bool:
    """SQLite takes its write lock at BEGIN IMMEDIATE: where that fails, there is nothing to roll back."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


# The five variants.


def charge(run: Run, payment: Payment) -> Answer:
    """Takes the money, in the caller's transaction: one row."""
    charge_id = f"ch_{secrets.token_hex(8)}"
    run(
        "INSERT INTO charges (id, tenant, order_id, amount_cents) VALUES (?, ?, ?, ?)",
        *(charge_id, payment.tenant, payment.order, payment.amount_cents),
    )
    body = {"charge": charge_id, "order": payment.order, "amount_cents": payment.amount_cents}
    return Answer(201, json.dumps(body))


def answer_of(payment: Payment, fingerprint: str, answer: str | None) -> Answer:
    """Returns what a key that is already known answers."""
    if fingerprint != payment.fingerprint:
        return OTHER_PAYLOAD
    if answer is None:
        return IN_FLIGHT
    return Answer(201, answer, replayed=True)


def stored(run: Run, payment: Payment) -> Answer:
    """Returns what the row of `keys` says that this payment has."""
    [(fingerprint, answer)] = run(
        "SELECT fingerprint, answer FROM keys WHERE tenant = ? AND key = ?", payment.tenant, payment.key
    )
    return answer_of(payment, fingerprint, answer)


def no_key(shop: Shop, payment: Payment) -> Answer:
    """Wrong on purpose: it ignores the key. People write it because one click passes every demo."""
    with shop.transaction() as run:
        answer = charge(run, payment)
    shop.step("committed")
    return answer


def check_then_insert(shop: Shop, payment: Payment) -> Answer:
    """Wrong on purpose: it looks, charges, takes a note. People write it because the requirement reads so.

    Two requests can both look before either takes its note, and the process can die between charge and note.
    The note names no tenant and no payload, so whoever brings the key gets the answer.
    """
    with shop.transaction() as run:
        known = run("SELECT answer FROM answers WHERE key = ?", payment.key)
    if known:
        return Answer(201, known[0][0], replayed=True)
    shop.step("checked")
    with shop.transaction() as run:
        answer = charge(run, payment)
    shop.step("charged")
    with shop.transaction() as run:
        run("INSERT INTO answers VALUES (?, ?) ON CONFLICT DO NOTHING", payment.key, answer.body)
    shop.step("noted")
    return answer


def key_in_transaction(shop: Shop, payment: Payment) -> Answer:
    """Right: key, charge and answer are one transaction, so either all of them exist or none does.

    The table's primary key decides who is first. A second request waits for the first one's transaction: it
    finds the answer when that commits, an empty place when it rolls back, and answers 409 when it takes long.
    """
    with shop.transaction() as run:
        first = run(
            "INSERT INTO keys (tenant, key, fingerprint) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING key",
            *(payment.tenant, payment.key, payment.fingerprint),
        )
        if not first:
            return stored(run, payment)
        shop.step("reserved")
        answer = charge(run, payment)
        shop.step("charged")
        run(
            "UPDATE keys SET answer = ? WHERE tenant = ? AND key = ?",
            *(answer.body, payment.tenant, payment.key),
        )
    shop.step("committed")
    return answer


def key_in_redis(shop: Shop, payment: Payment) -> Answer:
    """Wrong on purpose: the key lives beside the database. People write it because SET NX is one fast line.

    No transaction spans both. Die before the answer is stored, and the key says "in flight" for a day; die
    after it is stored and before the commit, and the answer promises a charge that does not exist.
    """
    name = f"{payment.tenant}:{payment.key}"
    reserved = json.dumps([payment.fingerprint, None])
    if not shop.redis.set(name, reserved, nx=True, ex=KEY_LIFE_S):
        known = shop.redis.get(name)
        return answer_of(payment, *json.loads(known)) if known else IN_FLIGHT
    shop.step("reserved")
    try:
        with shop.transaction() as run:
            answer = charge(run, payment)
            shop.step("charged")
            # Inside the transaction, so that a failure of Redis rolls the charge back.
            shop.redis.set(name, json.dumps([payment.fingerprint, answer.body]), ex=KEY_LIFE_S)
            shop.step("stored")
    except Busy:
        shop.redis.delete(name)
        raise
    shop.step("committed")
    return answer


def expiring_lock(shop: Shop, payment: Payment) -> Answer:
    """Wrong on purpose: whoever finds the lock expired charges. People write it so that no crash locks a key.

    It survives every crash, as charge and answer are one transaction. But a lock that has expired does not
    stop the handler that held it: the slow one and its successor both charge. One more condition would make
    it right: store the answer only `AND answer IS NULL`, and roll back if that changed no row.
    """
    now = time.time()
    with shop.transaction() as run:
        mine = run(
            "INSERT INTO keys (tenant, key, fingerprint, locked_until) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (tenant, key) DO UPDATE SET locked_until = excluded.locked_until"
            " WHERE keys.answer IS NULL AND keys.locked_until < ? AND keys.fingerprint = excluded.fingerprint"
            " RETURNING key",
            *(payment.tenant, payment.key, payment.fingerprint, now + LOCK_LIFE_S, now),
        )
        if not mine:
            return stored(run, payment)
    shop.step("locked")
    with shop.transaction() as run:
        answer = charge(run, payment)
        shop.step("charged")
        run(
            "UPDATE keys SET answer = ? WHERE tenant = ? AND key = ?",
            *(answer.body, payment.tenant, payment.key),
        )
    shop.step("committed")
    return answer


VARIANTS: dict[str, Callable[[Shop, Payment], Answer]] = {
    "no_key": no_key,
    "check_then_insert": check_then_insert,
    "key_in_transaction": key_in_transaction,
    "key_in_redis": key_in_redis,
    "expiring_lock": expiring_lock,
}


# The HTTP side: plain ASGI.

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """`POST /payments` pays. `GET /idle` answers once no payment is in flight, waited for or not."""

    def __init__(self, shop: Shop, variant: str) -> None:
        self.shop = shop
        self.pay = VARIANTS[variant]
        self.workers = ThreadPoolExecutor(WORKERS)
        self.in_flight: set[asyncio.Future[Answer]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] == "/idle":
            while self.in_flight:
                await asyncio.wait(self.in_flight)
            answer = Answer(200, "{}")
        elif scope["path"] == "/payments" and scope["method"] == "POST":
            answer = await self.payment(dict(scope["headers"]), await body_of(receive))
        else:
            answer = Answer(404, '{"title": "POST /payments"}')
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer.body))]
        if answer.replayed:
            headers.append((b"idempotent-replayed", b"true"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body.encode()})

    async def payment(self, headers: dict[bytes, bytes], body: bytes) -> Answer:
        if b"idempotency-key" not in headers:
            return Answer(400, '{"title": "Idempotency-Key is missing"}')
        try:
            asked = json.loads(body)
            payment = Payment(
                headers.get(b"tenant", b"").decode(),
                headers[b"idempotency-key"].decode(),
                str(asked["order"]),
                int(asked["amount_cents"]),
            )
        except (ValueError, KeyError, TypeError):
            return Answer(400, '{"title": "the body must be {\\"order\\": ..., \\"amount_cents\\": ...}"}')
        # Once begun, a payment goes on when its client hangs up, as real ones do.
        work = asyncio.get_running_loop().run_in_executor(self.workers, self.attempt, payment)
        self.in_flight.add(work)
        work.add_done_callback(self.in_flight.discard)
        return await work

    def attempt(self, payment: Payment) -> Answer:
        self.shop.step("received")
        try:
            return self.pay(self.shop, payment)
        except Busy:
            return IN_FLIGHT


async def body_of(receive: Receive) -> bytes:
    """Returns the whole body of a request."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def stand_by(database: str, redis_url: str) -> None:
    """Returns at Enter, with all at hand that serving needs; until then it touches nobody's data."""
    importlib.import_module("uvicorn.protocols.http.auto")
    if redis_url:
        importlib.import_module("redis")
    if database.startswith("postgresql"):
        importlib.import_module("psycopg")
    print("ready", flush=True)
    sys.stdin.readline()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variant", choices=VARIANTS, default="key_in_transaction")
    parser.add_argument("--database", required=True, help="a file for SQLite, or postgresql://...")
    parser.add_argument("--redis", default="", help="redis://... (key_in_redis)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--standby", action="store_true", help="print `ready`, and take over at Enter")
    asked = parser.parse_args()
    if asked.variant == "key_in_redis" and not asked.redis:
        parser.error("key_in_redis needs --redis redis://...")
    if asked.standby:
        stand_by(asked.database, asked.redis)
    shop = Shop(asked.database, asked.redis, os.environ.get("HINTERLAND_STEPS", ""))
    application = Application(shop, asked.variant)
    uvicorn.run(application, port=asked.port, lifespan="off", ws="none", log_level="warning")


if __name__ == "__main__":
    main()
