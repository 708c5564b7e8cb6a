"""Visitors ask who answers them; then one worker stops, and a crowd knocks."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from pathlib import Path
from typing import Any

from hinterland.lab import (
    UNFINISHED,
    Assumption,
    Finding,
    History,
    Operation,
    Outcome,
    Process,
    Trial,
    Unanswered,
    Where,
    WitnessEvent,
    nginx,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST, VISITS, KNOCKS = "127.0.0.1", 200, 600
PATIENCE_S = 0.3  # When nobody was answered for so long, those who wait are counted.
SLICES = 15  # It is spent in so many parts: a stall, or the start of so many clients, takes one of them.
END_S = 3.0  # So long what becomes of them is watched.
REQUEST = b"GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n"


async def trial(t: Trial) -> None:
    t.phase("prepare")
    port = t.rig.free_port()
    server = await start_server(t, port)
    t.phase("measure")
    visits = [await visit(t, "visit", number, port) for number in range(VISITS)]
    busiest = int(Counter(each.result for each in visits if each.outcome == "ok").most_common(1)[0][0])
    if t["stall"] == "paused":
        await t.rig.pause(server, only=busiest)
    knocks = {asyncio.create_task(visit(t, "knock", number, port)) for number in range(KNOCKS)}
    left = await until_silent(knocks)
    t.note("looked", worker=busiest)
    if t["stall"] == "paused":
        await t.rig.kill(server, only=busiest)
    if left:
        await asyncio.wait(left, timeout=END_S)
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def start_server(t: Trial, port: int) -> Process:
    """Starts the program of this treatment, which serves `port` in its way."""
    if t["program"] == "nginx":
        door = (SYSTEMS / "nginx.conf").read_text().replace("PORT", str(port))
        door = door.replace("HOW", "reuseport" if t["way"] == "reuseport" else "")
        site = await t.start(nginx("location / { return 204; }", workers=t["workers"], http=door))
        process: Process = site.process
        return process
    command = [SYSTEMS / "server.py", port, t["way"], t["waits"], t["workers"]]
    return await t.rig.start(command, name="server", port=port)


async def visit(t: Trial, kind: str, number: int, port: int) -> Operation:
    """Connects, asks and hears the number of the process that answers."""
    loop = asyncio.get_running_loop()

    async def ask() -> Any:
        with socket.socket() as its:
            its.setblocking(False)
            await loop.sock_connect(its, (HOST, port))
            await loop.sock_sendall(its, REQUEST)
            answer = b""
            while received := await loop.sock_recv(its, 4096):
                answer += received
        if not answer:
            raise Unanswered("closed")
        return "ok", int(answer.rpartition(b"\r\n\r\n")[2])

    return await t.operations.perform(kind, str(number), client=number, call=ask, writes=False)


async def until_silent(knocks: set[asyncio.Task[Operation]]) -> set[asyncio.Task[Operation]]:
    """Returns those who still wait when for PATIENCE_S nobody was answered."""
    left, silent = set(knocks), 0
    while left and silent < SLICES:
        answered, left = await asyncio.wait(
            left, timeout=PATIENCE_S / SLICES, return_when=asyncio.FIRST_COMPLETED
        )
        silent = 0 if answered else silent + 1
    return left


def outcome(h: History) -> Outcome:
    looked = next(event for event in h.events if event.name == "looked")
    visits = [each for each in h.operations if each.kind == "visit"]
    knocks = sorted((each for each in h.operations if each.kind == "knock"), key=lambda one: one.client)
    served = Counter(each.result for each in visits if each.outcome == "ok")
    left = [each for each in knocks if each.outcome != "ok" or each.done_ns > looked.t_ns]
    cut_off = [each for each in left if each.error in ("reset", "closed")]
    metrics = {
        "busiest_share": max(served.values(), default=0) / len(visits),
        "left_share": len(left) / len(knocks),
        "cut_off": float(len(cut_off)),
        "answered_late": float(sum(each.outcome == "ok" for each in left)),
    }
    wrong = 0
    if (expected := computed_left(h.treatment)) is not None:
        metrics["computed_left"] = expected
        wrong = abs(len(left) - round(expected * len(knocks)))
    start_ns = min(each.sent_ns for each in knocks)
    answered = len(knocks) - len(left)
    return Outcome(
        metrics=metrics,
        findings=(
            *(left_waiting(each, start_ns, looked.t_ns, answered) for each in left),
            *(hung_up(each, start_ns, looked.t_ns) for each in cut_off),
            *(another_number(len(left), len(knocks), place) for place in range(wrong)),
        ),
        tries=dict.fromkeys(("left_waiting", "cut_off", "another_number"), len(knocks)),
        assumptions=(everybody_was_served(visits, served),),
    )


def computed_left(treatment: Where) -> float | None:
    """Returns which share of a crowd belongs to the stopped worker. None where nobody belongs to anybody."""
    match treatment["way"]:
        case "one":
            return 1.0
        case "shared":
            return None
        case _:
            return 1 / int(treatment["workers"])


def left_waiting(knock: Operation, start_ns: int, looked_ns: int, answered: int) -> Finding:
    who = f"client {knock.client + 1}"
    return Finding(
        kind="left_waiting",
        key=who,
        says=f"{who} is connected, and waits though three workers have nothing to do",
        witness=(
            WitnessEvent((knock.sent_ns - start_ns) / 1e6, who, "connects and asks"),
            WitnessEvent(
                (looked_ns - start_ns) / 1e6, who, f"still waits; {answered} others have been answered"
            ),
        ),
    )


def hung_up(knock: Operation, start_ns: int, looked_ns: int) -> Finding:
    who = f"client {knock.client + 1}"
    end_ns = looked_ns if knock.done_ns == UNFINISHED else knock.done_ns
    return Finding(
        kind="cut_off",
        key=who,
        says=f"{who} never had an answer: its connection ended with the worker ({knock.error})",
        witness=(
            WitnessEvent((knock.sent_ns - start_ns) / 1e6, who, "connects and asks"),
            WitnessEvent((looked_ns - start_ns) / 1e6, "worker", "is killed, and its queue goes with it"),
            WitnessEvent((end_ns - start_ns) / 1e6, who, f"is told that the connection is {knock.error}"),
        ),
    )


def another_number(left: int, knocks: int, place: int) -> Finding:
    says = f"{left} of {knocks} clients are left waiting, which is not the share of one worker"
    return Finding(
        kind="another_number",
        key=f"client {place + 1} too few or too many",
        says=says,
        witness=(
            WitnessEvent(0.0, "clients", "connect and ask, all at once"),
            WitnessEvent(PATIENCE_S * 1e3, "clients", says),
        ),
    )


def everybody_was_served(visits: list[Operation], served: Counter[Any]) -> Assumption:
    """A server that does not answer in calm weather proves nothing."""
    return Assumption(
        id="served",
        says="before anything stopped, every visitor was answered",
        held=served.total() == len(visits) > 0,
        measured=f"{served.total()} of {len(visits)}, by {len(served)} workers",
    )
