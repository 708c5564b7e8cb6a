"""Confidence sequences for paired log ratios: intervals that hold at every moment at once.

One block of an experiment gives one x = log(A/B). The order of the trials inside a block was drawn at random,
so if A and B differ only by the factor exp(m), then x - m is as likely to be positive as negative, whatever
the drift of the machine and however heavy the tails. Two parts share the error `alpha` equally:

- the **robust part** uses that symmetry and nothing else. It needs about 8 blocks to say anything;
- the **early part** is a t-interval that can decide large effects after 2 blocks when the scatter of all of
  the run's treatments is known (`statistics.scatter`), after 3 from the pairs alone. It is widened by
  `DRIFT_ALLOWANCE`, because a drift inside the blocks can make few blocks agree by chance.

The interval is where both agree. `Interval.assumed` says which part carried it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from hinterland.statistics.interval import Interval
from hinterland.statistics.scatter import SCALE_FLOOR, Scatter, half_width

Floats = NDArray[np.float64]

# The early part excludes a ratio only when it is this factor beyond what the t-interval excludes.
DRIFT_ALLOWANCE = 1.25

ORDER_IS_RANDOM = "the order of trials within a block is random"
POSITION_IS_MINOR = "a trial's place in its block shifts its result by less than {percent:.0f} %"
SCATTER_IS_ALIKE = "treatments of like results scatter alike"

# Log ratios beyond this (a factor of 1e304) stand for a division by zero, which exp could not represent.
_LARGEST = 700.0
# Bets of the robust part, in scales: small ones find small effects, large ones and the sign large effects.
_BETS = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
# No bet risks more than this share of the wealth, so that one outlier cannot ruin it.
_LARGEST_STAKE = 0.9
# Variances of the standardised effect, mixed with equal weights: effects of about 2, 5 and 17 deviations.
_EFFECTS = np.array([3.0, 30.0, 300.0])


def ratio_sequence(
    x: NDArray[np.float64], alpha: float = 0.05, drift_allowance: float = DRIFT_ALLOWANCE
) -> Interval:
    """The ratio A/B behind the paired log ratios `x`: `mean_sequence` on the ratio scale."""
    log_ratio = mean_sequence(x, alpha, drift_allowance)
    with np.errstate(over="ignore"):
        estimate, low, high = np.exp([log_ratio.estimate, log_ratio.low, log_ratio.high])
    return Interval(float(estimate), float(low), float(high), log_ratio.n, log_ratio.assumed)


def mean_sequence(
    x: NDArray[np.float64],
    alpha: float = 0.05,
    drift_allowance: float = DRIFT_ALLOWANCE,
    scatter: Scatter | None = None,
    parts: float = 2.0,
) -> Interval:
    """The centre of the paired log ratios `x`, one a block, in the order in which the blocks were run.

    Call it after every block with all blocks so far: the chance that any of these intervals misses the
    centre is at most `alpha`, whenever the caller stops. scatter: what all treatments say after these blocks,
    `parts` as for `half_width`; without it the early part has only `x` to go by. `low` and `high` are
    infinite while nothing can be said: below 2 blocks, and below 3 without a scatter. The estimate is the
    median of the pairwise means (Hodges and Lehmann 1963). Infinite values (a division by zero) count as very
    large. Results are kept, so asking again about the same blocks costs nothing. ValueError: a NaN in `x`.
    """
    x = np.asarray(x, dtype=np.float64)
    if np.isnan(x).any():
        raise ValueError("x must not hold NaN. Leave the block out.")
    return _interval(x.tobytes(), alpha, drift_allowance, scatter, parts)


@lru_cache(maxsize=8192)
def _interval(
    x_bytes: bytes, alpha: float, drift_allowance: float, scatter: Scatter | None, parts: float
) -> Interval:
    x = np.clip(np.frombuffer(x_bytes, dtype=np.float64), -_LARGEST, _LARGEST)
    if x.size == 0:
        return Interval(np.nan, -inf, inf, 0)
    robust = _robust_part(x, alpha / 2)
    early = _early_part(x, alpha / 2, log(drift_allowance), scatter, parts)
    low, high = max(robust[0], early[0]), min(robust[1], early[1])
    assumed = _assumed((low, high), robust, drift_allowance, pooled=scatter is not None)
    if low > high:
        # The parts exclude each other's values, so the early part's extra assumption is false here.
        (low, high), assumed = robust, ORDER_IS_RANDOM
    estimate = min(max(_pairwise_centre(x), low), high)
    return Interval(estimate, low, high, len(x), assumed)


def running_sequence(
    x: NDArray[np.float64],
    alpha: float = 0.05,
    drift_allowance: float = DRIFT_ALLOWANCE,
    scatters: Sequence[Scatter | None] = (),
    parts: float = 2.0,
) -> Interval:
    """What the intervals of `mean_sequence` after each block so far have in common.

    They all hold at once, so what they have in common does too, and a decision once made stays made. If they
    have nothing in common, the centre has moved, and the latest interval stands. The estimate is the latest
    one, moved to the nearer bound if it lies outside. scatters: one entry a block of `x`, what all treatments
    said of their scatter by then.
    """
    known = [*scatters, *[None] * (len(x) - len(scatters))]
    each = [
        mean_sequence(x[:n], alpha, drift_allowance, known[n - 1], parts) for n in range(1, len(x) + 1)
    ] or [mean_sequence(x, alpha, drift_allowance)]
    latest = each[-1]
    lowest, highest = max(each, key=lambda i: i.low), min(each, key=lambda i: i.high)
    if lowest.low > highest.high:
        return latest
    estimate = min(max(latest.estimate, lowest.low), highest.high)
    return Interval(estimate, lowest.low, highest.high, len(x), assumed_by([lowest, highest]))


def assumed_by(intervals: Sequence[Interval]) -> str:
    """What must be true for all of these intervals to hold: the longest words, which include the shorter."""
    words = {interval.assumed for interval in intervals} - {""}
    return max(words, key=len, default="")


def first_exclusion(
    x: NDArray[np.float64],
    value: float,
    alpha: float = 0.05,
    drift_allowance: float = DRIFT_ALLOWANCE,
) -> int | None:
    """After how many blocks `mean_sequence` first excludes `value`; None when it never does.

    The same answer as from calling `mean_sequence` after each block, in a fraction of the time: the evidence
    against one value is known at every moment without inverting it.
    """
    x = np.clip(np.asarray(x, dtype=np.float64), -_LARGEST, _LARGEST)
    if len(x) < 3:
        return None
    here = np.array([value])
    log_wealth = np.maximum(_bets_above(x)(here), _bets_above(-x)(-here))[0]
    suspects = log_wealth >= -log(alpha / 4)
    for n in range(3, len(x) + 1):
        low, high = _early_part(x[:n], alpha / 2, log(drift_allowance))
        suspicious = suspects[n - 1] or not low <= value <= high
        if suspicious and mean_sequence(x[:n], alpha, drift_allowance).excludes(value):
            return n
    return None


def _assumed(
    bounds: tuple[float, float], robust: tuple[float, float], drift_allowance: float, *, pooled: bool
) -> str:
    """What the finite bounds rest on; the early part needs the random order as well."""
    if bounds == (-inf, inf):
        return ""
    if bounds == robust:
        return ORDER_IS_RANDOM
    words = [ORDER_IS_RANDOM, POSITION_IS_MINOR.format(percent=100 * (drift_allowance - 1))]
    return "; ".join([*words, SCATTER_IS_ALIKE] if pooled else words)


def _pairwise_centre(x: Floats) -> float:
    first, second = np.triu_indices(len(x))
    return float(np.median((x[first] + x[second]) / 2))


def _robust_part(x: Floats, alpha: float) -> tuple[float, float]:
    """Bounds that hold when each x - m is symmetric about 0, given the blocks before it."""
    return _robust_low(x, alpha / 2), -_robust_low(-x, alpha / 2)


def _robust_low(x: Floats, alpha: float) -> float:
    """The lowest m that bets on "x lies above m" do not refute.

    For the true m each factor 1 + stake * sign(x - m) has expectation 1 given the past and abs(x - m), so the
    wealth is a nonnegative martingale and exceeds 1/alpha with probability at most alpha, ever (Ville 1939).
    The stakes tanh(bet * abs(x - m) / scale) are those of exp(y) / cosh(y), the martingale of de la Pena
    (1999) for symmetric variables, used for confidence sequences by Howard, Ramdas, McAuliffe and Sekhon
    (2021). The scale comes from the blocks before and does not depend on m, so the wealth falls as m rises
    and the bound is found by bisection.
    """
    log_wealth = _bets_above(x)
    threshold = -log(alpha)
    reach = 10.0 / _BETS[0] * _scales(x).max()
    below, above = float(x.min() - reach), float(x.max())
    if log_wealth(np.array([below]))[0, -1] < threshold:
        return -inf
    for _ in range(9):
        candidates = np.linspace(below, above, 6)
        refuted = int((log_wealth(candidates[1:-1])[:, -1] >= threshold).sum())
        below, above = float(candidates[refuted]), float(candidates[refuted + 1])
    return below


def _bets_above(x: Floats) -> Callable[[Floats], Floats]:
    """The function candidates m -> log of the wealth won after each block by betting that x lies above m.

    It returns an array of shape (candidates, blocks).
    """
    rates = _BETS[:, None] / _scales(x)
    fixed = _LARGEST_STAKE * np.tanh(_BETS)[:, None]

    def log_wealth(candidates: Floats) -> Floats:
        above = x - candidates[:, None]
        signs = np.sign(above)
        stakes = _LARGEST_STAKE * np.tanh(rates * above[:, None, :])
        # Two blocks must pass before there is a scale: until then only the sign counts.
        stakes[:, :, :2] = fixed * signs[:, None, :2]
        bets = np.concatenate([stakes, _LARGEST_STAKE * signs[:, None, :]], axis=1)
        logs = np.cumsum(np.log1p(bets), axis=2)
        # No stake is whole, so all of these are finite. SciPy's logsumexp asks, and takes far longer.
        most = logs.max(axis=1)
        wealth: Floats = most + np.log(np.exp(logs - most[:, None]).mean(axis=1))
        return wealth

    return log_wealth


def _scales(x: Floats) -> Floats:
    """The spread known before each block: the mean successive difference, in standard deviations of a normal.

    The first two entries have no difference before them and are not used for bets.
    """
    scales = np.full(len(x), SCALE_FLOOR)
    if len(x) > 2:
        differences = np.cumsum(np.abs(np.diff(x[:-1])))
        scales[2:] = np.maximum(differences / np.arange(1, len(x) - 1) * sqrt(np.pi) / 2, SCALE_FLOOR)
    return scales


def _early_part(
    x: Floats, alpha: float, allowance: float, scatter: Scatter | None = None, parts: float = 2.0
) -> tuple[float, float]:
    """A t-interval for the mean that holds after every block, widened by `allowance` on both sides.

    With a known scatter the error is shared out over the blocks: 1 / (n (n - 1)) of it after n of them, which
    adds up to all of it. Without, one martingale holds at all of them.
    """
    n = len(x)
    if n < (2 if scatter else 3):
        return -inf, inf
    if scatter:
        half = half_width(x, scatter, parts, alpha / (n * (n - 1)))
    else:
        half = _t_half_width(n, alpha) * max(float(x.std(ddof=1)), SCALE_FLOOR)
    centre = float(x.mean())
    return centre - half - allowance, centre + half + allowance


@lru_cache(maxsize=4096)
def _t_half_width(n: int, alpha: float) -> float:
    """Half the width of the interval after `n` blocks, in standard deviations of the sample.

    The Bayes factor of "mean / deviation is normal with variance g" against "the mean is 0", with the right
    Haar prior on the deviation, depends on the t statistic alone and is a nonnegative martingale of the
    scale-free data (Lai 1976; Perez-Ortiz, Lardy, de Heide and Grunwald 2024; Wang and Ramdas 2024). A
    mixture over g is one too. The values m whose Bayes factor is below 1/alpha form the interval.
    """
    shrink = 1 / (1 + n * _EFFECTS)

    def excess(log_u: float) -> float:
        u = np.exp(log_u)  # u = t^2 / (n - 1)
        factors = 0.5 * np.log(shrink) + n / 2 * (np.log1p(u) - np.log1p(shrink * u))
        return float(logsumexp(factors) - log(len(_EFFECTS)) + log(alpha))

    if excess(50.0) < 0:
        return inf
    u = np.exp(brentq(excess, -50.0, 50.0))
    return float(sqrt(u * (n - 1) / n))
