"""Lets callers ask a server over a link: on a new connection each time, on one that is kept, from a pool."""

from __future__ import annotations

import asyncio
import math
import ssl

from hinterland.lab import (
    Assumption,
    Certificate,
    Finding,
    History,
    Host,
    HttpClient,
    Outcome,
    Planned,
    Process,
    Response,
    Trial,
    WitnessEvent,
    caddy,
    fastest_agree,
    nginx,
    since,
)

NAME, PORT = "server", 8443
FAR_REQUESTS = {1: 4, 8: 16}
NEAR_REQUESTS = 240
AGREE_MS = 12
"""Requests that agree so well were hardly stalled: a stall does not strike one as it strikes the next."""
EARLY = 0.05
"""By so much of a round trip a link may be early; everything else can only add."""
PATIENCE_S = 10.0


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
        return (await t.start(caddy(body, certificate=own, protocols="h1", host=host, port=PORT))).process
    body = f"""
        listen {host.address}:{PORT}{" ssl" if tls else ""};
        ssl_certificate {trusted.path};
        ssl_certificate_key {trusted.key_path};
        ssl_protocols TLSv1.3;
        {"" if keeps else "keepalive_timeout 0;"}
        location / {{ return 200 "hello"; }}
    """
    return (await t.start(nginx(body, host=host, port=8080))).process


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
    times_ms = sorted(settled(h, times_ms))
    # Whatever else the machine does can only add: the fastest shows best what a request costs.
    response_ms, expected = times_ms[0], expected_round_trips(h)
    metrics = {
        "response_ms": response_ms,
        "expected_round_trips": float(expected),
        "requests_per_s": best_rate_per_s([each.done_ns for each in answered], int(h.treatment["callers"])),
        "server_cpu_us": readings["server_cpu_s"] * 1e6 / len(answered),
        "connections_per_request": readings["opened"] / len(answered),
        "wire_bytes": readings["wire_bytes"] / len(answered),
        "wire_packets": readings["wire_packets"] / len(answered),
    }
    findings: tuple[Finding, ...] = ()
    if rtt_ms:
        metrics["round_trips"] = response_ms / rtt_ms
        if math.floor(metrics["round_trips"] + EARLY) != expected:
            findings = (another_count(h, response_ms, rtt_ms, expected),)
    return Outcome(
        metrics=metrics,
        findings=findings,
        tries={"another_count": 1 if rtt_ms else 0},
        assumptions=(
            all_answered,
            *([fastest_agree("requests", times_ms, AGREE_MS)] if rtt_ms else []),
        ),
    )


def settled(h: History, times_ms: list[float]) -> list[float]:
    """Returns the times of the requests, in the order of their sending, that found things as they stay.

    The first requests of callers who share a connection are still lining up.
    """
    lined_up = int(h.treatment["callers"]) if h.treatment["reuse"] == "keep_alive" else 0
    return times_ms[lined_up:] if 1 < lined_up < len(times_ms) else times_ms


def best_rate_per_s(done_ns: list[int], callers: int) -> float:
    """Returns how many answers came a second in the best stretch of them: a stall can only spoil some.

    A stretch has at least as many answers as there are callers. So it holds a whole request of one of them,
    and no stall before it can make it short.
    """
    done = sorted(done_ns)
    answers = min(max(callers, len(done) // 4), len(done) - 1)
    if answers < 1:
        return 0.0
    shortest_ns = min(last - first for first, last in zip(done, done[answers:], strict=False))
    return answers * 1e9 / shortest_ns


def another_count(h: History, response_ms: float, rtt_ms: float, expected: int) -> Finding:
    """Tells of requests of which the fastest took another number of round trips than it should."""
    says = f"{h.treatment['reuse']}: {response_ms / rtt_ms:.2f} round trips a request, not {expected}"
    return Finding(
        kind="another_count",
        key=str(h.treatment["reuse"]),
        says=says,
        witness=(
            WitnessEvent(0.0, "caller", "asks"),
            WitnessEvent(expected * rtt_ms, "caller", f"should have the answer: {expected} round trips"),
            WitnessEvent(response_ms, "caller", "has it, in the fastest request"),
            WitnessEvent(response_ms, "client", f"has opened {h.readings['opened']} connections in all"),
        ),
    )
