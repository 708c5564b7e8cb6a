"""Simulated runs in noise, the truth known: what `judge` sees of a machine that others use too.

A treatment has a true time and a share of it in which it computes; the rest it waits. Each noise returns the
time that is measured, what is noted of the disturbance, the weather as the rig records it, and a lateness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from msgspec.structs import replace
from runner_samples import result

from hinterland.model.verdict import Assumption, TrialResult
from hinterland.model.weather import Weather

Noise = Callable[[np.random.Generator, float, float], tuple[float, str, Weather, float]]
CORES = 2


def stalls(rng: np.random.Generator, true_ms: float, _: float) -> tuple[float, str, Weather, float]:
    """Two trials in five stand still for a while, with a heavy tail; a third of those goes unnoticed."""
    stalled = rng.random() < 0.4
    added = min(50.0, 3 * float(rng.pareto(1.2))) if stalled else 0.0
    noticed = stalled and rng.random() < 0.7
    return true_ms * _spread(rng) + added, "stalled" if noticed else "", Weather(cores=CORES), 0.0


def theft(rng: np.random.Generator, true_ms: float, computes: float) -> tuple[float, str, Weather, float]:
    """A hypervisor takes a share that changes from trial to trial, from none to half of what is wanted."""
    return _robbed(rng, true_ms, computes, float(rng.beta(1.5, 5)))


def steady_theft(
    rng: np.random.Generator, true_ms: float, computes: float
) -> tuple[float, str, Weather, float]:
    """It takes three tenths of what is wanted, all the time: that slows who computes, and not who waits."""
    return _robbed(rng, true_ms, computes, 0.3 * math.exp(0.15 * rng.normal()))


def lateness(rng: np.random.Generator, true_ms: float, computes: float) -> tuple[float, str, Weather, float]:
    """The link beside the trial is late in every other one, the later the more the trial computes."""
    late_ms = float(rng.exponential(1 + 6 * computes)) if rng.random() < 0.5 else 0.0
    told_ms = late_ms if late_ms > 2 else 0.0
    return true_ms * _spread(rng) + late_ms, "late" if told_ms else "", Weather(cores=CORES), told_ms


def _robbed(
    rng: np.random.Generator, true_ms: float, computes: float, share: float
) -> tuple[float, str, Weather, float]:
    stretch = (1 - computes) + computes / (1 - share)
    # A little is always computed: a trial's own book-keeping.
    wanted = computes + 0.03
    stolen = wanted * share / (1 - share) / stretch / CORES
    weather = Weather(cores=CORES, steal_share=stolen, busy_share=wanted / stretch / CORES)
    return true_ms * _spread(rng) * stretch, "stolen" if stolen > 0.05 else "", weather, 0.0


def _spread(rng: np.random.Generator) -> float:
    return math.exp(0.05 * rng.normal())


def noisy_trials(
    rng: np.random.Generator,
    noise: Noise,
    true_ms: Mapping[str, tuple[float, float]],
    computes: Mapping[str, float],
    blocks: int,
) -> list[TrialResult]:
    """Returns the trials of a run. true_ms: a variant's times with 10 clients and, as control, with 1."""
    found = []
    for block in range(1, blocks + 1):
        for variant, pair in true_ms.items():
            for clients, true in zip((10, 1), pair, strict=True):
                value, disturbed, weather, late_ms = noise(rng, true, computes.get(variant, 0.5))
                metrics = {"latency_ms": value, "rate_per_s": 1e3 / value, "expected_ms": 10.0}
                trial = result(block, {"variant": variant, "clients": clients}, metrics, weather=weather)
                late = Assumption(
                    "on_time", "the link was on time", held=not late_ms, timed=True, late_ms=late_ms
                )
                outcome = replace(trial.outcome, assumptions=(late,))
                found.append(replace(trial, disturbed=disturbed, outcome=outcome, duration_s=1.0))
    return found
