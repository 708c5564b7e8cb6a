"""Two runs of a load compared: ratios with intervals from each run's own seconds, and a test of their
errors."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, inf, isfinite, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import coarse, upper_ns
from hinterland.statistics.interval import Interval

Floats = NDArray[np.float64]

SECONDS_ARE_ALIKE = (
    "the runs differ by no more than their seconds do: what changes only from start to start is not seen"
)

FEWEST_BLOCKS = 5
"""With fewer blocks than this their scatter says nothing."""
MOST_SECONDS = 600
_REPLICATES, _PERMUTATIONS = 2000, 9999
# 0.4 % wide: far finer than any interval, and four times as fast as the histogram's own.
_COARSER = 4
# Stands for a percentile that lies among the operations without an answer.
_NEVER_NS = 1e18


class Seconds:
    """One run's seconds as a matrix: a row a second, a column a bin; operations without an answer last."""

    def __init__(self, seconds: Sequence[Counts]) -> None:
        seconds = [coarse(each, _COARSER) for each in seconds]
        self.edges_ns = np.unique(np.concatenate([each.bins for each in seconds] or [np.zeros(0, np.int32)]))
        rows = np.zeros((len(seconds), len(self.edges_ns) + 1))
        for row, each in zip(rows, seconds, strict=True):
            row[np.searchsorted(self.edges_ns, each.bins)] = each.counts
            row[-1] = each.missing
        self.rows = _gathered(rows)
        self.upper_ns = np.append(upper_ns(self.edges_ns.astype(np.int32)).astype(float), _NEVER_NS)

    def percentiles_ns(self, q: float, weights: Floats) -> Floats:
        """Returns a percentile for each row of `weights`: how often each second was drawn."""
        summed = np.cumsum(weights @ self.rows, axis=1)
        wanted = np.maximum(1.0, np.ceil(q * summed[:, -1] * (1 - 1e-12)))
        places = np.argmax(summed >= wanted[:, None] - 1e-6, axis=1)
        return np.asarray(self.upper_ns[places], float)

    def block_s(self, q: float) -> int:
        """Returns how long a block must be for what its seconds share."""
        beyond = self.rows[:, self.upper_ns > self.percentiles_ns(q, np.ones((1, len(self.rows))))[0]]
        return block_length(beyond.sum(axis=1))


