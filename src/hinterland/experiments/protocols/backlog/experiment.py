"""Lets clients knock at a server that does not accept, and asks both kernels who is connected."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from hinterland.lab import (
    Assumption,
    Finding,
    History,
    HostSettings,
    Operation,
    Outcome,
    PacketLog,
    Process,
    Trial,
    Unanswered,
    Where,
    WitnessEvent,
    connections,
    counters,
    fastest_agree,
    nginx,
)

SYSTEMS = Path(__file__).parent / "systems"
LAST, PORT = 10, 8080
AWAY_S = 0.2  # For so long after the last knock the program is still away.
PATIENCE_S = 4.0
AGREE_MS = 5
ANSWER_S = 0.5
REQUEST = b"GET / HTTP/1.1\r\nHost: server\r\n\r\n"
SYN_TIMEOUT_MS = 1000
PORT_AT, FLAGS_AT, SYN, ACK = 20, 33, 0x02, 0x10  # Where IPv4 and TCP have the sender's port, and two flags.
COUNTED = ("ListenOverflows", "ListenDrops", "SyncookiesSent", "TCPReqQFullDoCookies", "TCPReqQFullDrop")


async def trial(t: Trial) -> None:
    t.phase("prepare")
    settings = HostSettings(
        somaxconn=t["somaxconn"],
        syncookies=t["syncookies"],
        sysctl={"net.ipv4.tcp_abort_on_overflow": int(t["when_full"] == "abort")},
    )
    link = await t.rig.link(rtt_ms=t["rtt_ms"], server=settings, packets=True)
    server = await start_server(t, link.server)
    await visit(t, link.client.socket(), link.server.address)
    if t["acceptor"] == "gone":
        await t.rig.kill(server)
    elif t["acceptor"] == "stopped":
        await t.rig.pause(server)
    t.phase("measure")
    crowd = Crowd(t, [link.client.socket() for _ in range(t["clients"])], link.server.address)
    try:
        # One place is left for those who come together.
        in_turn = min(room(t.treatment) - (t["arrival"] == "together"), t["clients"])
        await crowd.knock_in_turn(range(in_turn))
        crowd.knock_at_once(range(in_turn, t["clients"]))
        if t["acceptor"] == "gone":
            await crowd.in_or_out()
        else:
            await crowd.wait(AWAY_S)
        t.note("looked")
        t.reading("server", seen_by(server) if server.alive else {"established": [], "counters": {}})
        if t["acceptor"] == "stopped" and t["comes_back"]:
            await t.rig.resume(server)
            await crowd.in_or_out()
        t.phase("settle")
        if t["acceptor"] == "prompt" or t["comes_back"]:
            await crowd.wait(ANSWER_S, until_answered=True)
    finally:
        await crowd.leave()


async def start_server(t: Trial, host: Any) -> Process:
    """Starts the program that listens on PORT of `host` with the backlog of this treatment."""
    match t["variant"]:
        case "nginx":
            door = (SYSTEMS / "nginx.conf").read_text()
            door = door.replace("PORT", str(PORT)).replace("BACKLOG", str(t["backlog"]))
            site = await t.start(nginx("location / { return 204; }", http=door, host=host, port=80))
            process: Process = site.process
            return process
        case variant:
            program = {"python": "server.py", "node": "server.js"}[variant]
            command = [SYSTEMS / program, PORT, t["backlog"]]
            return await t.rig.start(command, name=variant, host=host, port=PORT)


async def visit(t: Trial, visitor: socket.socket, address: str) -> None:
    """One client is served and leaves: the program works, whatever happens to it then."""
    visitor.setblocking(False)
    loop = asyncio.get_running_loop()

    async def ask() -> Any:
        await loop.sock_connect(visitor, (address, PORT))
        await loop.sock_sendall(visitor, REQUEST)
        if not await loop.sock_recv(visitor, 4096):
            raise Unanswered("closed")
        return "ok", None

    with visitor:
        await t.operations.perform("visit", "visitor", client=-1, call=ask, writes=False)


def seen_by(server: Process) -> dict[str, Any]:
    """Returns what the server's kernel has: ports of clients with a connection, SYNs half-way, counters."""
    table = [each for each in connections(server.pid) if each.port == PORT]
    counted = counters(server.pid)
    return {
        "established": sorted(each.peer_port for each in table if each.state == "established"),
        "half_open": sum(each.state == "syn_received" for each in table),
        "waiting": sum(each.unread for each in table if each.state == "listening"),
        "counters": {name: counted[name] for name in COUNTED},
    }


