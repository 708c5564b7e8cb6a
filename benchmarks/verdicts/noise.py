"""Noise for simulated runs: recorded real trials, resampled, with worse weather laid over them.

`recorded.json` holds, for each kind of trial, the seconds of 400 trials of the same work run one after
another (`work_s`) and the mean seconds of a whole trial, process start included (`trial_s`).
Run `python -m benchmarks.verdicts.noise` to record them anew.

A **weather** is a function that returns the extra log time of each trial of a run, in time order.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import log
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdicts import trials

Floats = NDArray[np.float64]
Weather = Callable[[np.random.Generator, int], Floats]

RECORDED = Path(__file__).with_name("recorded.json")

# Mean length of the stretches of recorded trials that are resampled whole, which keeps their autocorrelation.
STRETCH = 30
# Identical RocksDB runs gave 138k/s and 246k/s minutes apart: the size of a change of regime.
REGIME = log(246 / 138)


@dataclass(frozen=True)
class Recording:
    """Trials of one kind: log seconds of the work in time order, and the mean seconds of a whole trial."""

    kind: str
    log_work: Floats
    trial_s: float

    def resample(self, rng: np.random.Generator, count: int) -> Floats:
        """`count` log times by the stationary bootstrap: random stretches of the recording, in a row.

        Method: Politis and Romano 1994.
        """
        jumps = rng.random(count) < 1 / STRETCH
        jumps[0] = True
        starts = rng.integers(len(self.log_work), size=count)
        stretch = np.maximum.accumulate(np.where(jumps, np.arange(count), 0))
        places = (starts[stretch] + np.arange(count) - stretch) % len(self.log_work)
        resampled: Floats = self.log_work[places]
        return resampled


def recordings() -> list[Recording]:
    """The recorded trials, one entry a kind."""
    kinds = json.loads(RECORDED.read_text())
    return [Recording(kind, np.log(kept["work_s"]), kept["trial_s"]) for kind, kept in kinds.items()]


def log_ratios(
    recording: Recording, weathers: tuple[Weather, ...], rng: np.random.Generator, blocks: int
) -> Floats:
    """Paired log ratios of an A/A run: two trials of the same work a block, in random order."""
    log_times = recording.resample(rng, 2 * blocks)
    for weather in weathers:
        log_times = log_times + weather(rng, 2 * blocks)
    first, second = log_times[::2], log_times[1::2]
    a_is_first = rng.integers(2, size=blocks) * 2 - 1
    ratios: Floats = a_is_first * (first - second)
    return ratios


def autocorrelated(rng: np.random.Generator, count: int) -> Floats:
    """A first-order autoregression (0.9 from trial to trial) with a standard deviation of 20 %."""
    steps = rng.normal(scale=0.2 * np.sqrt(1 - 0.9**2), size=count)
    level = np.empty(count)
    level[0] = rng.normal(scale=0.2)
    for i in range(1, count):
        level[i] = 0.9 * level[i - 1] + steps[i]
    return level


def stalls(rng: np.random.Generator, count: int) -> Floats:
    """One trial in six is slowed by a factor with a Pareto tail of index 1: no finite mean."""
    stalled = rng.random(count) < 1 / 6
    slowed: Floats = np.log1p(0.2 * rng.pareto(1.0, size=count))
    return stalled * slowed


def slow_regimes(rng: np.random.Generator, count: int) -> Floats:
    """A fast and a slow regime that last 60 trials on average."""
    return np.asarray(REGIME * (np.cumsum(rng.random(count) < 1 / 60) % 2), dtype=np.float64)


def quick_regimes(rng: np.random.Generator, count: int) -> Floats:
    """A fast and a slow regime, drawn anew for each trial: the results have two peaks."""
    return np.asarray(REGIME * rng.integers(2, size=count), dtype=np.float64)


def trend(rng: np.random.Generator, count: int) -> Floats:
    """A steady rise or fall of up to a factor of 7 over the run, and a warm-up in the first trials."""
    rise = rng.uniform(-2, 2) * np.arange(count, dtype=np.float64) / count
    warm_up: Floats = rng.uniform(0, 0.2) * np.exp(-np.arange(count) / 5)
    return np.asarray(rise + warm_up, dtype=np.float64)


@dataclass(frozen=True)
class Place:
    """A weather: the second trial of every block is slower by `percent`, with nothing random about it."""

    percent: float

    def __call__(self, rng: np.random.Generator, count: int) -> Floats:
        return np.asarray(log(1 + self.percent / 100) * (np.arange(count) % 2), dtype=np.float64)


def record(trials_per_kind: int = 400) -> None:
    """Run each kind of trial `trials_per_kind` times in a row and write `recorded.json`."""
    kinds = {}
    for kind, (_, units) in trials.KINDS.items():
        start = perf_counter()
        work_s = [round(trials.run(kind, units), 6) for _ in range(trials_per_kind)]
        trial_s = (perf_counter() - start) / trials_per_kind
        kinds[kind] = {"units": units, "trial_s": round(trial_s, 4), "work_s": work_s}
        print(f"{kind}: {trials_per_kind} trials of {trial_s:.3f} s", file=sys.stderr)
    RECORDED.write_text(json.dumps(kinds) + "\n")


if __name__ == "__main__":
    record()