def percentile_ratio(
    one: Sequence[Counts], other: Sequence[Counts], q: float, *, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """The ratio one/other of a percentile (`q` from 0 to 1), with an interval.

    Each run is drawn again from its own blocks of seconds, with replacement, 2000 times: the circular block
    bootstrap (Politis and Romano 1992, after Kuensch 1989), whose blocks keep what neighbouring seconds
    share (`block_length`). Percentiles come from the summed histograms of the seconds drawn. The interval
    is widened as Student's t is against the normal, for the number of blocks. An operation without an
    answer lies above every time, so a percentile may be infinite, and the ratio with it; it is NaN where
    both are. Bounds are 0 and infinity with fewer than 5 blocks on a side.
    """
    random = np.random.default_rng(seed)
    runs = [Seconds(one), Seconds(other)]
    n = min(len(one), len(other))
    if not n:
        return Interval(float("nan"), 0.0, inf, 0)
    whole = [float(run.percentiles_ns(q, np.ones((1, len(run.rows))))[0]) for run in runs]
    estimate = _ratio(*whole)
    lengths = [run.block_s(q) for run in runs]
    blocks = min(len(run.rows) // length for run, length in zip(runs, lengths, strict=True))
    if blocks < FEWEST_BLOCKS:
        return Interval(estimate, 0.0, inf, n)
    drawn = [
        run.percentiles_ns(q, _draws(len(run.rows), length, random))
        for run, length in zip(runs, lengths, strict=True)
    ]
    return _interval(estimate, whole, drawn, blocks, n, confidence)


def rate_ratio(
    one: Sequence[int], other: Sequence[int], *, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """The ratio one/other of the mean count a second, with an interval from the same bootstrap."""
    random = np.random.default_rng(seed)
    n = min(len(one), len(other))
    if not n:
        return Interval(float("nan"), 0.0, inf, 0)
    runs = [_gathered(np.asarray(each, float).reshape(-1, 1))[:, 0] for each in (one, other)]
    spans = [len(one), len(other)]
    whole = [float(run.sum()) / span for run, span in zip(runs, spans, strict=True)]
    estimate = whole[0] / whole[1] if whole[1] else inf if whole[0] else float("nan")
    lengths = [block_length(run) for run in runs]
    blocks = min(len(run) // length for run, length in zip(runs, lengths, strict=True))
    if blocks < FEWEST_BLOCKS:
        return Interval(estimate, 0.0, inf, n)
    drawn = [
        (_draws(len(run), length, random) @ run) / span
        for run, length, span in zip(runs, lengths, spans, strict=True)
    ]
    return _interval(estimate, whole, drawn, blocks, n, confidence)


def error_test(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]], *, seed: int = 0) -> float:
    """The probability of shares of errors as different as these, or more, were both runs alike.

    Each entry is a second: (errors, operations). Blocks of seconds are dealt anew to the two runs 9999
    times: a permutation test, which lets errors come in bursts as they do, where a test that takes each
    operation for itself would be far too sure. The deal as it was counts as one of them, so that it is
    never 0 (Phipson and Smyth 2010). 1.0 where neither run has an error, or one has no second.
    """
    random = np.random.default_rng(seed)
    seconds = [np.asarray(each, float).reshape(-1, 2) for each in (one, other)]
    if not all(len(each) for each in seconds) or not any(each[:, 0].any() for each in seconds):
        return 1.0
    length = max(block_length(each[:, 0]) for each in seconds)
    runs = [np.add.reduceat(each, np.arange(0, len(each), length), axis=0) for each in seconds]
    pooled = np.concatenate(runs)
    labels = np.zeros(len(pooled), bool)
    labels[: len(runs[0])] = True
    observed = _apart(pooled, labels[None, :])[0]
    deals = random.permuted(np.tile(labels, (_PERMUTATIONS, 1)), axis=1)
    as_far = int(np.count_nonzero(_apart(pooled, deals) >= observed * (1 - 1e-12)))
    return (as_far + 1) / (_PERMUTATIONS + 1)


def block_length(values: Floats) -> int:
    """How many seconds a block of the bootstrap holds: the more, the more like its neighbour each second is.

    Politis and White's rule for the circular bootstrap (2004, corrected 2009) for a series whose
    autocorrelation falls geometrically from the correlation r of neighbours: (6 r^2 / (1 - r^2)^2 n)^(1/3).
    At least 1, and at most a fifth of the series.
    """
    n = len(values)
    most = max(1, n // FEWEST_BLOCKS)
    apart = np.asarray(values, float) - np.mean(values)
    spread = float(apart @ apart)
    if n < 3 or spread <= 0:
        return 1
    # The correlation of a short series comes out too low (Marriott and Pope 1954).
    r = float(apart[1:] @ apart[:-1]) / spread
    r = min(r + (1 + 4 * max(r, 0.0)) / n, 0.95)
    if r <= 0:
        return 1
    length: int = max(1, ceil(float(np.cbrt(6 * n)) * float(r / (1 - r * r)) ** (2 / 3)))
    return min(most, length)


def _apart(pooled: Floats, deals: NDArray[np.bool_]) -> Floats:
    """How far apart the shares of errors of the two sides are, for each deal."""
    ours = deals.astype(float) @ pooled
    theirs = pooled.sum(axis=0) - ours
    shares = [side[:, 0] / np.maximum(side[:, 1], 1.0) for side in (ours, theirs)]
    return np.asarray(np.abs(shares[0] - shares[1]), float)


def _gathered(rows: Floats) -> Floats:
    """Returns the rows summed in groups, so that there are at most `MOST_SECONDS`."""
    size = ceil(len(rows) / MOST_SECONDS) or 1
    return rows if size == 1 else np.add.reduceat(rows, np.arange(0, len(rows), size), axis=0)


def _draws(seconds: int, length: int, random: np.random.Generator) -> Floats:
    """Returns how often each second is drawn in each replicate. A block that passes the end goes on at 0."""
    starts = random.integers(0, seconds, (_REPLICATES, ceil(seconds / length)))
    places = (starts[:, :, None] + np.arange(length)) % seconds
    # The last block is cut, so that each replicate is as long as the run.
    drawn = places.reshape(_REPLICATES, -1)[:, :seconds]
    weights = np.zeros((_REPLICATES, seconds))
    np.add.at(weights, (np.arange(_REPLICATES)[:, None], drawn), 1.0)
    return weights


def _ratio(one_ns: float, other_ns: float) -> float:
    if one_ns == _NEVER_NS and other_ns == _NEVER_NS:
        return float("nan")
    if other_ns == _NEVER_NS:
        return 0.0
    return inf if one_ns == _NEVER_NS else one_ns / max(other_ns, 1.0)


def _interval(
    estimate: float, whole: Sequence[float], drawn: Sequence[Floats], blocks: int, n: int, confidence: float
) -> Interval:
    """The middle of the drawn ratios on a log scale, widened for the number of blocks."""
    logs = np.log(np.maximum(drawn[0], 1e-12)) - np.log(np.maximum(drawn[1], 1e-12))
    centre = log(max(whole[0], 1e-12)) - log(max(whole[1], 1e-12))
    side = (1 + confidence) / 2
    wider = float(student.ppf(side, blocks - 1) / norm.ppf(side)) * sqrt(blocks / (blocks - 1))
    low, high = (centre + wider * (float(value) - centre) for value in np.quantile(logs, (1 - side, side)))
    # A percentile among operations without an answer stands for one without end.
    beyond = log(_NEVER_NS) / 4
    bounds = [0.0 if value < -beyond else inf if value > beyond else exp(value) for value in (low, high)]
    if isfinite(estimate):
        bounds = [min(bounds[0], estimate), max(bounds[1], estimate)]
    return Interval(estimate, bounds[0], bounds[1], n, SECONDS_ARE_ALIKE)
