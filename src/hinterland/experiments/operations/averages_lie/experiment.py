"""Asks servers of one mean and different tails; looks at means, percentiles, averaged percentiles, pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hinterland.lab import (
    Assumption,
    History,
    Outcome,
    Trial,
    answered,
    constant,
    summarise,
)

SYSTEMS = Path(__file__).parent / "systems"
LOAD_S = 0.7
WINDOWS = 10
CALM_WINDOWS = 5  # So few that slow answers at random places are in each of them.
SLOW_MS = 100  # Between the fast answers, of 2 ms, and the slow ones, of 202.
LEAST_MS = 10.0  # A machine that others use stands still that long by itself: less is not compared.
CONNECTIONS = 500  # As many as the slow answers of a burst keep busy, and more.


async def trial(t: Trial) -> None:
    t.phase("prepare")
    a_page, rate = int(t["requests_a_page"]), int(t["rate_per_s"])
    pages = round(rate * LOAD_S / a_page)
    port = t.rig.free_port()
    plan = [t["variant"], t["slow_share"], pages * a_page, t.seed]
    await t.rig.start([SYSTEMS / "server.py", port, *plan], name="server", port=port)
    t.phase("measure")
    # The requests of a page are due at one moment, as a browser or a gateway sends them.
    schedule = np.repeat(constant(rate / a_page, LOAD_S), a_page)
    await t.load("requests", port, schedule=schedule, connections=CONNECTIONS)


def outcome(h: History) -> Outcome:
    sample = h.loads["requests"]
    a_page = int(h.treatment["requests_a_page"])
    requests_ms = 1e3 * summarise(sample).response_s
    pages_ms = requests_ms[: len(requests_ms) // a_page * a_page].reshape(-1, a_page).max(axis=1)
    p99_ms = at(pages_ms, 99)
    averaged_ms = float(np.mean(p99s_ms(pages_ms, WINDOWS)))
    share = float(h.treatment["slow_share"]) if h.treatment["variant"] != "steady" else 0.0
    metrics = {
        "mean_ms": float(pages_ms.mean()),
        "p50_ms": at(pages_ms, 50),
        "p99_ms": p99_ms,
        "averaged_p99_ms": averaged_ms,
        "calm_p99_ms": min(p99s_ms(pages_ms, CALM_WINDOWS)),
        "understated": max(p99_ms, LEAST_MS) / max(averaged_ms, LEAST_MS),
        "slow_pages": float((pages_ms > SLOW_MS).mean()),
    }
    if share:
        metrics["computed_slow_pages"] = 1 - (1 - share) ** a_page
    good = answered(sample)
    all_answered = Assumption(
        id="all_answered",
        says="every request was answered",
        held=good == len(requests_ms),
        measured=f"{good} of {len(requests_ms)}",
    )
    return Outcome(metrics=metrics, assumptions=(all_answered,))


def p99s_ms(times_ms: np.ndarray[Any, Any], windows: int) -> list[float]:
    """Returns the p99 of each of so many windows of equal size."""
    return [at(each, 99) for each in np.array_split(times_ms, windows) if len(each)]


def at(times_ms: np.ndarray[Any, Any], percent: float) -> float:
    """Returns the smallest time that so many percent do not exceed."""
    return float(np.percentile(times_ms, percent, method="inverted_cdf"))
