"""One visitor asks for the slow page while many ask for the quick one; who waits for whom is counted."""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from hinterland.lab import (
    PORT,
    Assumption,
    Finding,
    History,
    HttpClient,
    LoadSample,
    Outcome,
    Trial,
    assume,
    percentile,
    poisson,
    start_neighbour,
    told,
)

PROGRAMS = {"python": "server.py", "node": "server.js"}
HOST, CALL_MS = "127.0.0.1", 200
RATE_PER_S, DURATION_S = 400, 0.55
CALLS_DUE_S = 0.15  # So long everybody else has the server for themselves.
PATIENCE_S = 5.0
CONNECTIONS = 128  # Enough for everybody who asks while one call lasts to ask at once.


async def trial(t: Trial) -> None:
    t.phase("prepare")
    neighbour = await start_neighbour(t.rig)
    server = await t.start(
        PROGRAMS[t["runtime"]], PORT, neighbour.port, CALL_MS, t["variant"],
        name=t["runtime"], cores=t.rig.server_cores,
    )  # fmt: skip
    calls = np.full(t["calls"], round(CALLS_DUE_S * 1e9), np.int64)
    everybody = poisson(RATE_PER_S, DURATION_S, t.seed)

    async def ask(name: str, path: str, schedule: NDArray[np.int64], connections: int) -> None:
        url = f"http://{HOST}:{server.port}{path}"
        await t.load(name, url, schedule=schedule, connections=connections, timeout_s=PATIENCE_S)

    t.phase("measure")
    await asyncio.gather(
        ask("quick", "/", everybody, CONNECTIONS), ask("reports", "/report", calls, len(calls))
    )
    t.phase("final")
    async with HttpClient(HOST, neighbour.port) as client:
        t.reading("calls_ns", (await client.get("/calls")).json())


def outcome(h: History) -> Outcome:
    quick, reports = h.loads["quick"], h.loads["reports"]
    response_ms = np.minimum(quick.response_ms, PATIENCE_S * 1000)
    metrics = {"slowest_ms": float(response_ms.max())}
    if slow := percentile(response_ms, 90):
        metrics["quick_p90_ms"] = slow.estimate
    if reports.answered.all():
        metrics["reports_ms"] = float(reports.response_ms.max())
    calls_ns = [(int(start), int(end)) for start, end in h.readings["calls_ns"]]
    if len(calls_ns) != 1:
        return Outcome(metrics=metrics, assumptions=assumptions(h, len(calls_ns), 0))
    start_ns, end_ns = calls_ns[0]
    came = (quick.intended_ns > start_ns) & (quick.intended_ns < end_ns)
    early = came & (quick.intended_ns < (start_ns + end_ns) // 2)
    before = quick.answered & (quick.done_ns < end_ns)
    overtook, held_up = came & before, early & ~before & quick.answered
    if came.any():
        metrics["waited_share"] = float((came & ~before).sum() / came.sum())
    return Outcome(
        metrics=metrics,
        findings=(
            *(visit(quick, int(place), calls_ns[0], "overtook") for place in np.flatnonzero(overtook)),
            *(visit(quick, int(place), calls_ns[0], "held_up") for place in np.flatnonzero(held_up)),
        ),
        tries={"overtook": int(came.sum()), "held_up": int(early.sum())},
        assumptions=assumptions(h, 1, int(early.sum())),
    )


def visit(quick: LoadSample, place: int, call_ns: tuple[int, int], kind: str) -> Finding:
    """Tells of a request that overtook the call, or was held up by it."""
    due_ns, done_ns = int(quick.intended_ns[place]), int(quick.done_ns[place])
    when = "before" if kind == "overtook" else "only after"
    return told(
        kind,
        f"request {place}",
        f"a visitor who came during the report was answered {when} its end",
        (call_ns[0], "neighbour", "has the report's question, and takes its time"),
        (due_ns, "visitor", "asks for the quick page"),
        (done_ns, "visitor", f"is answered, {(done_ns - due_ns) / 1e6:.1f} ms after asking"),
        (call_ns[1], "neighbour", "answers the report's question"),
    )


def assumptions(h: History, calls: int, come: int) -> tuple[Assumption, ...]:
    """Returns what must be true of a trial: all were answered, every call was made, somebody came meanwhile.

    `come` is how many others came in the first half of a lone call.
    """
    wanted = int(h.treatment["calls"])
    asked = sum(len(sample.done_ns) for sample in h.loads.values())
    done = sum(int(sample.answered.sum()) for sample in h.loads.values())
    somebody = assume(
        "at least five others came in the first half of the call", come >= 5, come, name="somebody_came"
    )
    return (
        assume("every request was answered", done == asked, f"{done:,} of {asked:,}", name="all_answered"),
        assume(
            "the server asked the neighbour once for each report",
            calls == wanted,
            f"{calls} of {wanted}",
            name="calls_made",
        ),
        *([somebody] if wanted == 1 else []),
    )
