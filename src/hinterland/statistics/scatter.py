"""How much results scatter from block to block, learned from all treatments of a run together.

A block holds a dozen treatments. After two blocks each of them alone says next to nothing about its scatter,
all of them together say a lot. `scatter_of` takes out what belongs to a treatment or to a block as a whole,
and looks at the rest. How far the treatments' scatters differ among themselves is estimated too: where they
are alike the pool counts for many degrees of freedom, where they are not it counts for few (Smyth 2004, the
moderated t statistic).
"""

from __future__ import annotations

from functools import lru_cache
from math import log, sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import digamma, polygamma, stdtrit

Floats = NDArray[np.float64]

FEWEST_TREATMENTS = 4
"""A pool of fewer treatments than this says too little of how alike they are."""
CHECK_ALPHA = 0.1
"""The error at which a pair's own scatter, without any pool, must agree with what is concluded."""
SCALE_FLOOR = 0.01
"""Scatters below 1 % count as 1 %: equal counts in two blocks are not certainty."""


class Scatter(Struct, frozen=True):
    """What a run's treatments say about the variance of one log result.

    variance: the middle of it. degrees: how many degrees of freedom that is worth as knowledge about one
    treatment, which is small where the treatments are unlike.
    """

    variance: float
    degrees: float


def scatter_of(values: Floats, *, paired: bool = True) -> Scatter | None:
    """Returns the scatter behind log results with a row a block and a column a treatment; NaN is missing.

    paired: what is compared stands in one block, so that what a block does to all its trials does not count.
    None with fewer than two blocks or `FEWEST_TREATMENTS` treatments, where a pool says nothing.
    """
    squares, degrees = _residuals(values, paired)
    known = degrees > 0.1
    if known.sum() < FEWEST_TREATMENTS:
        return None
    squares, degrees = squares[known], degrees[known]
    variances = np.maximum(squares / degrees, SCALE_FLOOR**2)
    # The logarithm of a variance is that of the true one plus a known amount, and scatters by a known amount
    # more than the true ones do.
    logs = np.log(variances) - digamma(degrees / 2) + np.log(degrees / 2)
    centre = float(logs.mean())
    count = len(logs)
    excess = float(((logs - centre) ** 2).sum() / (count - 1) - polygamma(1, degrees / 2).mean())
    total = float(degrees.sum())
    if excess <= 0:
        mean = float(np.maximum(squares, degrees * SCALE_FLOOR**2).sum() / total)
        return Scatter(mean, total)
    prior = min(2 * trigamma_inverse(excess), total)
    return Scatter(float(np.exp(centre + digamma(prior / 2) - log(prior / 2))), prior)


def half_width(x: Floats, scatter: Scatter, parts: float, alpha: float) -> float:
    """Half the width of an interval for the centre of the paired log ratios `x` that misses at most `alpha`.

    parts: the variance of one x in variances of one log result: 2 for a plain pair, less where pairs are
    averaged. The scatter of `x` itself and that of the pool are weighed by their degrees of freedom, and the
    larger is taken where `x` scatters more. As a check on a pool of calmer treatments the interval is never
    narrower than the one that `x` alone gives at `CHECK_ALPHA`.
    """
    own, degrees = float(x.var(ddof=1)), len(x) - 1.0
    pooled = parts * scatter.variance
    variance = (scatter.degrees * pooled + degrees * own) / (scatter.degrees + degrees)
    variance = max(variance, own, SCALE_FLOOR**2)
    check = _quantile(CHECK_ALPHA, degrees) * sqrt(own / len(x))
    return max(_quantile(alpha, scatter.degrees + degrees) * sqrt(variance / len(x)), check)


@lru_cache(maxsize=4096)
def _quantile(alpha: float, degrees: float) -> float:
    return float(stdtrit(degrees, 1 - alpha / 2))


def _residuals(values: Floats, paired: bool) -> tuple[Floats, Floats]:
    """Returns for each treatment the sum of squares that nothing explains, and its degrees of freedom."""
    rows, columns = values.shape
    there = ~np.isnan(values)
    # A treatment seen once explains itself.
    there &= there.sum(axis=0) >= 2
    blocks, treatments = np.nonzero(there)
    if rows < 2 or len(blocks) == 0:
        return np.zeros(columns), np.zeros(columns)
    design = np.zeros((len(blocks), rows + columns))
    design[np.arange(len(blocks)), blocks] = float(paired)
    design[np.arange(len(blocks)), rows + treatments] = 1
    observed = values[there.nonzero()]
    # The projection onto what treatments and blocks explain; its diagonal is what each observation explains
    # of itself.
    basis, singular, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, singular > 1e-9 * singular[0]]
    rest = observed - basis @ (basis.T @ observed)
    free = 1 - (basis**2).sum(axis=1)
    squares, degrees = np.zeros(columns), np.zeros(columns)
    np.add.at(squares, treatments, rest**2)
    np.add.at(degrees, treatments, free)
    return squares, degrees


def trigamma_inverse(value: float) -> float:
    """The x at which the trigamma function is `value` > 0.

    By Newton's method on 1 / trigamma, which is nearly a straight line: half a dozen steps from a first guess
    that is exact to a millionth of a millionth where `value` is small (Smyth 2004, appendix).
    """
    x = 0.5 + 1 / value
    if value < 1e-6:
        return x
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-12 * x:
            break
    return x
