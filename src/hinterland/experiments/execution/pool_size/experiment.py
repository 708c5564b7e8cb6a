"""Customers share a pool of connections to PostgreSQL; the pool grows, and the database stays what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hinterland.lab import Assumption, History, Outcome, Trial, postgresql, time_each

SYSTEMS = Path(__file__).parent / "systems"
DURATION_S, PATIENCE_S = 0.6, 20.0
WARM_UP = 0.2  # The share of the time before visits are counted: all customers come at once at first.
FEWEST = 20  # Visits a trial needs.
# The question is about cores, not about disks: a commit does not wait for one.
SETTINGS = {"fsync": False, "synchronous_commit": False, "max_connections": 120, "autovacuum": False}


async def trial(t: Trial) -> None:
    t.phase("prepare")
    cores = {min(t.rig.server_cores)}
    database = await t.start(postgresql(SETTINGS, cores=cores))
    command = [
        SYSTEMS / "shop.py",
        database.dsn,
        t["pool"],
        t["customers"],
        t["work"],
        t["think_ms"],
        DURATION_S,
    ]
    shop = await t.rig.start(command, name="shop", waits=True, cores=t.rig.generator_core)
    t.phase("measure")
    shop.tell()
    if await shop.wait(PATIENCE_S) != 0:
        raise shop.failure("did not finish.")
    t.phase("final")
    t.reading("shop", json.loads(shop.log().splitlines()[-1]))


def outcome(h: History) -> Outcome:
    shop: dict[str, Any] = h.readings["shop"]
    visits = np.array(shop["visits"], dtype=np.float64).reshape(-1, 4)
    came, had, left, attempts = visits.T
    begin_ns = shop["start_ns"] + WARM_UP * (shop["end_ns"] - shop["start_ns"])
    window_s = (shop["end_ns"] - begin_ns) / 1e9
    counted = (left >= begin_ns) & (left < shop["end_ns"])
    found = int(counted.sum())
    enough = Assumption(
        id="enough_visits",
        says=f"at least {FEWEST} visits ended in the time that counts",
        held=found >= FEWEST,
        measured=f"{found} visits",
    )
    if not found:
        return Outcome(assumptions=(enough,))
    metrics = {
        "response_ms": float((left - came)[counted].mean()) / 1e6,
        "computed_response_ms": 1e3 * int(h.treatment["customers"]) * window_s / found,
        "in_database_ms": float(np.median((left - had)[counted])) / 1e6,
        "queue_ms": float((had - came)[counted].mean()) / 1e6,
        "attempts": float(attempts[counted].mean()),
    }
    if each_ns := time_each(left[counted], int(h.treatment["pool"])):
        metrics["rate_per_s"] = 1e9 / each_ns
    return Outcome(metrics=metrics, assumptions=(enough,))
