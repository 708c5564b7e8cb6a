"""Moves shops to another address while visitors come, and times how long each still goes to the old one.

Four hosts on a star: the visitors with their resolver, the authority of the zone, the old and the new shop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import dns.query
import dns.rcode
import dns.update
import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    UNFINISHED,
    Argument,
    Assumption,
    Finding,
    History,
    HostLink,
    HostSettings,
    LoadSample,
    LogReady,
    Outcome,
    Process,
    RecordedLink,
    Shape,
    SystemFailure,
    Trial,
    Where,
    WitnessEvent,
    find_program,
    nginx,
    until_ready,
)

SYSTEMS = Path(__file__).parent / "systems"
NAMES = tuple(f"shop{number}.example" for number in range(1, 9))
PORT = 8080
LOOPBACK = "127.0.0.1"
AWAY_MS = 5  # One way to the authority; everything else is near.
GRACE_S = 1.0  # Caches count whole seconds: so much longer than its TTL an address may live.
AT_ONCE_MS = 300  # Well above the time that a question and a request take, well below a second.
LONGEST_WARM_UP_MS = 400  # A resolver's answer older than that may end less than AT_ONCE_MS after the change.
OUTAGE = 10  # So many failed requests of one visitor are more than the moment of the failover itself.
REST_S = 0.2  # So much longer again a trial watches those who never move.

SAYS_READY = {"dnspython": "^ready", "unbound": "start of service", "dnsmasq": "started, version"}


@dataclass(frozen=True, slots=True)
class Town:
    """What runs: the star of hosts, the zone's authority, the visitors, their resolver, and the old shop."""

    star: RecordedLink
    authority: Process
    resolver: Process
    visitors: Process
    old: Process


async def trial(t: Trial) -> None:
    t.phase("prepare")
    town = await build(t)
    proxy = await start_proxy(t, town)
    visitors = town.visitors
    visitors.tell("come")
    await until_ready(visitors, LogReady("^warm"))
    t.phase("measure")
    t.note("changed")
    if t["change"] == "failover":
        await t.rig.kill(town.old)
    move(town)
    if t["change"] == "reload":
        told = proxy or (visitors if t["variant"] == "kept" else town.resolver)
        os.kill(told.pid, signal.SIGHUP)
    await visitors.wait(timeout_s=t["ttl_s"] + 10)
    t.phase("final")
    t.loaded("visits", visits(visitors.log()))
    t.reading("questions", sum(line.startswith("asked") for line in town.authority.log().splitlines()))


async def build(t: Trial) -> Town:
    """Starts everything but nginx. The resolver lives on the visitors' own host, as a laptop's does."""
    away = Shape(delay_ms=AWAY_MS)
    star = await t.rig.star(
        {
            "visitors": HostLink(settings=HostSettings(nameserver=LOOPBACK)),
            "authority": HostLink(up=away, down=away),
            "old": HostLink(),
            "new": HostLink(),
        }
    )
    shops = [
        t.rig.start(
            [SYSTEMS / "shop.py", star[name].address, PORT, name], name=name, port=PORT, host=star[name]
        )
        for name in ("old", "new")
    ]
    at = star["authority"].address
    authority = t.rig.start(
        [SYSTEMS / "authority.py", at, 53, *NAMES, "--ttl", t["ttl_s"], "--address", star["old"].address],
        name="authority",
        ready=LogReady("^ready"),
        host=star["authority"],
    )
    resolver = start_resolver(t, star, at)
    return Town(star, *(await asyncio.gather(authority, resolver, invite(t, star), *shops))[:4])


async def start_resolver(t: Trial, star: RecordedLink, authority: str) -> Process:
    """Starts the caching resolver at 127.0.0.1 of the visitors' host."""
    name = t["resolver"]
    if name == "dnspython":
        command: list[Argument] = [SYSTEMS / "forwarder.py", LOOPBACK, 53, "--ask", authority]
    else:
        configuration = t.rig.folder(name) / f"{name}.conf"
        text = (SYSTEMS / f"{name}.conf").read_text()
        configuration.write_text(text.replace("AUTHORITY", authority).replace("ADDRESS", LOOPBACK))
        # Both stay in the foreground, and read that file.
        command = [str(find_program(name)), "-d", "-c" if name == "unbound" else "-C", configuration]
    return await t.rig.start(command, name=name, ready=LogReady(SAYS_READY[name]), host=star["visitors"])


