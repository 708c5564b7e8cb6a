"""Lets callers ask a server over a link: on a new connection each time, on one that is kept, from a pool."""

from __future__ import annotations

import asyncio
import ssl

import numpy as np

from hinterland import (
    Assumption,
    Finding,
    History,
    Outcome,
    Trial,
    WitnessEvent,
    never,
    ratio_at_least,
)
from hinterland.checkers.packet_parts import since
from hinterland.load.client import HttpClient
from hinterland.load.message import Response
from hinterland.load.operations import Planned
from hinterland.model.experiment import Where
from hinterland.rig.certificate import Certificate
from hinterland.rig.link.host import Host
from hinterland.rig.process import Process

NAME, PORT = "server", 8443
FAR_REQUESTS = {1: 4, 8: 16}
NEAR_REQUESTS = 240
LEAST_PAUSE_MS = 10
"""Computing alone may spread the times by this much."""
PATIENCE_S = 10.0

FAR: Where = {"rtt_ms": 50, "server_keeps": "yes"}
NEAR: Where = {"rtt_ms": 0, "server_keeps": "yes"}
HTTPS: Where = {"scheme": "https"}
EACH_TIME: Where = {"reuse": "each_time"}
KEEP_ALIVE: Where = {"reuse": "keep_alive"}
POOL: Where = {"reuse": "pool"}
ALONE: Where = {"callers": 1}
TOGETHER: Where = {"callers": 8}

