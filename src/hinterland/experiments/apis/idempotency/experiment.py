"""Pays orders twice in every way that happens, kills the server in every gap, and counts charges per order.

An order's name begins with the manner in which it is paid: `in_turn`, `at_once`, `when_slow`, `after_kill`,
or `lent` and `borrowed` where two orders come with one key; `first` only shows the steps.
"""

from __future__ import annotations

import asyncio
import sqlite3
from statistics import fmean, median
from typing import Any

from msgspec.structs import replace

from hinterland.lab import (
    History,
    HttpClient,
    Outcome,
    Planned,
    Process,
    StepPoints,
    TcpReady,
    Trial,
    assume,
    charges,
    classify,
    overlapped,
    postgresql,
    redis,
    until_ready,
)

IN_TURN, AT_ONCE, WHEN_SLOW, AFTER_KILL, BORROWED = 60, 60, 18, 6, 5
CLICK_S = 0.03  # A client's patience with a slow handler.
SLOW_S = 0.12  # For so long a slow handler is held after its client gave up: more than its lock lives.
TRIES, PAUSE_S = 13, 0.015  # How often, and with what pauses, a client tries again: a lock lives less long.
MANNERS = ("in_turn", "at_once", "when_slow", "after_kill")


async def trial(t: Trial) -> None:
    t.phase("prepare")
    keys = (await t.start(redis())).url if t["variant"] == "key_in_redis" else ""
    database = str(t.scratch / "shop.db")
    if t["database"] == "postgresql":
        database = (await t.start(postgresql())).dsn
    steps = t.rig.step_points()
    port = t.rig.free_port()
    command = ["payments.py", "--variant", t["variant"], "--database", database, "--redis", keys]
    command += ["--port", port]
    server = await t.start(*command, port=port, env=steps.environment)
    async with HttpClient("127.0.0.1", port) as http:
        till = Till(t, http)
        await till.pay("first-000")
        path = list(steps.seen)  # The steps of one ordinary payment, in their order.
        t.reading("steps", path)
        t.phase("measure")
        await pay_twice(till)
        # One for each kill. They start while clients are kept waiting, so that nobody waits for their start.
        standbys = asyncio.gather(*(standby(t, command, port, steps) for _ in path))
        await pay_during_each_step(till, steps, path)
        await pay_slowly(till, steps, path[1])
        for step, successor in zip(path, await standbys, strict=True):
            await kill_after(step, t, till, steps, server)
            await take_over(successor)
            server = successor
        t.phase("settle")
        await asyncio.gather(*map(till.insist, till.unanswered()))
        await http.get("/idle")
        # On a slow machine they may have been in each other's way all the time. Who is alone is in nobody's.
        for order in till.unanswered():
            await till.pay(order)
    t.phase("final")
    t.reading("charges", charges_in(database))


async def pay_twice(till: Till) -> None:
    """Double submits, one after the other and at once; then keys used again by another order or shop."""
    in_turn, at_once = named("in_turn", IN_TURN), named("at_once", AT_ONCE)
    lent = named("lent", BORROWED)
    for orders in (in_turn, in_turn, [order for order in at_once for _ in range(2)], lent):
        await till.all([till.attempt(order) for order in orders])
    await till.all([till.attempt(f"borrowed-{order}", key=order) for order in lent])
    await till.all([till.attempt(f"borrowed-b-{order}", key=order, shop="shop_b") for order in lent])


async def pay_during_each_step(till: Till, steps: StepPoints, path: list[str]) -> None:
    """A second click while the first is held after each step in turn: no overlap is left to luck."""
    for step in path:
        [order] = named(f"at_once-{step}", 1)
        gate = steps.reached(step)
        first = asyncio.create_task(till.pay(order))
        await gate
        await till.pay(order)
        gate.release()
        await first


async def pay_slowly(till: Till, steps: StepPoints, step: str) -> None:
    """Handlers held after `step` for longer than their clients wait and than any lock lives; and retries."""
    orders = named("when_slow", WHEN_SLOW)
    gates = [steps.reached(step) for _ in orders]
    await till.all([till.attempt(order, timeout_s=CLICK_S) for order in orders], clients=WHEN_SLOW)
    retries = asyncio.gather(*map(till.insist, orders))
    await asyncio.wait([retries], timeout=SLOW_S)
    for gate in gates:
        gate.release()
    await retries
    await till.http.get("/idle")  # The slow handlers themselves go on to their end.


async def kill_after(step: str, t: Trial, till: Till, steps: StepPoints, server: Process) -> None:
    """Kills the server while a payment is held after `step` and others are under way."""
    orders = named(f"after_kill-{step}", AFTER_KILL)
    gates = [steps.reached(step) for _ in orders]
    clicks = asyncio.create_task(till.all([till.attempt(order) for order in orders]))
    await gates[0]
    t.note("held", step=step)
    await t.rig.kill(server)
    await clicks
    steps.release()


