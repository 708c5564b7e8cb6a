"""Fills a server with silent clients, reads its memory, then lets a few of them speak."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hinterland import (
    Assumption,
    Finding,
    History,
    LoadSample,
    Outcome,
    Trial,
    WitnessEvent,
    difference_within,
    never,
    ratio_at_least,
)
from hinterland.load import arrivals
from hinterland.load.crowd import Crowd, allow_open_files
from hinterland.load.http1 import Request, open_loop
from hinterland.model.experiment import Where
from hinterland.model.history import UNFINISHED
from hinterland.rig.process import Process
from hinterland.statistics.percentiles import percentile
from hinterland.statistics.warmup import end_of_warmup

SYSTEMS = Path(__file__).parent / "systems"
HOST, ASK = "127.0.0.1", Request()
RATE_PER_S, DURATION_S = 2_000, 0.8
PATIENCE_S = 0.5  # So long an active client waits; no answer counts as an answer after it.
IN_TIME_MS = 50
WINDOW = 40  # Requests of 20 ms, in whose means the end of the warm-up is looked for.
BATCH = 100  # Silent clients who arrive one after the other: one try of leaving somebody waiting.

COMMANDS: dict[str, list[str]] = {
    "threads": ["threads.py"],
    "process_pool": ["process_pool.py"],
    "asyncio": ["event_loop.py", "asyncio"],
    "uvloop": ["event_loop.py", "uvloop"],
    "node": ["server.js"],
}

FEW: Where = {"connections": 100}
MANY: Where = {"connections": 10_000}
THREADS: Where = {"variant": "threads"}
LOOP: Where = {"variant": "uvloop"}
POOL: Where = {"variant": "process_pool"}
JAVA: Where = {"variant": "java", **MANY}
NODE: Where = {"variant": "node", **MANY}

CLAIMS = {
    "a_stack_for_silence": ratio_at_least(
        metric="memory_mib", ratio=4, more={**THREADS, **MANY}, less={**LOOP, **MANY}, control=FEW
    ),
    "nobody_waits": never(finding="left_waiting", where={**LOOP, **MANY}, control=POOL, at_most=0.05),
    "unmoved_by_silence": difference_within(
        metric="in_time_share", ratio=1.5, one={**LOOP, **MANY}, other={**LOOP, **FEW}, control=POOL
    ),
    "other_way_when_few": ratio_at_least(
        metric="memory_mib", ratio=1, more={**LOOP, **FEW}, less={**THREADS, **FEW}, control=MANY
    ),
    "not_the_language": ratio_at_least(metric="memory_mib", ratio=2, more=JAVA, less=NODE, control=FEW),
}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    allow_open_files(t["connections"])
    port = t.rig.free_port()
    server = await start_server(t, port)
    t.reading("empty_bytes", t.rig.usage(server).pss_bytes)
    silent = t["connections"] - t["active"]
    async with Crowd(HOST, port, ASK.encode(HOST, port), connections=silent) as crowd:
        t.load("silent", crowd.sample())
        t.reading("full_bytes", t.rig.usage(server).pss_bytes)
        t.phase("measure")
        due = arrivals.poisson(RATE_PER_S, DURATION_S, t.seed)
        active = await open_loop(HOST, port, ASK, schedule=due, connections=t["active"], timeout_s=PATIENCE_S)
        t.load("active", active)
        t.reading("served_at_the_end", crowd.served)


async def start_server(t: Trial, port: int) -> Process:
    """Starts the variant's server, off the core that the clients need. Java is compiled once a run."""
    variant = t["variant"]
    if variant != "java":
        program, *options = COMMANDS[variant]
        return await t.rig.start(
            [SYSTEMS / program, port, *options], name=variant, port=port, cores=t.rig.server_cores
        )
    if not (t.cache / "Server.class").exists():
        javac = await t.rig.start(["javac", "-d", t.cache, SYSTEMS / "Server.java"], name="javac")
        await javac.wait(timeout_s=30)
    return await t.rig.start(
        ["java", "-cp", t.cache, "Server", port], name=variant, port=port, cores=t.rig.server_cores
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
        "in_time_share": float((steady_ms <= IN_TIME_MS).mean()),
        "active_p50_ms": float(np.median(steady_ms)),
        "active_errors": float((~answered).sum()),
    }
    if slowest := percentile(steady_ms, 99):
        metrics["active_p99_ms"] = slowest.estimate
    if were:
        metrics["memory_per_connection_kib"] = max(full_bytes - empty_bytes, 0) / 1024 / were
    if were == len(served):
        metrics["accept_ms"] = float(silent.done_ns.max() - silent.start_ns) / 1e6
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
        assumptions=(nobody_left,),
    )


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
