"""A hundred clients ask a backend, straight or through a proxy of bytes or requests; it tells what it saw."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from hinterland.lab import (
    Assumption,
    Finding,
    History,
    HttpClient,
    Operation,
    Outcome,
    Planned,
    Request,
    Trial,
    WitnessEvent,
    caddy,
    haproxy,
    nginx,
    summarise,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST = "127.0.0.1"
CLIENTS, PATIENCE_S = 100, 10.0
UPLOADS, PIECES, PIECE, UPLOAD_WORK_MS = 5, 10, b"x" * 1000, 5


async def trial(t: Trial) -> None:
    t.phase("prepare")
    backend, desk = t.rig.free_port(), t.rig.free_port()
    _, port = await asyncio.gather(
        t.rig.start([SYSTEMS / "backend.py", backend, desk], name="backend", port=backend),
        entrance(t, backend),
    )
    path = f"/?work_ms={t['work_ms']}"
    async with HttpClient(HOST, desk) as asked:
        # A proxy that has no connection yet may open one for each who comes first: that is not the question.
        async with HttpClient(HOST, port) as first:
            await first.get(path)
        await asked.post("/forget")
        t.phase("measure")
        await ask_all(t, port, path)
        t.reading("connections", (await asked.get("/seen")).json()["connections"])
        await both_ways(t, {"straight": backend, "entrance": port}, path)
        await asyncio.gather(*(upload(port, t["upload_ms"] / 1e3) for _ in range(UPLOADS)))
        t.phase("final")
        t.reading("uploads_ms", (await asked.get("/seen")).json()["uploads_ms"])


async def entrance(t: Trial, backend: int) -> int:
    """Starts what stands before the backend, and returns the port at which clients ask."""
    variant = t["variant"]
    if variant == "direct":
        return backend
    program = variant.partition("_")[0]
    ending = "cfg" if program == "haproxy" else "conf"
    block = (SYSTEMS / f"{variant}.{ending}").read_text().format(backend=backend)
    if program == "haproxy":
        return (await t.start(haproxy(block))).port
    if program == "caddy":
        return (await t.start(caddy(block))).port
    if variant == "nginx_tcp":
        return (await t.start(nginx(block, stream=True))).port
    upstream = (SYSTEMS / "nginx_upstream.conf").read_text().format(backend=backend)
    return (await t.start(nginx(block, http=upstream))).port


async def ask_all(t: Trial, port: int, path: str) -> None:
    """Lets each client ask once, so many at a time. All are connected from the first to the last request."""
    addresses = [f"127.0.1.{place + 1}" for place in range(CLIENTS)]
    clients = [
        HttpClient(HOST, port, timeout_s=PATIENCE_S, new_socket=comes_from(each)) for each in addresses
    ]
    try:
        await asyncio.gather(*(client.connect() for client in clients))
        asked = [
            Planned("ask", address, lambda _, client=client: client.get(path), writes=False)  # type: ignore[misc]
            for address, client in zip(addresses, clients, strict=True)
        ]
        await t.operations.all(asked, clients=t["at_once"])
    finally:
        for client in clients:
            client.close()


def comes_from(address: str) -> Callable[[], socket.socket]:
    """Returns what makes sockets with this address of their own."""

    def made() -> socket.socket:
        own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        own.bind((address, 0))
        return own

    return made


async def both_ways(t: Trial, ways: dict[str, int], path: str) -> None:
    """Asks by turns at the backend and at the entrance, so that the machine's moods fall on both alike."""
    turns, count = (4, 1) if t["work_ms"] else (12, 25)
    for turn in range(turns):
        for name, port in ways.items():
            await t.load(
                f"{name}_{turn}", f"http://{HOST}:{port}{path}", closed=True, connections=1, count=count
            )


async def upload(port: int, lasts_s: float) -> None:
    """Sends one request whose body takes so long to arrive, and reads the answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        head = Request("POST", f"/upload?work_ms={UPLOAD_WORK_MS}", body=PIECES * PIECE)
        writer.write(head.encode(HOST, port).removesuffix(head.body))
        for _ in range(PIECES):
            if lasts_s:
                await asyncio.sleep(lasts_s / PIECES)
            writer.write(PIECE)
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"}")
    finally:
        writer.close()


def outcome(h: History) -> Outcome:
    straight_ms, entrance_ms = (medians_ms(h, name) for name in ("straight", "entrance"))
    uploads_ms: list[float] = h.readings["uploads_ms"]
    metrics: dict[str, float] = {
        "connections": h.readings["connections"],
        "latency_ms": median(entrance_ms),
        "times_as_long": median(one / other for one, other in zip(entrance_ms, straight_ms, strict=True)),
    }
    if uploads_ms:
        metrics["busy_ms"] = median(uploads_ms)
    answered = [one for one in h.operations if one.outcome == "ok"]
    added = [one.result["body"]["head_bytes"] for one in answered]
    if added and all(added):
        metrics["head_bytes"] = median(added)
    unknown = [one for one in answered if not named(one)]
    metrics["strangers"] = 100 * len(unknown) / max(len(answered), 1)
    all_answered = Assumption(
        id="all_answered",
        says="every client and every upload was answered",
        held=len(answered) == len(h.operations) and len(uploads_ms) == UPLOADS,
        measured=f"{len(answered)} of {len(h.operations)} clients, {len(uploads_ms)} of {UPLOADS} uploads",
    )
    return Outcome(
        metrics=metrics,
        findings=tuple(map(stranger, unknown)),
        tries={"stranger": len(answered)},
        assumptions=(all_answered,),
    )


def medians_ms(h: History, way: str) -> list[float]:
    """Returns the median time of an answer by one way, in each turn."""
    turns = [summarise(sample).response_s for name, sample in sorted(h.loads.items()) if name.startswith(way)]
    return [1e3 * float(np.median(times_s)) for times_s in turns]


def named(one: Operation) -> bool:
    """Decides whether the backend could tell who asked: by the connection, or by the last who forwarded."""
    told: dict[str, Any] = one.result["body"]
    return one.key in (told["peer"], told["forwarded"].split(",")[-1].strip())


def stranger(one: Operation) -> Finding:
    told = one.result["body"]
    elapsed_ms = (one.done_ns - one.sent_ns) / 1e6
    return Finding(
        kind="stranger",
        key=one.key,
        says=f"the backend took {one.key} for {told['peer']}",
        witness=(
            WitnessEvent(0.0, "client", f"asks from {one.key}"),
            WitnessEvent(
                elapsed_ms,
                "backend",
                f"has seen {told['peer']}, X-Forwarded-For: {told['forwarded'] or 'none'}",
            ),
        ),
    )