class Crowd:
    """The clients. Each has a socket of its own, connects, and asks as soon as it is connected."""

    def __init__(self, t: Trial, sockets: list[socket.socket], address: str) -> None:
        self.operations = t.operations
        self.sockets = sockets
        self.address = address
        self.knocking: set[asyncio.Task[Any]] = set()
        self.asking: set[asyncio.Task[Any]] = set()
        for each in sockets:
            each.setblocking(False)

    async def knock_in_turn(self, clients: Iterable[int]) -> None:
        for client in clients:
            await self._knock(client)

    def knock_at_once(self, clients: Iterable[int]) -> None:
        self.knocking |= {asyncio.create_task(self._knock(client)) for client in clients}

    async def wait(self, timeout_s: float, *, until_answered: bool = False) -> None:
        """Lets `timeout_s` pass, or less when every client is answered."""
        if until_answered and self.asking:
            await asyncio.wait(self.asking, timeout=timeout_s)
        elif not until_answered:
            await asyncio.sleep(timeout_s)

    async def in_or_out(self) -> None:
        """Returns when connect() has come to an end for everybody."""
        if self.knocking:
            await asyncio.wait(self.knocking)

    async def leave(self) -> None:
        """Ends what is still going on, and every connection."""
        tasks = [*self.knocking, *self.asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self.sockets:
            each.close()

    async def _knock(self, client: int) -> None:
        loop, its = asyncio.get_running_loop(), self.sockets[client]

        async def connect() -> Any:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await loop.sock_connect(its, (self.address, PORT))
            except ConnectionRefusedError:
                return "fail", "refused"  # An answer: its time counts.
            return "ok", its.getsockname()[1]

        async def ask() -> Any:
            await loop.sock_sendall(its, REQUEST)
            if not await loop.sock_recv(its, 4096):
                raise Unanswered("closed")
            return "ok", None

        said = await self.operations.perform("connect", str(client), client=client, call=connect)
        if said.outcome == "ok":
            asks = self.operations.perform("ask", str(client), client=client, call=ask, writes=False)
            self.asking.add(asyncio.create_task(asks))


def room(treatment: Where) -> int:
    """Returns how many connections the kernel completes for a program that does not accept."""
    return min(int(treatment["backlog"]), int(treatment["somaxconn"])) + 1


def outcome(h: History) -> Outcome:
    looked_ns = next(event.t_ns for event in h.events if event.name == "looked")
    connects = sorted((each for each in h.operations if each.kind == "connect"), key=lambda one: one.client)
    asks = {each.client: each for each in h.operations if each.kind == "ask"}
    server = h.readings["server"]
    inside = set(server["established"])
    reset = {each.client for each in asks.values() if each.error == "reset"}
    told_no = [each for each in connects if each.result == "refused" or each.client in reset]
    believed = [each for each in connects if each.outcome == "ok" and each.done_ns <= looked_ns]
    phantoms = [each for each in believed if each.result not in inside and each.client not in reset]
    gone = h.treatment["acceptor"] == "gone"
    expected = 0 if gone else min(room(h.treatment), len(connects))
    rtt_ms = float(h.treatment["rtt_ms"])
    metrics = {
        "completed": float(len(inside)),
        "room": float(room(h.treatment)),
        "believed": float(len(believed)),
        "knocked": float(len(connects)),
        "phantoms": float(len(phantoms)),
        "told_no": float(len(told_no)),
        "retry_ms": SYN_TIMEOUT_MS + rtt_ms,
        "round_trip_ms": rtt_ms,
        "overflows": float(server["counters"].get("ListenOverflows", 0)),
    }
    ended = [wait_ms(each) for each in connects[-LAST:] if each.outcome != "unknown"]
    agree: tuple[Assumption, ...] = ()
    if len(ended) == LAST:
        # Whatever else the machine does can only add: the quickest shows best what the kernels do.
        metrics["last_ms"] = min(ended)
        agree = (fastest_agree("knocks", ended, AGREE_MS),)
    start_ns = connects[0].sent_ns
    wrong = abs(len(inside) - expected)
    return Outcome(
        metrics=metrics,
        findings=(
            *(miscounted(len(inside), expected, n) for n in range(wrong)),
            *(phantom(each, start_ns, looked_ns, len(inside)) for each in phantoms),
            *(refusal(each, asks.get(each.client), start_ns) for each in told_no),
        ),
        tries={
            "miscounted": len(connects),
            "phantom": len(connects),
            "told_no": len(connects) - expected,
        },
        assumptions=(on_their_way_together(h, connects, rtt_ms), served(h, asks), *agree),
    )


def wait_ms(knock: Operation) -> float:
    """Returns how long connect() took, whatever it brought."""
    return (knock.done_ns - knock.sent_ns) / 1e6


def miscounted(inside: int, expected: int, number: int) -> Finding:
    says = f"{inside} connections are completed, the formula gives {expected}"
    return Finding(
        kind="miscounted",
        key=f"place {min(inside, expected) + number + 1}",
        says=says,
        witness=(WitnessEvent(0.0, "clients", "knock"), WitnessEvent(0.0, "server's kernel", says)),
    )


def phantom(knock: Operation, start_ns: int, looked_ns: int, inside: int) -> Finding:
    who = f"client {knock.client + 1}"
    return Finding(
        kind="phantom",
        key=who,
        says=f"{who} believes to be connected, the server's kernel has no such connection",
        witness=(
            WitnessEvent((knock.sent_ns - start_ns) / 1e6, who, "sends a SYN"),
            WitnessEvent((knock.done_ns - start_ns) / 1e6, who, "connect() succeeds"),
            WitnessEvent(
                (looked_ns - start_ns) / 1e6,
                "server's kernel",
                f"has {inside} connections, none of them from port {knock.result}",
            ),
        ),
    )


def refusal(knock: Operation, ask: Operation | None, start_ns: int) -> Finding:
    who = f"client {knock.client + 1}"
    how = "connect() is refused" if ask is None else "connect() succeeds, then the connection is reset"
    return Finding(
        kind="told_no",
        key=who,
        says=f"{who}: {how}",
        witness=(
            WitnessEvent((knock.sent_ns - start_ns) / 1e6, who, "sends a SYN"),
            WitnessEvent((knock.done_ns - start_ns) / 1e6, who, how),
        ),
    )


def on_their_way_together(h: History, connects: list[Operation], rtt_ms: float) -> Assumption:
    """The SYNs of a burst must all leave before the first can be answered, and come before its ACK does."""
    burst = connects[room(h.treatment) - 1 :] if h.treatment["arrival"] == "together" else connects[:0]
    spread_ms = (burst[-1].sent_ns - burst[0].sent_ns) / 1e6 if burst else 0.0
    late = late_syns(h.packets["link"], burst[0].sent_ns) if burst and "link" in h.packets else 0
    return Assumption(
        id="on_their_way_together",
        says="the clients who came together had all knocked before the first could be answered",
        held=spread_ms < rtt_ms and late == 0,
        measured=f"{spread_ms:.1f} ms apart, round trip {rtt_ms:g} ms; {late} SYNs after the first ACK",
    )


def late_syns(log: PacketLog, since_ns: int) -> int:
    """Returns of how many clients who knocked after `since_ns` the SYN came after an ACK of one of them."""
    own = (log.source == log.hosts.index("client")) & (log.sent_ns >= since_ns)
    flags, ports = log.head[:, FLAGS_AT] & (SYN | ACK), log.head[:, PORT_AT].astype(int) * 256
    ports += log.head[:, PORT_AT + 1]
    syns = np.flatnonzero(own & (flags == SYN))
    # A SYN that found no room is sent again: the first of each client counts.
    syns = syns[np.unique(ports[syns], return_index=True)[1]]
    acks = own & (flags == ACK) & np.isin(ports, ports[syns]) & (log.done_ns >= 0)
    return int((log.done_ns[syns] > log.done_ns[acks].min()).sum()) if acks.any() else 0


def served(h: History, asks: dict[int, Operation]) -> Assumption:
    """A program that can't answer proves nothing by its queue."""
    visited = any(each.kind == "visit" and each.outcome == "ok" for each in h.operations)
    answers = h.treatment["acceptor"] == "prompt" or (
        h.treatment["acceptor"] == "stopped" and h.treatment["comes_back"]
    )
    answered = sum(each.outcome == "ok" for each in asks.values())
    return Assumption(
        id="served",
        says="the program answered a visitor before, and those who were in once it was there",
        held=visited and (not answers or answered >= min(room(h.treatment), len(asks)) > 0),
        measured=f"visitor {'answered' if visited else 'not answered'}, then {answered} of {len(asks)}",
    )
