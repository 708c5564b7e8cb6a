"""One sender tells N receivers, by calls or through a broker; one receiver joins, dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hinterland.lab import Assumption, Finding, History, LogReady, Outcome, Process, Trial, WitnessEvent, nats

SYSTEMS = Path(__file__).parent / "systems"
EVERY_MS = 10
QUIET_S, EVENT_S = 0.3, 0.25  # Before the event, and how long a receiver is away, or new.
PATIENCE_S, LATE_S = 10, 0.5


async def trial(t: Trial) -> None:
    t.phase("prepare")
    variant, count = t["variant"], int(t["receivers"])
    # A receiver that is called does not know how many others are called at the same time.
    how = variant.partition("_")[0]
    if how == "direct":
        names = [str(t.rig.free_port()) for _ in range(count + 1)]
        where: list[str] = []
    else:
        names = [f"receiver-{n}" for n in range(count + 1)]
        where = [(await t.start(nats(jetstream=variant == "jetstream"))).url]
    # The first is the one to which something happens, the last the one that joins later.
    first, *others, newcomer = names
    starting = [receivers(t, "first", how, *where, first)]
    if others:
        starting.append(receivers(t, "others", how, *where, *others))
    if t["event"] == "joins":
        starting.append(receivers(t, "newcomer", how, *where, newcomer, later=True))
    started = await asyncio.gather(*starting)
    # The sender has a list of those whom it calls; of those who subscribe it knows nothing.
    known = where or [first, *others]
    command = [SYSTEMS / "sender.py", variant, EVERY_MS, *known]
    sender = await t.rig.start(command, name="sender", waits=True)
    t.phase("measure")
    sender.tell()
    await asyncio.sleep(QUIET_S)
    await happen(t, started[0], started[-1])
    sender.tell()
    for process in (sender, *started[: 1 + bool(others)]):
        if await process.wait(PATIENCE_S) != 0:
            raise process.failure("did not finish.")
    if t["event"] == "joins":
        # It ends at the last notification, if it hears of it.
        with contextlib.suppress(TimeoutError):
            await started[-1].wait(LATE_S)
    t.phase("final")
    t.reading("sender", json.loads(sender.log().splitlines()[-1]))
    t.reading("received", {each.name: told(each) for each in started})


async def receivers(t: Trial, name: str, *words: str, later: bool = False) -> Process:
    """Starts a process of receivers and returns when they have joined, or wait to."""
    command: list[Any] = [SYSTEMS / "receivers.py", *(["--later"] if later else []), *words]
    ready = None if later else LogReady("ready")
    return await t.rig.start(command, name=name, ready=ready, waits=later)


async def happen(t: Trial, first: Process, newcomer: Process) -> None:
    """Kills the first receiver and starts it again, or stops it for a while, or lets another one join."""
    if t["event"] == "killed":
        await t.rig.kill(first)
        await asyncio.sleep(EVENT_S)
        await first.restart()
    elif t["event"] == "hung":
        await t.rig.pause(first)
        await asyncio.sleep(EVENT_S)
        await t.rig.resume(first)
    else:
        newcomer.tell()
        await asyncio.sleep(EVENT_S)


def told(process: Process) -> list[list[str]]:
    """Returns what receivers told of themselves, before they were killed and after."""
    lines = [line.split() for line in process.log_path.read_text().splitlines()]
    return [words for words in lines if words[:1] in (["joining"], ["joined"], ["received"])]


def outcome(h: History) -> Outcome:
    sent, cost = h.readings["sender"]["sent"], h.readings["sender"]["first"]
    due, begun, done, failed = np.array(sent, np.int64).T
    first = slice(0, int(cost["count"]))
    away_ns = window_ns(h)
    during = (due >= away_ns[0]) & (due < away_ns[1])
    metrics = {
        # The lower quartile: what else the machine did meanwhile lengthens some, and shortens none.
        "notify_us": float(np.percentile((done - begun)[first], 25)) / 1e3,
        "sent_bytes": cost["bytes"] / cost["count"],
        "sender_cpu_us": 1e6 * cost["cpu_s"] / cost["count"],
        "told_ms": told_ms(h, begun[first]),
    }
    if during.any():
        metrics["during_ms"] = float(np.median((done - due)[during])) / 1e6
    found, tries = findings(h, sent, away_ns)
    for kind in ("sender_failed", "missed", "unheard"):
        if tries.get(kind):
            metrics[kind] = 100 * sum(each.kind == kind for each in found) / tries[kind]
    return Outcome(
        metrics=metrics,
        findings=found,
        tries=tries,
        assumptions=(happened(h, int(during.sum())), undisturbed_before(h, begun, failed, cost)),
    )


def window_ns(h: History) -> tuple[int, int]:
    """Returns from when to when the receiver was away; for a newcomer, from its joining to the end."""
    last_ns = h.readings["sender"]["sent"][-1][0]
    faults = {event.stage: event.t_ns for event in h.events if event.kind == "fault"}
    match h.treatment["event"]:
        case "joins":
            return said_ns(h, "newcomer", "joined"), last_ns
        case "killed":
            # From `joining` on it may hear, though it has not said `joined` yet.
            return faults["effect"], said_ns(h, "first", "joining")
        case _:
            return faults["effect"], faults["end"]


def said_ns(h: History, name: str, word: str) -> int:
    """Returns when the receivers of a process said `joining` or `joined`, after their latest start."""
    return max(int(words[1]) for words in h.readings["received"][name] if words[0] == word)


def arrivals(h: History, name: str) -> dict[int, int]:
    """Returns when the receivers of one process had each notification, by its id: all of them."""
    found: dict[int, int] = {}
    for words in h.readings["received"].get(name, []):
        if words[0] == "received":
            number, t_ns = int(words[2]), int(words[3])
            found[number] = max(found.get(number, 0), t_ns)
    return found


def told_ms(h: History, begun: Any) -> float:
    """Returns how long a notification took until the last of the receivers had it, in the median."""
    one, rest = arrivals(h, "first"), arrivals(h, "others")
    took = [
        max(one[place + 1], rest.get(place + 1, 0)) - t_ns
        for place, t_ns in enumerate(begun.tolist())
        if place + 1 in one
    ]
    return float(np.median(took)) / 1e6 if took else float("nan")


def findings(
    h: History, sent: Sequence[Sequence[int]], away_ns: tuple[int, int]
) -> tuple[tuple[Finding, ...], dict[str, int]]:
    """Returns what went wrong with the notifications of the window, and how often it could have."""
    # A call that was under way when the window began or ended could go either way; so could the last.
    inside = [n for n, row in enumerate(sent[:-1], 1) if away_ns[0] <= row[1] and row[2] <= away_ns[1]]
    found: list[Finding] = []
    if h.treatment["event"] == "joins":
        heard = arrivals(h, "newcomer")
        found += [story(h, "unheard", n, sent[n - 1], away_ns) for n in inside if n not in heard]
        return tuple(found), {"unheard": len(inside)}
    had = arrivals(h, "first")
    found += [story(h, "sender_failed", n, sent[n - 1], away_ns) for n in inside if sent[n - 1][3]]
    if h.treatment["event"] != "killed":
        return tuple(found), {"sender_failed": len(inside)}
    found += [story(h, "missed", n, sent[n - 1], away_ns) for n in inside if n not in had]
    return tuple(found), {"sender_failed": len(inside), "missed": len(inside)}


def story(h: History, kind: str, number: int, row: Sequence[int], away_ns: tuple[int, int]) -> Finding:
    """Tells what became of one notification."""
    begun_ms = {"killed": "is killed", "hung": "is stopped", "joins": "joins"}[str(h.treatment["event"])]
    who = "newcomer" if kind == "unheard" else "receiver 1"
    start_ns = h.readings["sender"]["sent"][0][0]

    def at(t_ns: int, actor: str, what: str) -> WitnessEvent:
        return WitnessEvent((t_ns - start_ns) / 1e6, actor, what)

    said = "could not tell one receiver" if row[3] else "is done, and knows of no failure"
    events = [at(away_ns[0], who, begun_ms), at(row[1], "sender", f"sends notification {number}")]
    events.append(at(row[2], "sender", said))
    says = {"sender_failed": "the sender met an error", "missed": "never reached the receiver that was down"}
    if kind != "sender_failed":
        events.append(at(away_ns[1], who, f"is there, and never receives notification {number}"))
    what = says.get(kind, "never reached the receiver that had joined")
    return Finding(kind, f"notification {number}", f"notification {number}: {what}", tuple(events))


def happened(h: History, during: int) -> Assumption:
    """Decides whether notifications were due while the receiver was away, or new."""
    return Assumption(
        id="it_happened",
        says="a receiver joined, died or hung as asked, with at least ten notifications due then",
        held=during >= 10,
        measured=f"{during} notifications",
    )


def undisturbed_before(h: History, begun: Any, failed: Any, cost: dict[str, Any]) -> Assumption:
    """Decides whether the first notifications, by which the cost is measured, reached everybody."""
    count, away = int(cost["count"]), window_ns(h)[0]
    missing = sum(n not in arrivals(h, "first") for n in range(1, count + 1))
    early = int((begun[:count] < away).sum())
    return Assumption(
        id="undisturbed_before",
        says="the notifications that were measured went out before anything happened and reached everybody",
        held=early == count and missing == 0 and not failed[:count].any(),
        measured=f"{early} of {count} before, {missing} missing, {int(failed[:count].sum())} failed",
    )
