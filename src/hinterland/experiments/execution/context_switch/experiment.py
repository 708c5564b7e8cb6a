"""Parties hand a token round, and each does a little work: what of a turn is work, what the switch?"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from hinterland.lab import Assumption, History, Outcome, Process, Trial

SYSTEMS = Path(__file__).parent / "systems"
BATCHES, PATIENCE_S, COMPILE_S = 6, 20.0, 60.0
LEAST_US = 0.001  # What can't be told from nothing; a logarithm needs more than that.
FEWEST_TURNS = 50


async def trial(t: Trial) -> None:
    t.phase("prepare")
    ring = await start_ring(t)
    t.phase("measure")
    ring.tell()
    if await ring.wait(PATIENCE_S) != 0:
        raise ring.failure("did not finish.")
    t.phase("final")
    t.reading("ring", json.loads(ring.log().splitlines()[-1]))


async def start_ring(t: Trial) -> Process:
    """Starts the parties, all on one core. The program in C is compiled once a run."""
    core = min(t.rig.server_cores)
    options = [t["who"], t["parties"], t["memory_kib"], t["whose"], core, BATCHES]
    if t["language"] == "python":
        return await t.rig.start([SYSTEMS / "ring.py", *options], name="ring", waits=True)
    made = t.cache / "ring"
    if not made.exists():
        half = t.cache / "ring.half"
        compiler = await t.rig.start(
            ["gcc", "-O2", "-pthread", "-o", half, SYSTEMS / "ring.c"], name="compiler"
        )
        if await compiler.wait(COMPILE_S) != 0:
            raise compiler.failure("could not compile ring.c.")
        half.rename(made)
    return await t.rig.start([made, *options], name="ring", waits=True)


def outcome(h: History) -> Outcome:
    ring = h.readings["ring"]
    turn_us, work_us = median(ring["turn_ns"]) / 1e3, median(ring["alone_ns"]) / 1e3
    between_us = median(
        (turn - alone) / 1e3 for turn, alone in zip(ring["turn_ns"], ring["alone_ns"], strict=True)
    )
    metrics = {
        "turn_us": turn_us,
        "work_us": work_us,
        "switch_us": max(between_us, LEAST_US),
        "kernel_switches": round(ring["voluntary"] / ring["turns"], 3),
        "computed_switches": 1.0,
    }
    enough = Assumption(
        id="went_round",
        says=f"the token was handed on at least {FEWEST_TURNS} times",
        held=ring["turns"] >= FEWEST_TURNS,
        measured=f"{ring['turns']:,} turns",
    )
    return Outcome(metrics=metrics, assumptions=(enough,))