CLAIMS = {
    "as_counted": never(finding="another_count", where=FAR, control={"server_keeps": "no"}, at_most=0.15),
    "two_of_three": ratio_at_least(
        metric="response_ms",
        ratio=1.7,
        more=EACH_TIME,
        less=KEEP_ALIVE,
        where={**FAR, **HTTPS, **ALONE},
        control={"server_keeps": "no"},
    ),
    "a_pool_for_many": ratio_at_least(
        metric="requests_per_s",
        ratio=3,
        more=POOL,
        less=KEEP_ALIVE,
        where={**FAR, **HTTPS, **TOGETHER},
        control=ALONE,
    ),
    "one_is_too_few": ratio_at_least(
        metric="requests_per_s",
        ratio=1.4,
        more=EACH_TIME,
        less=KEEP_ALIVE,
        where={**FAR, **HTTPS, **TOGETHER},
        control=ALONE,
    ),
    "keys_cost_without_distance": ratio_at_least(
        metric="server_cpu_us",
        ratio=6,
        more=EACH_TIME,
        less=POOL,
        where={**NEAR, **HTTPS, **TOGETHER},
        control={"scheme": "http"},
    ),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    callers, rtt_ms = t["callers"], t["rtt_ms"]
    count = FAR_REQUESTS.get(callers, 2 * callers) if rtt_ms else NEAR_REQUESTS
    # The connections that are kept are opened without any distance: how long that takes is not the question.
    link = await t.rig.link(packets=True)
    trusted = t.rig.certificate(NAME)
    server = await start_server(t, link.server, trusted)
    sockets = [link.client.socket() for _ in range(count + callers)]
    client = HttpClient(
        link.server.address,
        PORT,
        persistent=t["reuse"] != "each_time",
        limit=1 if t["reuse"] == "keep_alive" else None,
        timeout_s=PATIENCE_S,
        tls=ssl.create_default_context(cafile=str(trusted.path)) if t["scheme"] == "https" else None,
        server_name=NAME,
        new_socket=sockets.pop,
    )

    async def ask(_: int) -> Response:
        return await client.get("/")

    async with client:
        await asyncio.gather(*(client.get("/") for _ in range(callers)))
        await link.change(delay_ms=rtt_ms / 2)
        cpu_s, opened = t.rig.usage(server).cpu_s, client.opened
        t.phase("measure")
        plans = [Planned("get", "", ask, writes=False)] * count
        done = await t.operations.all(plans, clients=callers)
        t.reading("server_cpu_s", t.rig.usage(server).cpu_s - cpu_s)
        t.reading("opened", client.opened - opened)
    for unused in sockets:
        unused.close()
    measured = since(link.packets(), min(each.sent_ns for each in done))
    t.reading("wire_bytes", int(measured.size_bytes.sum()))
    t.reading("wire_packets", len(measured))
    if t.rig.packets is not None:
        t.rig.packets("measured", measured)


async def start_server(t: Trial, host: Host, trusted: Certificate) -> Process:
    keeps, tls = t["server_keeps"] == "yes", t["scheme"] == "https"
    if t["server"] == "caddy":
        body = 'respond "hello"' if keeps else 'header Connection close\nrespond "hello"'
        own = trusted if tls else None
        return (await t.rig.caddy(body, certificate=own, protocols="h1", host=host, port=PORT)).process
    body = f"""
        listen {host.address}:{PORT}{" ssl" if tls else ""};
        ssl_certificate {trusted.path};
        ssl_certificate_key {trusted.key_path};
        ssl_protocols TLSv1.3;
        {"" if keeps else "keepalive_timeout 0;"}
        location / {{ return 200 "hello"; }}
    """
    return (await t.rig.nginx(body, host=host, port=8080)).process


def expected_round_trips(h: History) -> int:
    """Returns how many round trips a request should take, with a server that keeps connections open."""
    match h.treatment["reuse"]:
        case "each_time":
            # TCP's, with TLS 1.3's after it, and the request's own.
            return 3 if h.treatment["scheme"] == "https" else 2
        case "keep_alive":
            # HTTP/1.1 has one request under way on a connection; who shares it waits for all others.
            return int(h.treatment["callers"])
        case _:
            return 1


def outcome(h: History) -> Outcome:
    asked, readings, rtt_ms = h.operations, h.readings, float(h.treatment["rtt_ms"])
    answered = [each for each in asked if each.outcome == "ok"]
    times_ms = [(each.done_ns - each.sent_ns) / 1e6 for each in answered]
    all_answered = Assumption(
        id="all_answered",
        says="every request was answered",
        held=len(answered) == len(asked) > 0,
        measured=f"{len(answered)} of {len(asked)}",
    )
    if not answered:
        return Outcome(assumptions=(all_answered,))
    lasted_s = (max(each.done_ns for each in answered) - min(each.sent_ns for each in asked)) / 1e9
    response_ms, expected = float(np.median(times_ms)), expected_round_trips(h)
    metrics = {
        "response_ms": response_ms,
        "expected_round_trips": float(expected),
        "requests_per_s": len(answered) / lasted_s,
        "server_cpu_us": readings["server_cpu_s"] * 1e6 / len(answered),
        "connections_per_request": readings["opened"] / len(answered),
        "wire_bytes": readings["wire_bytes"] / len(answered),
        "wire_packets": readings["wire_packets"] / len(answered),
    }
    findings: tuple[Finding, ...] = ()
    if rtt_ms:
        metrics["round_trips"] = response_ms / rtt_ms
        if round(metrics["round_trips"]) != expected:
            findings = (another_count(h, response_ms, rtt_ms, expected),)
    return Outcome(
        metrics=metrics,
        findings=findings,
        tries={"another_count": 1 if rtt_ms else 0},
        assumptions=(all_answered, *agreement(times_ms, rtt_ms)),
    )


def agreement(times_ms: list[float], rtt_ms: float) -> list[Assumption]:
    """Returns the assumption that nothing stood still meanwhile; without distance it has no scale."""
    # In the first half, callers who share a connection are still lining up.
    later_ms = times_ms[len(times_ms) // 2 :]
    spread_ms = max(later_ms) - min(later_ms)
    agree = Assumption(
        id="requests_agree",
        says="the later half of the requests are less than half a round trip apart, or 10 ms",
        held=spread_ms < max(rtt_ms / 2, LEAST_PAUSE_MS),
        measured=f"{spread_ms:.1f} ms apart",
        timed=True,
    )
    return [agree] if rtt_ms else []


def another_count(h: History, response_ms: float, rtt_ms: float, expected: int) -> Finding:
    """Tells of requests that took another number of round trips, in the median, than they should."""
    says = f"{h.treatment['reuse']}: {response_ms / rtt_ms:.2f} round trips a request, not {expected}"
    return Finding(
        kind="another_count",
        key=str(h.treatment["reuse"]),
        says=says,
        witness=(
            WitnessEvent(0.0, "caller", "asks"),
            WitnessEvent(expected * rtt_ms, "caller", f"should have the answer: {expected} round trips"),
            WitnessEvent(response_ms, "caller", "has it, in the median request"),
            WitnessEvent(response_ms, "client", f"has opened {h.readings['opened']} connections in all"),
        ),
    )
