"""Clients ask for reports without a pause; the server is improved in three ways, and each is weighed."""

from __future__ import annotations

import json
from pathlib import Path

from hinterland.lab import (
    UNFINISHED,
    Assumption,
    History,
    Outcome,
    Trial,
    Where,
    start_neighbour,
    time_each,
)

SYSTEMS = Path(__file__).parent / "systems"
HOST, DURATION_S, PATIENCE_S = "127.0.0.1", 0.32, 5.0
ROUNDS = 2.5  # At least so often every worker makes a report.
REPORT_MS = 10.0  # One report before anything was improved: its waiting and its computing together.


async def trial(t: Trial) -> None:
    t.phase("prepare")
    wait_ms, cpu_ms = times_ms(t.treatment)
    port, core = t.rig.free_port(), {min(t.rig.server_cores)}
    neighbour = await start_neighbour(t.rig, cores=t.rig.generator_core)
    command = [SYSTEMS / "reports.py", port, neighbour.port, wait_ms, cpu_ms, t["workers"]]
    server = await t.rig.start(command, name="reports", port=port, cores=core)
    t.phase("measure")
    # One client more than workers: somebody always waits, so no worker is ever idle.
    clients = t["workers"] + 1
    duration_s = max(DURATION_S, ROUNDS * t["workers"] * computed_ms(t.treatment) / 1000)
    await t.load(
        "reports", port, closed=True, connections=clients, duration_s=duration_s, timeout_s=PATIENCE_S
    )
    t.phase("final")
    await server.stop()
    t.reading("server", json.loads(server.log()))


def times_ms(treatment: Where) -> tuple[float, float]:
    """Returns how long a report waits and how long it computes with these levels, in ms."""
    share, change = float(treatment["wait_share"]), treatment["change"]
    wait_ms, cpu_ms = REPORT_MS * share, REPORT_MS * (1 - share)
    if change == "half_wait":
        wait_ms /= 2
    if change == "half_cpu":
        cpu_ms /= 2
    return wait_ms, cpu_ms


def computed_ms(treatment: Where) -> float:
    """Returns what a report should cost in the long run: its share of a round, or the core's time for it."""
    wait_ms, cpu_ms = times_ms(treatment)
    return max((wait_ms + cpu_ms) / int(treatment["workers"]), cpu_ms)


def outcome(h: History) -> Outcome:
    sample, server = h.loads["reports"], h.readings["server"]
    done_ns = sample.done_ns[(sample.done_ns != UNFINISHED) & (sample.error == 0)]
    each_ns = time_each(done_ns, int(h.treatment["workers"]))
    metrics = {"computed_ms": computed_ms(h.treatment)}
    if each_ns:
        metrics |= {"report_ms": each_ns / 1e6, "rate_per_s": 1e9 / each_ns}
    if server["took_ns"]:
        metrics["waiting_share"] = server["waited_ns"] / server["took_ns"]
    everything = Assumption(
        id="all_answered",
        says="every request was answered",
        held=len(done_ns) == len(sample.done_ns),
        measured=f"{len(done_ns):,} of {len(sample.done_ns):,}",
    )
    return Outcome(metrics=metrics, assumptions=(everything,))
