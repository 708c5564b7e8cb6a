"""Orders pictures that take their time: waits for each, polls with a ticket, or is called back."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median

from hinterland.lab import (
    Assumption,
    Finding,
    History,
    HttpClient,
    Operation,
    Operations,
    Outcome,
    Response,
    Trial,
    WitnessEvent,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST, WORKERS = "127.0.0.1", 6
PATIENCE_S = 0.3  # So long a client waits for the answer to one request.
LAST_S = 10.0  # So long the work of a trial may go on.
ALONE = 6  # How many orders a lone client gives, one after the other.


async def trial(t: Trial) -> None:
    t.phase("prepare")
    port, own_port = t.rig.free_port(), t.rig.free_port()
    await asyncio.gather(
        t.rig.start([SYSTEMS / "server.py", port, WORKERS], name="server", port=port),
        t.rig.start([SYSTEMS / "receiver.py", own_port], name="receiver", port=own_port),
    )
    orders = t["clients"] if t["clients"] > 1 else ALONE
    async with HttpClient(HOST, port, timeout_s=PATIENCE_S) as server, HttpClient(HOST, own_port) as own:
        places = asyncio.Semaphore(t["clients"])
        t.phase("measure")
        await asyncio.gather(*(Order(t, number, server, own).give(places) for number in range(orders)))
        t.phase("settle")
        # Work that nobody waits for goes on all the same.
        t.reading("report", (await server.get("/report?when=idle", timeout_s=LAST_S)).json())


class Order:
    """One picture that a client orders. Every request for it is an operation of the history."""

    def __init__(self, t: Trial, number: int, server: HttpClient, own: HttpClient) -> None:
        self.operations: Operations = t.operations
        self.variant, self.interval_s = t["variant"], t["interval_ms"] / 1e3
        self.number, self.server, self.own = number, server, own
        # Nobody works in step with the polls: else all would be done just before one, or just after.
        luck = random.Random(f"{t.seed} {number}")
        self.asks = f"work_ms={t['work_ms'] * luck.uniform(0.5, 1.5):.3f}"
        self.first_s = luck.uniform(0, self.interval_s)

    async def give(self, places: asyncio.Semaphore) -> None:
        """Gives the order and returns when its result is known, or the client has given up."""
        async with places:
            if self.variant == "synchronous":
                await self.request("order", "POST", f"/render?{self.asks}")
            elif self.variant == "polling":
                await self.poll(await self.request("order", "POST", f"/jobs?{self.asks}"))
            else:
                hook = f"http://{HOST}:{self.own.port}/hook"
                ticket = await self.request("order", "POST", f"/jobs?{self.asks}&callback={hook}")
                if ticket.outcome == "ok":
                    await self.request("heard", "GET", f"/heard/{ticket.result['body']['job']}")

    async def poll(self, ticket: Operation) -> None:
        """Asks on a schedule how the order stands, until it is done."""
        pause_s = self.first_s
        while ticket.outcome == "ok":
            await asyncio.sleep(pause_s)
            pause_s = self.interval_s
            told = await self.request("poll", "GET", f"/jobs/{ticket.result['body']['job']}")
            if told.outcome == "ok" and told.result["body"]["state"] == "done":
                return

    async def request(self, kind: str, method: str, path: str) -> Operation:
        client = self.own if kind == "heard" else self.server

        async def call() -> Response:
            return await client.request(method, path)

        return await self.operations.perform(
            kind, f"order {self.number}", client=self.number, call=call, writes=method == "POST"
        )


def outcome(h: History) -> Outcome:
    orders: dict[str, list[Operation]] = defaultdict(list)
    for one in h.operations:
        orders[one.key].append(one)
    done_ns = {int(job): moment for job, moment in h.readings["report"]["jobs"].items()}
    heard = {key: known for key, asked in orders.items() if (known := heard_ns(asked)) is not None}
    given_up = [asked for key, asked in orders.items() if key not in heard]
    # A call back is a request, too, in the other direction.
    called = len(heard) if h.treatment["variant"] == "callback" else 0
    requests = sum(one.kind != "heard" for one in h.operations) + called
    metrics = {
        "first_answer_ms": median(first_answer_ms(asked[0]) for asked in orders.values()),
        "held": h.readings["report"]["most_held"],
        "requests": requests / len(orders),
        "gave_up": 100 * len(given_up) / len(orders),
        "wasted": 100 * (len(done_ns) - len(heard)) / max(len(done_ns), 1),
        "half_interval_ms": float(h.treatment["interval_ms"]) / 2,
    }
    if heard:
        late = [known - done_ns[job(orders[key])] for key, known in heard.items()]
        metrics["heard_after_ms"] = fmean(late) / 1e6
    if not given_up:
        metrics["result_ms"] = median(known - orders[key][0].sent_ns for key, known in heard.items()) / 1e6
    all_done = Assumption(
        id="all_done",
        says="the server did all the work, and tickets were given for every order but those given up",
        held=all(done_ns.values()) and len(heard) + len(given_up) == len(orders) and bool(heard),
        measured=f"{len(done_ns)} jobs, {len(heard)} results, {len(given_up)} given up",
    )
    return Outcome(
        metrics=metrics,
        findings=tuple(map(gave_up, given_up)),
        tries={"gave_up": len(orders)},
        assumptions=(all_done,),
    )


def heard_ns(asked: list[Operation]) -> int | None:
    """Returns when the client knew the result, None if it gave up before."""
    last = asked[-1]
    if last.outcome != "ok" or not (last.kind == "heard" or last.result["body"]["done_ns"]):
        return None
    return int(last.result["body"]["heard_ns"]) if last.kind == "heard" else last.done_ns


def job(asked: list[Operation]) -> int:
    """Returns the number that the server gave to an order."""
    return int(asked[0].result["body"]["job"])


def first_answer_ms(one: Operation) -> float:
    """Returns how long a client waited for the first answer; who gave up has waited for all its patience."""
    return (one.done_ns - one.sent_ns) / 1e6 if one.outcome == "ok" else PATIENCE_S * 1e3


def gave_up(asked: list[Operation]) -> Finding:
    first = asked[0]
    return Finding(
        kind="gave_up",
        key=first.key,
        says=f"the client gave up on {first.key}: {first.error or 'no result'}",
        witness=(
            WitnessEvent(0.0, "client", f"sends {first.key} and waits for the answer"),
            WitnessEvent(
                PATIENCE_S * 1e3, "client", "gives up and closes the connection; the server works on"
            ),
        ),
    )
