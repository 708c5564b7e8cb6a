"""Simulated runs: sequences of paired log ratios from recorded noise, judged after every block."""

from __future__ import annotations

from functools import partial
from math import log
from statistics import median

import numpy as np
from scipy.stats import t as student_t

from benchmarks.verdicts.noise import (
    Place,
    Recording,
    Weather,
    autocorrelated,
    log_ratios,
    quick_regimes,
    recordings,
    slow_regimes,
    stalls,
    trend,
)
from benchmarks.verdicts.rows import Count, in_turn
from benchmarks.verdicts.score import Score
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, first_exclusion, mean_sequence

# The worst drift inside blocks that the early part promises to withstand, just inside the declared allowance.
WITHIN_ALLOWANCE = 100 * (DRIFT_ALLOWANCE - 1) - 1

WEATHERS: dict[str, tuple[Weather, ...]] = {
    "as recorded": (),
    "autocorrelated": (autocorrelated,),
    "stalls with a Pareto tail": (stalls,),
    "regimes of 60 trials": (slow_regimes,),
    "regimes of 1 trial": (quick_regimes,),
    "trend": (trend,),
    "place in the block, 24 %": (Place(WITHIN_ALLOWANCE),),
    "all of these": (autocorrelated, stalls, slow_regimes, trend, Place(10)),
}

BLOCKS = 100
MOST_FALSE = 0.05
LEAST_POWER = 0.90
DIFFERENCE = 1.15
SAME = 1.25
BUDGET_S = 60.0


def false_verdicts(sequences: int, seed: int = 1, count: Count = in_turn) -> list[Score]:
    """A/A runs of `BLOCKS` blocks: how many excluded the true ratio of 1 after any block at all.

    Stopping at the worst moment counts, so the share bounds the false verdicts of every stopping rule.
    `sequences` are run for each weather and each kind of trial.
    """
    judged = [
        partial(_count, name, weathers, sequences, [seed, number], at_most=MOST_FALSE)
        for number, (name, weathers) in enumerate(WEATHERS.items())
    ]
    # The control: drift beyond the allowance, which the early part does not promise to withstand.
    beyond = partial(_count, "beyond what is assumed: place, 60 %", (Place(60.0),), sequences, [seed, 99])
    *scores, drifted, peeked = count([*judged, beyond, partial(_peeking, sequences, [seed, 0])])
    total = Score(
        "A/A, all weathers", sum(s.hits for s in scores), sum(s.runs for s in scores), at_most=MOST_FALSE
    )
    return [*scores, total, drifted, peeked]


def power(sequences: int, seed: int = 2, count: Count = in_turn) -> list[Score]:
    """Runs with a true difference of 15 %: how many found it within 60 s of recorded trials."""
    return count(
        [
            partial(_power, recording, sequences, [seed, number])
            for number, recording in enumerate(recordings())
        ]
    )


def sameness(sequences: int, seed: int = 3, count: Count = in_turn) -> list[Score]:
    """A/A runs of 60 s: how many showed that the sides differ by less than 25 %. To be read, not judged."""
    return count(
        [
            partial(_sameness, recording, sequences, [seed, number])
            for number, recording in enumerate(recordings())
        ]
    )


def _power(recording: Recording, sequences: int, seed: list[int]) -> Score:
    blocks = int(BUDGET_S / (2 * recording.trial_s))
    rng = np.random.default_rng(seed)
    found = [_found_after(recording, rng, blocks) for _ in range(sequences)]
    after = [n for n in found if n is not None]
    remark = (
        f"median after {median(after) * 2 * recording.trial_s:.1f} s, {median(after):.0f} blocks"
        if after
        else ""
    )
    return Score(f"15 %, {recording.kind}", len(after), sequences, at_least=LEAST_POWER, remark=remark)


def _sameness(recording: Recording, sequences: int, seed: list[int]) -> Score:
    blocks = int(BUDGET_S / (2 * recording.trial_s))
    rng = np.random.default_rng(seed)
    last = [mean_sequence(log_ratios(recording, (), rng, blocks)) for _ in range(sequences)]
    shown = sum(-log(SAME) < interval.low and interval.high < log(SAME) for interval in last)
    return Score(f"A/A within 25 %, {recording.kind}", shown, sequences)


def _count(
    name: str, weathers: tuple[Weather, ...], sequences: int, seed: list[int], at_most: float | None = None
) -> Score:
    hits = 0
    kinds = recordings()
    for number, recording in enumerate(kinds):
        rng = np.random.default_rng([*seed, number])
        for _ in range(sequences):
            hits += first_exclusion(log_ratios(recording, weathers, rng, BLOCKS), 0.0) is not None
    return Score(f"A/A, {name}", hits, sequences * len(kinds), at_most=at_most)


def _peeking(sequences: int, seed: list[int]) -> Score:
    """What an ordinary paired t-test at 5 % does when it is looked at after every block from the third on."""
    blocks = np.arange(3, BLOCKS + 1)
    limits = student_t.ppf(1 - MOST_FALSE / 2, blocks - 1)
    hits = 0
    kinds = recordings()
    for number, recording in enumerate(kinds):
        rng = np.random.default_rng([*seed, number])
        for _ in range(sequences):
            x = log_ratios(recording, (), rng, BLOCKS)
            sums, squares = np.cumsum(x)[2:], np.cumsum(x**2)[2:]
            deviation = np.sqrt(np.maximum(squares - sums**2 / blocks, 1e-300) / (blocks - 1))
            hits += bool((np.abs(sums / blocks) > limits * deviation / np.sqrt(blocks)).any())
    return Score("for comparison: t-test after each block", hits, sequences * len(kinds))


def _found_after(recording: Recording, rng: np.random.Generator, blocks: int) -> int | None:
    return first_exclusion(log_ratios(recording, (), rng, blocks) + log(DIFFERENCE), 0.0)
