"""Fills a server with silent clients, reads its memory, then lets a few of them speak."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    OTHER_FILES,
    UNFINISHED,
    Assumption,
    Crowds,
    Finding,
    History,
    LoadSample,
    LogReady,
    Outcome,
    Process,
    Request,
    SetupError,
    Trial,
    WitnessEvent,
    addresses,
    allow_open_files,
    end_of_warmup,
    limits,
    percentile,
    poisson,
    socket_maker,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST, ASK = "127.0.0.1", Request()
RATE_PER_S, DURATION_S = 2_500, 0.3
FEWEST_ACTIVE = 16
PATIENCE_S = 0.5  # So long an active client waits; no answer counts as an answer after it.
IN_TIME_MS = 50
WINDOW = 50  # Requests of 20 ms: in their means the end of the warm-up is looked for.
RAMP_FROM, RAMP_POINTS = 500, 60
BATCH = 100  # Silent clients who arrive one after the other: one try of leaving somebody waiting.

COMMANDS: dict[str, list[str]] = {
    "threads": ["threads.py"],
    "process_pool": ["process_pool.py"],
    "asyncio": ["event_loop.py", "asyncio"],
    "uvloop": ["event_loop.py", "uvloop"],
    "epoll": ["epoll.py"],
    "node": ["server.js"],
}
THREAD_EACH = ("threads", "java")
# Clients are dealt to several processes by a hash: one of them gets a few more than its share.
DEALT_SHARE = 0.95


async def trial(t: Trial) -> None:
    t.phase("prepare")
    connections, port = t["connections"], t.rig.free_port()
    active = actives(connections, t["active_share"])
    crowd = Crowds(HOST, port, ASK.encode(HOST, port), connections=connections - active)
    allow_open_files(active + (crowd.connections if crowd.processes == 1 else 0))
    servers = await start_servers(t, port)
    await crowd.prepare()
    t.reading("empty_bytes", memory_bytes(t, servers))
    async with crowd:
        still_there(servers)
        t.loaded("silent", crowd.sample())
        t.reading("full_bytes", memory_bytes(t, servers))
        t.reading("server_processes", sum(t.rig.usage(each).processes for each in servers))
        t.phase("measure")
        due = poisson(RATE_PER_S, DURATION_S, t.seed)
        # They come from the addresses of the crowd: those have ports enough for all.
        sockets = socket_maker(addresses(HOST, connections))
        await t.load(
            "active", port, schedule=due, connections=active, timeout_s=PATIENCE_S, new_socket=sockets
        )
        t.reading("served_at_the_end", await crowd.served())


def actives(connections: int, share: float) -> int:
    """Returns how many of the clients send requests."""
    return min(max(round(connections * share), FEWEST_ACTIVE), connections - 1)


def copies(variant: str, connections: int) -> int:
    """Returns in how many processes the server runs: in one, unless one may not have what it needs.

    Raises SetupError where this machine can't have so many threads.
    """
    each = limits.files() - OTHER_FILES
    if variant == "process_pool":
        return 1
    if variant in THREAD_EACH:
        if connections > limits.threads():
            raise SetupError(
                f"{variant}: {connections:,} connections need a thread each; "
                f"this machine has room for {limits.threads():,} more.",
                "Raise kernel.pid_max and kernel.threads-max (sysctl -w kernel.pid_max=4194304), ask for "
                "fewer connections, or leave this server out: --set variant=asyncio,uvloop,epoll,node",
            )
        each = min(each, limits.stacks())
    if connections <= each:
        return 1
    return math.ceil(connections / max(1, each * DEALT_SHARE))


async def start_servers(t: Trial, port: int) -> list[Process]:
    """Starts the variant's server, off the core that the clients need; its copies share the port."""
    variant = t["variant"]
    count = copies(variant, t["connections"])
    command: list[Any]
    if variant == "java":
        await compile_once(t)
        command = ["java", "-cp", t.cache, "Server", port]
    else:
        program, *options = COMMANDS[variant]
        command = [SYSTEMS / program, port, *options]
    if variant == "node":
        # Programs of Node.js can't share a port, but one can divide itself.
        command, count = [*command, count], 1
    return [
        await t.rig.start(
            command,
            name=variant if count == 1 else f"{variant}-{number}",
            ready=LogReady("^ready"),
            cores=t.rig.server_cores,
        )
        for number in range(1, count + 1)
    ]


