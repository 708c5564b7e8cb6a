"""Opens connections over a link with each kind of handshake, and counts round trips to the first byte."""

from __future__ import annotations

import asyncio
import math

from hinterland.lab import (
    Certificate,
    Finding,
    History,
    Host,
    HostSettings,
    LogReady,
    Outcome,
    Process,
    Trial,
    UsageError,
    WitnessEvent,
    assume,
    caddy,
    fastest_agree,
    nginx,
    of_port,
    until_ready,
)

NAME = "server"
HTTPS_PORT = 8443
COUNT = 9
AGREE_MS = 12
"""They begin 30 ms apart, a stall ends for all at once: two that agree so well had none."""
EARLY = 0.05
"""By so much of a round trip a link may be early; everything else can only add."""
PATIENCE_S = 20.0

EXPECTED: dict[tuple[str, str], int] = {
    ("tcp", "first"): 2,
    ("tcp", "early"): 1,
    ("tls12", "first"): 4,
    ("tls12", "resumed"): 3,
    ("tls13", "first"): 3,
    ("tls13", "resumed"): 3,
    ("tls13", "early"): 2,
    ("quic", "first"): 2,
    ("quic", "resumed"): 2,
    ("quic", "early"): 1,
}
"""Round trips to the first byte by the standards, the request's own one included, where guesses are right."""
SEEN = {"tcp": "TCP", "tls12": "TLSv1.2", "tls13": "TLSv1.3", "quic": "QUIC"}
ALSO_SEEN = {"first": "", "resumed": " resumed", "early": " resumed early"}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    check(t)
    fast_open = HostSettings(fastopen=3)
    # Who has to have met before meets without any distance: that is no part of what is timed.
    link = await t.rig.link(client=fast_open, server=fast_open, packets=True)
    trusted = t.rig.certificate(NAME)
    # Both take their time to load; the client asks nothing before it is told to.
    client, _ = await asyncio.gather(
        start_client(t, link.client, link.server, trusted), start_server(t, link.server, trusted)
    )
    client.tell("meet")
    await until_ready(client, LogReady("^met"))
    await link.change(delay_ms=t["rtt_ms"] / 2)
    t.phase("measure")
    client.tell("ask")
    if await client.wait(PATIENCE_S) != 0:
        raise client.failure("it did not get all its answers.")
    connections = client.said()
    t.reading("connections", connections)
    t.reading("asked", COUNT)
    if t.rig.packets is not None:
        t.rig.packets("one", of_port(link.packets(), connections[0]["port"]))


def check(t: Trial) -> None:
    """Raises UsageError for a treatment that does not exist."""
    protocol, start, server = t["protocol"], t["start"], t["server"]
    if (protocol, start) not in EXPECTED:
        raise UsageError(f"protocol={protocol} has no start={start}.", "The lesson lists the handshakes.")
    if t["guess"] == "wrong" and (protocol, start) != ("tls13", "first"):
        raise UsageError(f"guess=wrong needs protocol=tls13 and start=first, not {protocol} and {start}.")
    early_over_tcp = start == "early" and protocol != "quic"
    if (server == "nginx" and protocol == "quic") or (
        server == "caddy" and (early_over_tcp or t["guess"] == "wrong")
    ):
        raise UsageError(
            f"server={server} does not offer {protocol} with start={start}.", "Try server=python."
        )


async def start_client(t: Trial, here: Host, there: Host, trusted: Certificate) -> Process:
    program = "quic_client.py" if t["protocol"] == "quic" else "tls_client.py"
    options = [] if t["protocol"] == "quic" else ["--protocol", t["protocol"]]
    asked = ["--start", t["start"], "--count", COUNT, "--name", NAME, "--certificate", trusted.path]
    return await t.start(
        program, there.address, HTTPS_PORT, *asked, *options, "--wait", name="client", host=here, waits=True
    )


async def start_server(t: Trial, host: Host, trusted: Certificate) -> None:
    match t["server"]:
        case "nginx":
            await start_nginx(t, host, trusted)
        case "caddy":
            tls = None if t["protocol"] == "tcp" else trusted
            await t.start(caddy('respond "hello"', certificate=tls, host=host, port=HTTPS_PORT))
        case _:
            program = "quic_server.py" if t["protocol"] == "quic" else "tls_server.py"
            keys = ("--certificate", trusted.path, "--key", trusted.key_path)
            asked = [HTTPS_PORT, "--address", host.address, *keys, *switches(t)]
            await t.start(program, *asked, name="server", host=host, ready=LogReady("^listening"))