async def standby(t: Trial, command: list[Any], port: int, steps: StepPoints) -> Process:
    """Starts another server, which listens when it takes over."""
    return await t.start(*command, "--standby", port=port, env=steps.environment, waits=True)


async def take_over(server: Process) -> None:
    """Lets a standby serve, and returns when it does."""
    server.tell()
    await until_ready(server, TcpReady())


class Till:
    """Sends payments, and knows which orders still wait for an answer."""

    def __init__(self, t: Trial, http: HttpClient) -> None:
        self.operations = t.operations
        self.http = http
        self.answered: dict[str, bool] = {}

    def attempt(self, order: str, *, key: str = "", shop: str = "shop_a", timeout_s: float = 5.0) -> Planned:
        """Returns an attempt to pay an order. The key is the order's own name unless another is given."""
        asked = {"order": order, "amount_cents": 1000 + int(order[-3:])}
        headers = {"Idempotency-Key": key or order, "Tenant": shop}

        async def call(client: int) -> Any:
            response = await self.http.post("/payments", headers=headers, json=asked, timeout_s=timeout_s)
            outcome, result = classify(response)
            return outcome, {**result, "replayed": "idempotent-replayed" in response.headers}

        return Planned(kind="pay", key=key or order, call=call, argument={**asked, "tenant": shop})

    async def all(self, attempts: list[Planned], *, clients: int = 8) -> None:
        """Makes the attempts, as many at a time as there are clients."""
        for made in await self.operations.all(attempts, clients=clients):
            order = made.argument["order"]
            self.answered[order] = self.answered.get(order, False) or made.ok

    async def pay(self, order: str) -> None:
        """Makes one attempt to pay an order."""
        await self.all([self.attempt(order)])

    async def insist(self, order: str) -> None:
        """Pays an order as a careful client does: the same key again and again, until answered or tired."""
        for _ in range(TRIES):
            if self.answered[order]:
                return
            await self.pay(order)
            await asyncio.sleep(PAUSE_S)

    def unanswered(self) -> list[str]:
        """Returns the orders never acknowledged, but for those whose key belongs to another order."""
        return [order for order, done in self.answered.items() if not done and manner(order) != "borrowed"]


def charges_in(database: str) -> list[dict[str, Any]]:
    """Returns every charge, read from the database itself and not through the server."""
    if database.startswith("postgresql"):
        import psycopg

        connection: Any = psycopg.connect(database)
    else:
        connection = sqlite3.connect(database)
    rows = connection.execute("SELECT id, tenant, order_id, amount_cents FROM charges").fetchall()
    connection.close()
    return [dict(zip(("id", "tenant", "order", "amount_cents"), row, strict=True)) for row in rows]


def outcome(h: History) -> Outcome:
    """Judges a trial by the charges checker; a double charge is named after the manner of its order."""
    could = charges.exposed(h)
    findings = tuple(
        replace(one, kind=f"double_charge_{manner(one.key)}") if one.kind == "double_charge" else one
        for one in charges.check(h)
    )
    tries = {f"double_charge_{each}": count(could["double_charge"], each) for each in MANNERS}
    tries["lost_charge"] = count(could["lost_charge"], "after_kill")
    tries |= {kind: len(could[kind]) for kind in ("stuck_key", "wrong_replay")}
    percent = {
        kind: 100 * sum(one.kind == kind for one in findings) / max(tried, 1) for kind, tried in tries.items()
    }
    metrics = {f"charged_twice_{each}": percent[f"double_charge_{each}"] for each in MANNERS}
    metrics |= {f"{kind}s": percent[kind] for kind in ("lost_charge", "stuck_key", "wrong_replay")}
    held = [event.detail["step"] for event in h.events if event.kind == "note" and event.name == "held"]
    every_gap = assume(
        f"the server was killed after each of its steps: {', '.join(h.readings['steps'])}",
        held == h.readings["steps"],
        f"killed after {', '.join(held)}",
        name="every_gap_hit",
    )
    return Outcome({**metrics, **effort(h)}, findings, tries, (every_gap, overlapped(h)))


def effort(h: History) -> dict[str, float]:
    """Returns how often and how long customers had to ask until they were answered."""
    retries, waits_ms = [], []
    for order in charges.orders(h):
        if manner(order.name) == "after_kill":
            retries.append(len(order.attempts) - 1)
        answered_ns = [one.done_ns for one in order.attempts if one.ok]
        if manner(order.name) == "at_once" and answered_ns:
            waits_ms.append((min(answered_ns) - order.attempts[0].sent_ns) / 1e6)
    return {"retries": fmean(retries), "answer_ms": median(waits_ms)}


def named(manner: str, count: int) -> list[str]:
    return [f"{manner}-{n:03}" for n in range(count)]


def manner(order: str) -> str:
    return order.partition("-")[0]


def count(orders: tuple[str, ...], wanted: str) -> int:
    return sum(manner(order) == wanted for order in orders)
