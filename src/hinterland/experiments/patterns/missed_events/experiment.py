"""Cuts the link between a feed and its clients, and counts what they have in the end."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from hinterland.lab import Assumption, Finding, History, HttpClient, LogReady, Outcome, Trial, WitnessEvent

SYSTEMS = Path(__file__).parent / "systems"
PORT = 8080
CUT_AT_S, AFTER_S = 0.1, 0.2  # From the first event to the cut; from its end to the last event.
PATIENCE_S = 10
LADDER_PACKETS = 500


async def trial(t: Trial) -> None:
    t.phase("prepare")
    link = await t.rig.link(rtt_ms=2, packets=True, packets_limit=LADDER_PACKETS)
    address = link.server.address
    server = [SYSTEMS / "server.py", address, PORT, t["resume"]]
    asked = [address, PORT, t["variant"], t["clients"], t["patience_ms"] / 1e3]
    # The clients knock until the server is there.
    _, clients = await asyncio.gather(
        t.rig.start(server, name="server", host=link.server, port=PORT),
        t.rig.start(
            [SYSTEMS / "clients.py", *asked], name="clients", host=link.client, ready=LogReady("ready")
        ),
    )
    cut_s = t["cut_ms"] / 1e3
    # The newsroom is on the server's side of the cut.
    async with HttpClient(address, PORT, new_socket=link.server.socket) as newsroom:
        t.phase("measure")
        count = round(t["rate_per_s"] * (CUT_AT_S + cut_s + AFTER_S))
        await newsroom.post("/publish", json={"count": count, "every_ms": 1e3 / t["rate_per_s"]})
        await asyncio.sleep(CUT_AT_S)
        if cut_s:
            await link.partition()
            await asyncio.sleep(cut_s)
            await link.heal()
        if await clients.wait(PATIENCE_S) != 0:
            raise clients.failure("did not finish.")
        t.phase("final")
        archive = (await newsroom.get("/archive")).json()
    t.reading("published_ns", [event["published_ns"] for event in archive])
    t.reading("clients", json.loads(clients.log().splitlines()[-1]))


def outcome(h: History) -> Outcome:
    published_ns, clients = h.readings["published_ns"], h.readings["clients"]
    cut_ns = cuts_ns(h)
    found: list[Finding] = []
    tries = 0
    for place, client in enumerate(clients):
        received = Counter(number for number, _ in client["received"])
        begun, ended = away_ns(client, cut_ns)
        tries += sum(begun <= t_ns <= ended for t_ns in published_ns)
        for number in range(1, len(published_ns) + 1):
            if received[number] != 1:
                kind = "came_twice" if received[number] else "missed"
                found.append(finding(kind, place, number, client, published_ns, cut_ns))
    missed = sum(each.kind == "missed" for each in found)
    gave_up = sum(bool(client["gave_up_ns"]) for client in clients)
    metrics = {
        "missed_events": missed / len(clients),
        "came_twice": (len(found) - missed) / len(clients),
        "gave_up": float(np.mean([len(client["gave_up_ns"]) for client in clients])),
        **back_ms(clients, cut_ns),
    }
    if h.treatment["resume"] == "none" and int(h.treatment["patience_ms"]) < int(h.treatment["cut_ms"]):
        metrics["published_in_cut"] = float(h.treatment["rate_per_s"]) * float(h.treatment["cut_ms"]) / 1e3
    return Outcome(
        metrics=metrics,
        findings=tuple(found),
        tries={"missed": tries, "came_twice": tries},
        assumptions=(cut_was_felt(h, gave_up, len(clients), tries), all_there(clients, len(published_ns))),
    )


def cuts_ns(h: History) -> tuple[int, int]:
    """Returns when the link was cut and healed, twice 0 where it never was."""
    stages = {
        event.stage: event.t_ns for event in h.events if event.kind == "fault" and event.name == "partition"
    }
    return stages.get("effect", 0), stages.get("end", 0)


def away_ns(client: dict[str, Any], cut_ns: tuple[int, int]) -> tuple[int, int]:
    """Returns from when to when a client was cut off: until it had joined again, or the link was whole."""
    back = [t_ns for t_ns in client["joined_ns"] if t_ns > cut_ns[0] > 0]
    return cut_ns[0], max([cut_ns[1], *back[-1:]])


def back_ms(clients: list[dict[str, Any]], cut_ns: tuple[int, int]) -> dict[str, float]:
    """Returns how long after the end of the cut a client had its next event, in the median."""
    later = [[t_ns for _, t_ns in client["received"] if t_ns > cut_ns[1]] for client in clients]
    if not cut_ns[1] or not all(later):
        return {}
    return {"back_ms": float(np.median([min(each) - cut_ns[1] for each in later])) / 1e6}


def finding(
    kind: str,
    place: int,
    number: int,
    client: dict[str, Any],
    published_ns: list[int],
    cut_ns: tuple[int, int],
) -> Finding:
    """Tells of an event that a client never had, or had more than once."""
    start_ns = published_ns[0]

    def at(t_ns: int, who: str, what: str) -> WitnessEvent:
        return WitnessEvent((t_ns - start_ns) / 1e6, who, what)

    who = f"client {place + 1}"
    story = [at(published_ns[number - 1], "server", f"publishes event {number}")]
    if cut_ns[0]:
        story += [at(cut_ns[0], "link", "is cut"), at(cut_ns[1], "link", "is whole again")]
    arrivals = [t_ns for got, t_ns in client["received"] if got == number]
    story += [at(t_ns, who, f"receives event {number}") for t_ns in arrivals[:2]]
    after = next(((got, t_ns) for got, t_ns in client["received"] if t_ns > max(cut_ns[1], 1)), None)
    if kind == "missed" and after is not None:
        story.append(at(after[1], who, f"is back, and receives event {after[0]} next"))
    how = "never came" if kind == "missed" else f"came {len(arrivals)} times"
    story.sort(key=lambda event: event.t_ms)
    return Finding(
        kind=kind, key=f"{who}, event {number}", says=f"event {number} {how}", witness=tuple(story)
    )


def cut_was_felt(h: History, gave_up: int, count: int, tries: int) -> Assumption:
    """Decides whether the cut did to the clients what the treatment is about."""
    cut_ms, patience_ms = int(h.treatment["cut_ms"]), int(h.treatment["patience_ms"])
    wanted = count if patience_ms < cut_ms else 0
    return Assumption(
        id="cut_was_felt",
        says="all gave their connection up where the cut outlasts their patience, and none did elsewhere",
        held=gave_up == wanted and (tries > 0) == (cut_ms > 0),
        measured=f"{gave_up} of {count} gave up, {tries} chances to miss an event",
    )


def all_there(clients: list[dict[str, Any]], last: int) -> Assumption:
    """Decides whether every client was there at the end: what came later can't have been waited for."""
    there = sum(any(number == last for number, _ in client["received"]) for client in clients)
    return Assumption(
        id="there_at_the_end",
        says="every client received the last event",
        held=there == len(clients),
        measured=f"{there} of {len(clients)}",
    )