async def start_proxy(t: Trial, town: Town) -> Process | None:
    """Starts nginx on the visitors' host, where the variant has one."""
    if not t["variant"].startswith("nginx"):
        return None
    block = (SYSTEMS / f"{t['variant']}.conf").read_text()
    block = block.replace("PORT", str(PORT)).replace("RESOLVER", LOOPBACK)
    blocks = [block.replace("NAME", name) for name in NAMES] if "NAME" in block else [block]
    proxy = await t.start(nginx("\n".join(blocks), host=town.star["visitors"], port=PORT))
    return proxy.process


async def invite(t: Trial, star: RecordedLink) -> Process:
    """Starts the visitors. They come when they are told to, and say when all were answered a few times."""
    behind_nginx = t["variant"].startswith("nginx")
    how = "proxy" if behind_nginx else t["variant"]
    patience_s = t["ttl_s"] + GRACE_S + REST_S
    command = [SYSTEMS / "visitors.py", how, PORT, *NAMES, "--patience", patience_s, "--wait"]
    if behind_nginx:
        command += ["--proxy", star["visitors"].address]
    if _aligned(t.treatment):
        command.append("--at-new-second")
    return await t.rig.start(
        command,
        name="visitors",
        waits=True,
        host=star["visitors"],
        cores=t.rig.server_cores,  # They are the busiest; what carries the packets must not wait for them.
    )


def _remembered(treatment: Where) -> bool:
    """Decides whether it matters how old the resolver's answer is when the name moves."""
    return treatment["variant"] == "fresh" and treatment["ttl_s"] != 0


def _aligned(treatment: Where) -> bool:
    """Decides whether the visitors begin as a second of the clock begins, and are moved a moment after.

    Where a cache counts whole seconds, what it remembers is fresh then: the worst case, alike in all trials.
    The forwarder counts by the moment.
    """
    return _remembered(treatment) and treatment["resolver"] != "dnspython"


def move(town: Town) -> None:
    """Gives every name the new shop's address, by one DNS UPDATE sent from the authority's own host."""
    host, new = town.star["authority"], town.star["new"].address
    message = dns.update.UpdateMessage("example.")
    for name in NAMES:
        message.replace(name + ".", 1, "A", new)
    with host.socket(type=socket.SOCK_DGRAM) as asked:
        asked.setblocking(False)
        answer = dns.query.udp(message, host.address, timeout=5, sock=asked)
    if answer.rcode() != dns.rcode.NOERROR:
        raise SystemFailure(f"authority: the update was answered {dns.rcode.to_text(answer.rcode())}.")


def visits(log: str) -> LoadSample:
    """Returns what the visitors noted: `connection` is the name's place, `detail` says who answered, and when
    each visit ended.

    A visit without an answer has its reason as its error.
    """
    rows = sorted(
        (line.split() for line in log.splitlines() if line.startswith("shop")), key=lambda row: int(row[1])
    )
    began_ns = np.array([int(row[1]) for row in rows], np.int64)
    ended_ns = np.array([int(row[2]) for row in rows], np.int64)
    reasons = [row[4] if row[3] == "-" else "" for row in rows]
    errors = ("", *sorted(set(reasons) - {""}))
    failed = np.array([errors.index(reason) for reason in reasons], np.int8)
    return LoadSample(
        intended_ns=began_ns,
        sent_ns=began_ns,
        done_ns=np.where(failed == 0, ended_ns, UNFINISHED),
        status=np.where(failed == 0, 200, 0).astype(np.int16),
        error=failed,
        connection=np.array([NAMES.index(row[0]) for row in rows], np.int32),
        start_ns=int(began_ns[0]) if rows else 0,
        end_ns=int(ended_ns.max(initial=0)),
        loop="closed",
        errors=errors,
        detail={"who": [row[3] for row in rows], "ended_ns": ended_ns.tolist()},
    )


