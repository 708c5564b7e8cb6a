"""Simulated runs of a dozen treatments, judged after every block by the scatter of all of them together.

Two of the twelve are compared. Their noise is recorded noise with weather laid over, in the order in which
the trials of a block came, drawn anew for each block; `claims` judges what comes of it, as in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import exp, log
from statistics import median

import numpy as np

from benchmarks.verdicts.noise import Floats, Recording, Weather, recordings, stalls
from benchmarks.verdicts.rows import Count, in_turn
from benchmarks.verdicts.score import Score
from hinterland.claims.grounds.measured import Measured
from hinterland.claims.grounds.testimony import ratio
from hinterland.model.verdict import Outcome, TrialResult
from hinterland.statistics.interval import Interval

TREATMENTS, LOOKS = 12, 12
ALPHA = 0.05
MOST_FALSE = 0.05
LEAST_POWER = 0.90
# Results of like size, so that all of them count: no two differ by more than a factor of 3.
SIZES = log(3.0)
SEEN = log(1.2)
"""A trial that was slowed by more is marked disturbed where weather is seen."""

Scales = Callable[[np.random.Generator], Floats]


def _alike(rng: np.random.Generator) -> Floats:
    return np.ones(TREATMENTS)


def _unlike(rng: np.random.Generator) -> Floats:
    """Deviations that differ by factors of e and more; the two compared are one system, and scatter alike."""
    scales = np.exp(rng.normal(size=TREATMENTS))
    scales[1] = scales[0]
    return scales


def _pair_noisier(times: float, rng: np.random.Generator) -> Floats:
    return np.array([times, times, *[1.0] * (TREATMENTS - 2)])


SCATTERS: dict[str, Scales] = {
    "alike": _alike,
    "unlike": _unlike,
    "pair 3 x as noisy": partial(_pair_noisier, 3.0),
}
BEYOND: dict[str, Scales] = {"pair 10 x as noisy": partial(_pair_noisier, 10.0)}


def false_verdicts(
    weathers: dict[str, tuple[Weather, ...]], runs: int, seed: int = 6, count: Count = in_turn
) -> list[Score]:
    """A/A runs: in how many the interval excluded the true ratio of 1 after any of `LOOKS` blocks.

    `runs` for each weather, each kind of trial and each way in which treatments scatter.
    """
    judged = []
    for place, (scatter, scales) in enumerate(SCATTERS.items()):
        for number, (name, weather) in enumerate(weathers.items()):
            label, own = f"pooled, {scatter}: {name}", [seed, place, number]
            judged.append(partial(_count, label, weather, scales, runs, own, at_most=MOST_FALSE))
        label, own = f"pooled, {scatter}: stalls, seen", [seed, place, 98]
        judged.append(partial(_count, label, (), scales, runs, own, seen=True))
    # The control: a pair ten times as noisy as all others is more than the pool promises to withstand.
    beyond = [
        partial(_count, f"beyond what is assumed: {scatter}", (), scales, runs, [seed, 99])
        for scatter, scales in BEYOND.items()
    ]
    counted = count([*judged, *beyond])
    scores = counted[: len(judged)]
    total = Score(
        "pooled, all rows above", sum(s.hits for s in scores), sum(s.runs for s in scores), at_most=MOST_FALSE
    )
    return [*scores, total, *counted[len(judged) :]]


def power(runs: int, seed: int = 7, count: Count = in_turn) -> list[Score]:
    """Runs with a true difference: how many found it within `LOOKS` blocks, and after how many.

    That 3 x is at least 1.5 x is to be read, not judged: it hangs on how noisy a kind of trial is.
    """
    return count(
        [
            partial(_power, "163 x, asked 40 x", 163.0, 40.0, runs, [seed, 0], at_least=LEAST_POWER),
            partial(_power, "3 x, asked whether slower", 3.0, 1.0, runs, [seed, 2], at_least=LEAST_POWER),
            partial(_power, "3 x, asked 1.5 x", 3.0, 1.5, runs, [seed, 1]),
        ]
    )


def _count(
    name: str,
    weathers: Sequence[Weather],
    scales: Scales,
    runs: int,
    seed: list[int],
    *,
    at_most: float | None = None,
    seen: bool = False,
) -> Score:
    hits, kinds = 0, recordings()
    for number, recording in enumerate(kinds):
        rng = np.random.default_rng([*seed, number])
        for _ in range(runs):
            trials = _trials(recording, weathers, scales(rng), rng, seen=seen)
            hits += any(interval.excludes(0.0) for interval in _intervals(trials))
    return Score(name, hits, runs * len(kinds), at_most=MOST_FALSE if seen else at_most)


def _power(
    name: str, true: float, asked: float, runs: int, seed: list[int], *, at_least: float | None = None
) -> Score:
    after, kinds = [], recordings()
    for number, recording in enumerate(kinds):
        rng = np.random.default_rng([*seed, number])
        for _ in range(runs):
            trials = _trials(recording, (), np.ones(TREATMENTS), rng, ratio=true)
            looks = enumerate(_intervals(trials), start=1)
            found = next((blocks for blocks, interval in looks if interval.low >= log(asked)), None)
            after += [found] if found is not None else []
    remark = f"median after {median(after):.0f} blocks, at most {max(after)}" if after else ""
    return Score(f"pooled, {name}", len(after), runs * len(kinds), at_least=at_least, remark=remark)


def _trials(
    recording: Recording,
    weathers: Sequence[Weather],
    scales: Floats,
    rng: np.random.Generator,
    *,
    ratio: float = 1.0,
    seen: bool = False,
) -> list[TrialResult]:
    """Returns the trials of a run in time order; treatment 0 takes `ratio` times as long as treatment 1.

    seen: stalls are laid over, and the trials that they struck are marked.
    """
    count = TREATMENTS * LOOKS
    order = np.concatenate([rng.permutation(TREATMENTS) for _ in range(LOOKS)])
    log_times = (recording.resample(rng, count) - recording.log_work.mean()) * scales[order]
    for weather in weathers:
        log_times = log_times + weather(rng, count)
    added = stalls(rng, count) if seen else np.zeros(count)
    sizes = rng.uniform(0.0, SIZES, size=TREATMENTS)
    # Half of the others are like the one side, half like the other.
    sizes[::2] += log(ratio)
    sizes[0] = sizes[1] + log(ratio)
    log_times = log_times + added + sizes[order]
    return [
        TrialResult(
            id=str(place),
            block=place // TREATMENTS + 1,
            treatment={"system": int(system)},
            seed=0,
            status="done",
            outcome=Outcome(metrics={"work_s": exp(log_time)}),
            duration_s=0.1,
            disturbed="stalled" if extra > SEEN else "",
        )
        for place, (system, log_time, extra) in enumerate(zip(order, log_times, added, strict=True))
    ]


def _intervals(trials: list[TrialResult]) -> Iterator[Interval]:
    """Yields what is known of the ratio of treatments 0 and 1 after each block."""
    for blocks in range(1, LOOKS + 1):
        so_far = tuple(trials[: blocks * TREATMENTS])
        measured = Measured("work_s", "work", "s", "lower", timed=True, trials=so_far)
        yield ratio(measured, {"system": 0}, {"system": 1}, ALPHA).interval
