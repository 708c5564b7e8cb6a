"""One visitor asks for the slow page while many ask for the quick one; who waits for whom is counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    UNFINISHED,
    Assumption,
    Finding,
    History,
    HttpClient,
    LoadSample,
    Outcome,
    Request,
    Trial,
    WitnessEvent,
    open_loop,
    percentile,
    poisson,
    start_neighbour,
)

SYSTEMS = Path(__file__).parent / "systems"
PROGRAMS = {"python": "server.py", "node": "server.js"}
HOST, CALL_MS = "127.0.0.1", 200
RATE_PER_S, DURATION_S = 400, 0.55
CALLS_DUE_S = 0.15  # So long everybody else has the server for themselves.
PATIENCE_S = 5.0
CONNECTIONS = 128  # Enough for everybody who asks while one call lasts to ask at once.


async def trial(t: Trial) -> None:
    t.phase("prepare")
    neighbour = await start_neighbour(t.rig)
    port = t.rig.free_port()
    command = [SYSTEMS / PROGRAMS[t["runtime"]], port, neighbour.port, CALL_MS, t["variant"]]
    await t.rig.start(command, name=t["runtime"], port=port, cores=t.rig.server_cores)
    calls = np.full(t["calls"], round(CALLS_DUE_S * 1e9), np.int64)
    everybody = poisson(RATE_PER_S, DURATION_S, t.seed)
    t.phase("measure")
    async with asyncio.TaskGroup() as group:
        quick = group.create_task(
            open_loop(
                HOST, port, Request(), schedule=everybody, connections=CONNECTIONS, timeout_s=PATIENCE_S
            )
        )
        report = Request(path="/report")
        reports = group.create_task(
            open_loop(HOST, port, report, schedule=calls, connections=t["calls"], timeout_s=PATIENCE_S)
        )
    t.load("quick", quick.result())
    t.load("reports", reports.result())
    t.phase("final")
    async with HttpClient(HOST, neighbour.port) as client:
        t.reading("calls_ns", (await client.get("/calls")).json())


def outcome(h: History) -> Outcome:
    quick, reports = h.loads["quick"], h.loads["reports"]
    response_ms = np.where(answered(quick), (quick.done_ns - quick.intended_ns) / 1e6, PATIENCE_S * 1000)
    metrics = {"slowest_ms": float(response_ms.max())}
    if slow := percentile(response_ms, 90):
        metrics["quick_p90_ms"] = slow.estimate
    if answered(reports).all():
        metrics["reports_ms"] = float((reports.done_ns - reports.intended_ns).max()) / 1e6
    calls_ns = [(int(start), int(end)) for start, end in h.readings["calls_ns"]]
    if len(calls_ns) != 1:
        return Outcome(metrics=metrics, assumptions=assumptions(h, len(calls_ns), 0))
    start_ns, end_ns = calls_ns[0]
    came = (quick.intended_ns > start_ns) & (quick.intended_ns < end_ns)
    early = came & (quick.intended_ns < (start_ns + end_ns) // 2)
    before = answered(quick) & (quick.done_ns < end_ns)
    overtook, held_up = came & before, early & ~before
    if came.any():
        metrics["waited_share"] = float((came & ~before).sum() / came.sum())
    return Outcome(
        metrics=metrics,
        findings=(
            *told(quick, overtook, calls_ns[0], "overtook"),
            *told(quick, held_up & answered(quick), calls_ns[0], "held_up"),
        ),
        tries={"overtook": int(came.sum()), "held_up": int(early.sum())},
        assumptions=assumptions(h, 1, int(early.sum())),
    )


def answered(sample: LoadSample) -> NDArray[np.bool_]:
    """Returns which operations of a load have an answer."""
    found: NDArray[np.bool_] = (sample.done_ns != UNFINISHED) & (sample.error == 0)
    return found


def told(
    quick: LoadSample, which: NDArray[np.bool_], call_ns: tuple[int, int], kind: str
) -> tuple[Finding, ...]:
    """Tells of each request that overtook the call, or was held up by it, with times since the call began."""
    start_ns, end_ns = call_ns
    end = WitnessEvent((end_ns - start_ns) / 1e6, "neighbour", "answers the report's question")
    when = "before" if kind == "overtook" else "only after"
    found = []
    for place in np.flatnonzero(which):
        due_ms = float(quick.intended_ns[place] - start_ns) / 1e6
        done_ms = float(quick.done_ns[place] - start_ns) / 1e6
        served = WitnessEvent(done_ms, "visitor", f"is answered, {done_ms - due_ms:.1f} ms after asking")
        found.append(
            Finding(
                kind=kind,
                key=f"request {place}",
                says=f"a visitor who came during the report was answered {when} its end",
                witness=(
                    WitnessEvent(0.0, "neighbour", "has the report's question, and takes its time"),
                    WitnessEvent(due_ms, "visitor", "asks for the quick page"),
                    *((served, end) if done_ms < end.t_ms else (end, served)),
                ),
            )
        )
    return tuple(found)


def assumptions(h: History, calls: int, come: int) -> tuple[Assumption, ...]:
    """Returns what must be true of a trial: all were answered, every call was made, somebody came meanwhile.

    `come` is how many others came in the first half of a lone call.
    """
    wanted = int(h.treatment["calls"])
    asked = sum(len(sample.done_ns) for sample in h.loads.values())
    done = sum(int(answered(sample).sum()) for sample in h.loads.values())
    found = [
        Assumption(
            id="all_answered",
            says="every request was answered",
            held=done == asked,
            measured=f"{done:,} of {asked:,}",
        ),
        Assumption(
            id="calls_made",
            says="the server asked the neighbour once for each report",
            held=calls == wanted,
            measured=f"{calls} of {wanted}",
        ),
    ]
    if wanted == 1:
        found.append(
            Assumption(
                id="somebody_came",
                says="at least five others came in the first half of the call",
                held=come >= 5,
                measured=f"{come}",
            )
        )
    return tuple(found)