def outcome(h: History) -> Outcome:
    sample = h.loads["visits"]
    [changed_ns] = [event.t_ns for event in h.events if event.name == "changed"]
    who, answered = np.array(sample.detail["who"]), sample.done_ns != UNFINISHED
    bound_ns = changed_ns + round((float(h.treatment["ttl_s"]) + GRACE_S) * 1e9)
    lives_ms, findings = [], []
    for place, name in enumerate(NAMES):
        mine = sample.connection == place
        moved_ns = sample.done_ns[mine & (who == "new")]
        lives_ms.append((int(moved_ns.min(initial=sample.end_ns)) - changed_ns) / 1e6)
        if len(moved_ns):
            kinds = ("moved", "at_once") if lives_ms[-1] < AT_ONCE_MS else ("moved",)
            findings += [moved(kind, name, lives_ms[-1]) for kind in kinds]
        failed_ns = sample.sent_ns[mine & ~answered]
        if len(failed_ns) >= OUTAGE:
            findings.append(outage(name, (failed_ns - changed_ns) / 1e6))
        late_ns = sample.sent_ns[mine & (who != "new") & (sample.sent_ns > bound_ns)]
        if len(late_ns):
            findings.append(outlived(name, changed_ns, bound_ns, int(late_ns[0]), len(late_ns)))
    took_ms = (sample.done_ns - sample.sent_ns)[answered] / 1e6
    metrics = {
        "old_address_ms": median(lives_ms),
        "failed_requests": float((~answered).sum()) / len(NAMES),
        "questions_per_request": h.readings["questions"] / len(who),
        "request_p50_ms": float(np.median(took_ms)),
    }
    before = who[np.array(sample.detail["ended_ns"]) < changed_ns]
    all_old = Assumption(
        id="old_before",
        says="before the move the old address answered every request",
        held=len(before) > 0 and bool((before == "old").all()),
        measured=f"{int((before == 'old').sum())} of {len(before)}",
    )
    watched_ms = (sample.end_ns - bound_ns) / 1e6
    long_enough = Assumption(
        id="watched_long_enough",
        says="every name moved, or was watched beyond its TTL and a second",
        held=watched_ms > 0 or len(set(sample.connection[who == "new"].tolist())) == len(NAMES),
        measured=f"watched until {watched_ms:.0f} ms after that",
    )
    warm_up_ms = (changed_ns - sample.start_ns) / 1e6
    fresh = Assumption(
        id="fresh_at_the_change",
        says=f"the change came less than {LONGEST_WARM_UP_MS} ms after the first request, where that matters",
        held=warm_up_ms < LONGEST_WARM_UP_MS or not _remembered(h.treatment),
        measured=f"{warm_up_ms:.0f} ms",
        timed=True,
    )
    return Outcome(
        metrics=metrics,
        findings=tuple(findings),
        tries={kind: len(NAMES) for kind in ("at_once", "moved", "outage", "outlived")},
        assumptions=(all_old, long_enough, fresh),
    )


def moved(kind: str, name: str, after_ms: float) -> Finding:
    """Tells of a name whose visitor has found the new address."""
    return Finding(
        kind=kind,
        key=name,
        says=f"the new shop answered {after_ms:.0f} ms after the change",
        witness=(
            WitnessEvent(0.0, "authority", f"{name} gets the address of the new shop"),
            WitnessEvent(after_ms, "visitor", "is answered by the new shop for the first time"),
        ),
    )


def outage(name: str, failed_ms: NDArray[np.float64]) -> Finding:
    """Tells of a name whose visitor was sent to a dead shop again and again; in ms after the change."""
    return Finding(
        kind="outage",
        key=name,
        says=f"{len(failed_ms)} requests failed, for {failed_ms[-1] - failed_ms[0]:.0f} ms",
        witness=(
            WitnessEvent(0.0, "old shop", "is killed, and its name gets the address of the new shop"),
            WitnessEvent(float(failed_ms[0]), "visitor", "asks the old address, where nobody answers"),
            WitnessEvent(float(failed_ms[-1]), "visitor", f"does so for the last of {len(failed_ms)} times"),
        ),
    )


def outlived(name: str, changed_ns: int, bound_ns: int, late_ns: int, count: int) -> Finding:
    """Tells of a name whose visitor was still sent to the old address when no answer could be that old."""
    bound_ms, late_ms = ((moment_ns - changed_ns) / 1e6 for moment_ns in (bound_ns, late_ns))
    says = f"{count} requests went to the old address later than its TTL and a second after the move"
    return Finding(
        kind="outlived",
        key=name,
        says=says,
        witness=(
            WitnessEvent(0.0, "authority", f"{name} has moved; the TTL of the old answer begins to run out"),
            WitnessEvent(bound_ms, "resolver", "no answer that was given before the move is valid any more"),
            WitnessEvent(late_ms, "visitor", f"still asks the old address: {says}"),
        ),
    )