def switches(t: Trial) -> list[str]:
    """Returns what the Python server needs for this handshake."""
    if t["guess"] == "wrong":
        return ["--curve", "secp384r1"]
    match t["protocol"], t["start"]:
        case "tcp", "early":
            return ["--plain", "--fast-open"]
        case "tcp", _:
            return ["--plain"]
        case "tls13", "early":
            return ["--early-data"]
        case _:
            return []


async def start_nginx(t: Trial, host: Host, trusted: Certificate) -> None:
    """Starts nginx. Its usual port is not used: how a port listens is what differs here."""
    fast_open = " fastopen=128" if t["start"] == "early" and t["protocol"] == "tcp" else ""
    tls = "" if t["protocol"] == "tcp" else " ssl"
    curve = "ssl_ecdh_curve secp384r1;" if t["guess"] == "wrong" else ""
    early = "ssl_early_data on;" if t["start"] == "early" else ""
    body = f"""
        listen {host.address}:{HTTPS_PORT}{tls}{fast_open};
        ssl_certificate {trusted.path};
        ssl_certificate_key {trusted.key_path};
        ssl_protocols TLSv1.2 TLSv1.3;
        {curve} {early}
        location / {{ return 200 "$early\\n"; }}
    """
    told = 'map $ssl_early_data $early { default "not early"; 1 "early"; }'
    await t.start(nginx(body, http=told, host=host, port=8080))


def outcome(h: History) -> Outcome:
    connections, rtt_ms = h.readings["connections"], float(h.treatment["rtt_ms"])
    protocol, start = str(h.treatment["protocol"]), str(h.treatment["start"])
    times_ms = sorted((each["done_ns"] - each["started_ns"]) / 1e6 for each in connections)
    # Whatever else the machine does can only add: the fastest shows best what the protocol costs.
    first_byte_ms, expected = times_ms[0], EXPECTED[protocol, start]
    metrics = {
        "first_byte_ms": first_byte_ms,
        "https_ms": first_byte_ms - EXPECTED["tcp", "first"] * rtt_ms,
        "expected_round_trips": float(expected),
    }
    findings: tuple[Finding, ...] = ()
    if rtt_ms:
        metrics["round_trips"] = first_byte_ms / rtt_ms
        metrics["beyond_round_trips"] = first_byte_ms / rtt_ms - expected
        if math.floor(metrics["round_trips"] + EARLY) != expected:
            findings = (another_count(f"{protocol} {start}", times_ms, rtt_ms, expected),)
    wanted = "TCP early" if (protocol, start) == ("tcp", "early") else SEEN[protocol] + ALSO_SEEN[start]
    wanted += " retried" if h.treatment["guess"] == "wrong" else ""
    # A record from before it was kept has five.
    seen, asked = [each["seen"] for each in connections], h.readings.get("asked", 5)
    as_asked = assume(
        f"every connection was opened the way it was asked: {wanted}",
        all(each == wanted for each in seen) and len(seen) == asked,
        f"{sum(each == wanted for each in seen)} of {asked}; the last one: {seen[-1]}",
        name="as_asked",
    )
    return Outcome(
        metrics=metrics,
        findings=findings,
        tries={"another_count": 1 if rtt_ms else 0},
        assumptions=(as_asked, *([fastest_agree("connections", times_ms, AGREE_MS)] if rtt_ms else [])),
    )


def another_count(name: str, times_ms: list[float], rtt_ms: float, expected: int) -> Finding:
    """Tells of a handshake whose fastest connection took another number of round trips than expected."""
    fastest_ms = times_ms[0]
    says = f"{name}: {fastest_ms / rtt_ms:.2f} round trips, not {expected}"
    return Finding(
        kind="another_count",
        key=name,
        says=says,
        witness=(
            WitnessEvent(0.0, "client", f"opens a connection ({name})"),
            WitnessEvent(expected * rtt_ms, "client", f"should have the first byte: {expected} round trips"),
            WitnessEvent(fastest_ms, "client", f"has it, in the fastest of {len(times_ms)} connections"),
        ),
    )
