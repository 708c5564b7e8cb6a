"""A shop whose customers share a pool of connections to PostgreSQL.

    python shop.py DSN POOL CUSTOMERS WORK THINK_MS SECONDS

Each customer takes a connection from the pool, or waits until one is free, does the WORK, gives it back,
thinks for THINK_MS and comes again.

- computes: one statement that computes for a fraction of a millisecond.
- waits: one statement that sleeps for 20 ms. It stands for whatever needs no core: a disk, another service.
- sells: a transaction that reads the stock of an item, makes a price and writes the new stock. If somebody
  else has changed that row since it was read, PostgreSQL refuses (REPEATABLE READ), and the sale is begun
  again.
- locks: the same sale, but it locks the row when it reads it, so that nobody can come between.

It prints `ready`, begins when it has read a line, and prints JSON: of each visit when the customer came, when
it had its connection, when it left, and how often it tried. Times are ns of the monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg

SCHEMA = Path(__file__).with_name("schema.sql")
ROUNDS = 4000
ITEMS = 5

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = asyncio.LifoQueue[Connection]
Work = Callable[[Connection], Awaitable[int]]
Visit = tuple[int, int, int, int]


async def compute(connection: Connection) -> int:
    await connection.execute("SELECT price(%s)", (ROUNDS,))
    return 1


async def wait(connection: Connection) -> int:
    await connection.execute("SELECT pg_sleep(0.02)")
    return 1


async def sell(connection: Connection) -> int:
    """Sells one item; returns how many attempts that took."""
    item, attempts = random.randint(1, ITEMS), 0
    while True:
        attempts += 1
        try:
            await transaction(connection, item, "BEGIN ISOLATION LEVEL REPEATABLE READ", "")
            return attempts
        except psycopg.errors.SerializationFailure:
            await connection.rollback()


async def sell_locked(connection: Connection) -> int:
    await transaction(connection, random.randint(1, ITEMS), "BEGIN", "FOR UPDATE")
    return 1


async def transaction(connection: Connection, item: int, begin: str, how: str) -> None:
    await connection.execute(begin.encode())
    cursor = await connection.execute(f"SELECT stock FROM item WHERE id = %s {how}".encode(), (item,))
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute("SELECT price(%s)", (ROUNDS,))
    await connection.execute("UPDATE item SET stock = %s WHERE id = %s", (row[0] - 1, item))
    await connection.execute("COMMIT")


WORK: dict[str, Work] = {"computes": compute, "waits": wait, "sells": sell, "locks": sell_locked}


async def connect(dsn: str) -> Connection:
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    connection.prepare_threshold = 1  # A statement is planned once a connection.
    return connection


async def customer(pool: Pool, work: Work, think_s: float, end_ns: int, visits: list[Visit]) -> None:
    if think_s:
        await asyncio.sleep(random.uniform(0, think_s))  # They do not all come in step.
    while (came_ns := time.monotonic_ns()) < end_ns:
        connection = await pool.get()
        had_ns = time.monotonic_ns()
        try:
            attempts = await work(connection)
        finally:
            pool.put_nowait(connection)
        visits.append((came_ns, had_ns, time.monotonic_ns(), attempts))
        await asyncio.sleep(think_s)


async def main(dsn: str, size: int, customers: int, work: Work, think_s: float, duration_s: float) -> None:
    async with await connect(dsn) as first:
        await first.execute(SCHEMA.read_bytes())
    connections = await asyncio.gather(*(connect(dsn) for _ in range(size)))
    pool: Pool = asyncio.LifoQueue()
    # Each connection has seen and planned its statements before anything is measured.
    await asyncio.gather(*(work(connection) for connection in connections))
    for connection in connections:
        pool.put_nowait(connection)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    visits: list[Visit] = []
    start_ns = time.monotonic_ns()
    end_ns = start_ns + int(duration_s * 1e9)
    await asyncio.gather(*(customer(pool, work, think_s, end_ns, visits) for _ in range(customers)))
    await asyncio.gather(*(connection.close() for connection in connections))
    print(json.dumps({"start_ns": start_ns, "end_ns": end_ns, "visits": visits}))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(
        main(
            arguments[0],
            int(arguments[1]),
            int(arguments[2]),
            WORK[arguments[3]],
            float(arguments[4]) / 1e3,
            float(arguments[5]),
        )
    )
