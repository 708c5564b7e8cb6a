"""Sends the same kinds of traffic through caches that differ in whom they throw out, and counts hits."""

from __future__ import annotations

import numpy as np

from hinterland.lab import History, Outcome, Trial, assume

REQUESTS = 200_000
PATIENCE_S = 60.0


async def trial(t: Trial) -> None:
    t.phase("measure")
    capacity = round(t["keys"] * t["size_share"])
    asked = ["--traffic", t["traffic"], "--skew", t["skew"], "--keys", t["keys"], "--capacity", capacity]
    asked += ["--requests", REQUESTS, "--seed", t.seed]
    replay = await t.start("replay.py", t["policy"], *asked, name="replay")
    if await replay.wait(PATIENCE_S) != 0:
        raise replay.failure("it ended before it was done.")
    t.reading("replayed", replay.said())


def outcome(h: History) -> Outcome:
    replayed, treatment = h.readings["replayed"], h.treatment
    metrics = {
        "hit_ratio": replayed["hits"] / replayed["requests"],
        "requests_per_s": replayed["requests_per_s"],
    }
    if treatment["traffic"] in ("zipf", "uniform"):
        skew = float(treatment["skew"]) if treatment["traffic"] == "zipf" else 0.0
        metrics["che_hit_ratio"] = che(int(treatment["keys"]), skew, float(treatment["size_share"]))
    counted = assume(
        f"{REQUESTS:,} requests were counted",
        replayed["requests"] == REQUESTS,
        f"{replayed['requests']:,}",
        name="counted",
    )
    return Outcome(metrics=metrics, assumptions=(counted,))


def che(keys: int, skew: float, size_share: float) -> float:
    """Returns the hit ratio of an LRU cache by Che's approximation.

    A key that is asked for with probability q stays for a time T that is the same for all: it is there if it
    was asked for within it, with probability 1 - exp(-q T). T is the one for which as many keys are there as
    there is room for (Che, Tung, Wang 2002; Fricker, Robert, Roberts 2012).
    """
    weights = np.arange(1, keys + 1, dtype=float) ** -skew
    q, capacity = weights / weights.sum(), keys * size_share
    low, high = 0.0, 1e3 * keys
    for _ in range(100):
        middle = (low + high) / 2
        fits = float((1 - np.exp(-q * middle)).sum()) < capacity
        low, high = (middle, high) if fits else (low, middle)
    return float((q * (1 - np.exp(-q * low))).sum())