async def compile_once(t: Trial) -> None:
    """Compiles the Java server, once a run."""
    if not (t.cache / "Server.class").exists():
        javac = await t.rig.start(["javac", "-d", t.cache, SYSTEMS / "Server.java"], name="javac")
        await javac.wait(timeout_s=30)


def memory_bytes(t: Trial, servers: list[Process]) -> int:
    return sum(t.rig.usage(each).pss_bytes for each in servers)


def still_there(servers: list[Process]) -> None:
    """Raises SystemFailure with the last words of a server that ended under its crowd."""
    for each in servers:
        if not each.alive:
            raise each.failure(
                "it ended while its clients arrived.", "Ask for fewer: --set connections=10000"
            )


def outcome(h: History) -> Outcome:
    silent, active = h.loads["silent"], h.loads["active"]
    answered = (active.done_ns != UNFINISHED) & (active.error == 0)
    response_ms = np.where(answered, (active.done_ns - active.intended_ns) / 1e6, PATIENCE_S * 1000)
    warm = end_of_warmup(response_ms, batch=WINDOW)
    steady_ms = response_ms[len(response_ms) // 2 if warm is None else warm :]
    served = silent.done_ns != UNFINISHED
    were, stayed = int(served.sum()), int(h.readings["served_at_the_end"])
    empty_bytes, full_bytes = h.readings["empty_bytes"], h.readings["full_bytes"]
    metrics = {
        "memory_mib": full_bytes / 2**20,
        "left_waiting": float(len(served) - were),
        "server_processes": float(h.readings["server_processes"]),
        "in_time_share": middle_share(steady_ms <= IN_TIME_MS),
        "active_p50_ms": float(np.median(steady_ms)),
        "active_errors": float((~answered).sum()),
    }
    if slowest := percentile(steady_ms, 95):
        metrics["active_p95_ms"] = slowest.estimate
    if were:
        metrics["memory_per_connection_kib"] = max(full_bytes - empty_bytes, 0) / 1024 / were
    if were == len(served):
        metrics["accept_ms"] = float(silent.done_ns.max() - silent.start_ns) / 1e6
    arrived_s = np.sort((silent.done_ns[served] - silent.start_ns) / 1e9)
    batches = [served[start : start + BATCH] for start in range(0, len(served), BATCH)]
    left = [number for number, batch in enumerate(batches) if not batch.all()]
    nobody_left = Assumption(
        id="crowd_stayed",
        says="the silent clients who were served were still connected at the end",
        held=stayed == were,
        measured=f"{stayed:,} of {were:,}",
    )
    return Outcome(
        metrics=metrics,
        findings=tuple(left_waiting(silent, number, int((~batches[number]).sum())) for number in left),
        tries={"left_waiting": len(batches)},
        series={"clients_served_by_second": ramp(arrived_s)} if len(served) >= RAMP_FROM else {},
        assumptions=(nobody_left,),
    )


def middle_share(in_time: NDArray[np.bool_]) -> float:
    """Returns the share that is in time in the median of the windows."""
    windows = np.array_split(in_time, max(1, len(in_time) // WINDOW))
    return float(np.median([window.mean() for window in windows]))


def ramp(arrived_s: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Returns how many clients had been answered by when, as a curve of RAMP_POINTS points."""
    places = np.unique(np.linspace(0, max(len(arrived_s) - 1, 0), RAMP_POINTS).astype(int))
    return [(float(arrived_s[place]), float(place + 1)) for place in places if place < len(arrived_s)]


def left_waiting(silent: LoadSample, number: int, waiting: int) -> Finding:
    """Tells of the batch of the crowd, counted from 0, in which `waiting` clients were not answered."""
    first, last = number * BATCH + 1, min((number + 1) * BATCH, len(silent.done_ns))
    served = silent.done_ns[silent.done_ns != UNFINISHED]
    last_answer_ms = float(served.max(initial=silent.start_ns) - silent.start_ns) / 1e6
    says = f"{waiting} of the clients {first} to {last} never had an answer"
    return Finding(
        kind="left_waiting",
        key=f"batch {number + 1}",
        says=says,
        witness=(
            WitnessEvent(0.0, "crowd", "the first client connects and asks"),
            WitnessEvent(last_answer_ms, "server", f"answers for the last time: it has served {len(served)}"),
            WitnessEvent((silent.end_ns - silent.start_ns) / 1e6, "crowd", f"gives up: {says}"),
        ),
    )
