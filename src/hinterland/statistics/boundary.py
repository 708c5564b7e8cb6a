"""Where a share that grows with a load passes the share that is allowed, from noisy probes at chosen
loads."""

from __future__ import annotations

from math import inf, log, log1p, nan, sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.stats import t as student

from hinterland.statistics.interval import Interval

Floats = NDArray[np.float64]

SHARES_GROW = "the share grows with the load along a smooth curve, and probes are independent"
BETWEEN = "the boundary lies between the highest probe that held and the lowest that did not"

# Beyond this share a probe says that the load is too high, but not by how much: queues grow without end
# there.
SATURATED = 0.5
FEWEST_FOR_FIT = 4
# Shares of few probes are skewed (most of them see no burst, a few see one), which makes both estimates of
# the error a little small. With this factor 95 % intervals cover 94 to 96 % for simulated M/M/1.
WIDENED = 1.2
_ITERATIONS = 60
# Holds the slope back where the probes would make it infinite (all below held, all above did not).
_RIDGE = 1e-6


class Curve(Struct, frozen=True):
    """A fitted curve: where it passes the allowed share, and the standard error of that place."""

    place: float
    error: float


def boundary(
    loads: Floats, shares: Floats, weights: Floats, allowed: float, confidence: float = 0.95
) -> Interval:
    """The load at which the expected share is `allowed`, from probes that saw `shares` of `weights`
    operations.

    A binomial regression with complementary log-log link, log(-log(1 - share)) = a + b load: for small
    shares the log of the share is linear in the load, as it is exactly for M/M/1, and it levels off at 1.
    Operations of one probe share their queue, so the scatter between probes, not the number of operations,
    tells how sure one can be: the standard error is the larger of the quasi-binomial one (Wedderburn 1974)
    and the jackknife's over probes, widened by `WIDENED`, with Student's t. Where all probes that held lie
    below all that did not, the interval is at least the gap between the two. It ends where the probes end,
    and never below 0. Where it would reach 0 or cover all probes the curve says nothing: then the boundary is
    only bracketed, by the highest load below which all held and the lowest above which none did, and
    `assumed` is `BETWEEN` alone: no 95 % are claimed for that. A probe that is judged as a
    whole has share 0 or 1, weight 1 and `allowed` 0.5. Where all probes agree the estimate is NaN, and one
    bound is the last load that held or the first that did not. ValueError: shapes do not agree, or
    `allowed` is not a share.
    """
    loads, shares, weights = (np.asarray(each, float) for each in (loads, shares, weights))
    if loads.ndim != 1 or not (loads.shape == shares.shape == weights.shape):
        raise ValueError(
            f"loads, shares, weights of shapes {loads.shape}, {shares.shape}, {weights.shape} must agree."
        )
    if not 0 < allowed < 1:
        raise ValueError(f"allowed={allowed} must be between 0 and 1, both excluded.")
    held = shares <= allowed
    if not held.any() or held.all():
        low = float(loads.max()) if len(loads) and held.all() else -inf
        high = float(loads.min()) if len(loads) and not held.any() else inf
        return Interval(nan, low, high, len(loads))
    top, bottom = float(loads[held].max()), float(loads[~held].min())
    curve = _fitted(loads, shares, weights, allowed)
    if curve is None:
        return _bracket(loads, held, sqrt(max(0.0, top * bottom)))
    half = WIDENED * curve.error * float(student.ppf((1 + confidence) / 2, max(1, len(loads) - 2)))
    parted = top < bottom
    place = min(max(curve.place, top), bottom) if parted else curve.place
    low, high = place - half, place + half
    if low <= 0 or (low < loads.min() and high > loads.max()):
        return _bracket(loads, held, place)
    if parted:
        low, high = min(low, top), max(high, bottom)
    if held[loads.argmin()]:
        low = max(low, float(loads.min()))
    if not held[loads.argmax()]:
        high = min(high, float(loads.max()))
    return Interval(place, low, high, len(loads), f"{SHARES_GROW}; {BETWEEN}" if parted else SHARES_GROW)


def _bracket(loads: Floats, held: NDArray[np.bool_], place: float) -> Interval:
    """Returns what is known without a curve; probes that contradict each other lie all within it."""
    top, bottom = float(loads[held].max()), float(loads[~held].min())
    below, above = loads[held & (loads < bottom)], loads[~held & (loads > top)]
    low = float(below.max()) if len(below) else bottom
    high = float(above.min()) if len(above) else top
    return Interval(min(max(place, low), high), low, high, len(loads), BETWEEN)


def _fitted(loads: Floats, shares: Floats, weights: Floats, allowed: float) -> Curve | None:
    """Returns the curve through all probes with its error; None where no rising curve can be fitted."""
    used = _telling(loads, shares, allowed)
    x, y, w = loads[used], shares[used], weights[used]
    whole = _crossing(x, y, w, allowed)
    if whole is None:
        return None
    without = [
        left.place
        for one in range(len(x))
        if (left := _crossing(np.delete(x, one), np.delete(y, one), np.delete(w, one), allowed)) is not None
    ]
    n = len(without)
    spread = float(np.sum((np.array(without) - np.mean(without)) ** 2)) if n > 1 else 0.0
    return Curve(whole.place, max(whole.error, sqrt((n - 1) / n * spread) if n > 1 else 0.0))


def _telling(loads: Floats, shares: Floats, allowed: float) -> NDArray[np.bool_]:
    """Which probes tell where the boundary is: not the saturated ones, but for the lowest of those."""
    used = shares <= max(SATURATED, (1 + allowed) / 2)
    return used if used.all() else used | (loads == loads[~used].min())


def _crossing(x: Floats, y: Floats, w: Floats, allowed: float) -> Curve | None:
    """Returns where a curve through these probes is at `allowed`, None where it does not rise through it."""
    if len(x) < FEWEST_FOR_FIT or len(np.unique(x)) < 2:
        return None
    centre, scale = float(x.mean()), float(x.std())
    found = _regression((x - centre) / scale, y, w)
    if found is None or found[0][1] <= 0:
        return None
    (a, b), covariance = found
    root = (_link(allowed) - a) / b
    place = centre + root * scale
    if not x.min() <= place <= x.max():
        return None
    gradient = np.array([-1.0, -root]) / b
    return Curve(place, sqrt(float(gradient @ covariance @ gradient)) * scale)


def _regression(x: Floats, y: Floats, w: Floats) -> tuple[tuple[float, float], Floats] | None:
    """Returns intercept and slope, and their covariance with the dispersion in it (Fisher scoring)."""
    design = np.column_stack([np.ones_like(x), x])
    # A share of exactly 0 or 1 has no link: the start is pulled in, the fit is not.
    start = float(np.average(np.clip(y, 0.5 / (w + 1), 1 - 0.5 / (w + 1)), weights=w))
    beta = np.array([_link(start), 0.0])
    ridge = _RIDGE * float(w.sum()) * np.diag([0.0, 1.0])
    for _ in range(_ITERATIONS):
        mean, slope, variance = _shares(design @ beta)
        information = design.T @ ((w * slope**2 / variance)[:, None] * design) + ridge
        score = design.T @ (w * (y - mean) * slope / variance) - ridge @ beta
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return None
        longest = float(np.abs(step).max())
        beta = beta + step * min(1.0, 1.0 / longest if longest > 0 else 1.0)
        if longest < 1e-9:
            break
    if not np.isfinite(beta).all():
        return None
    mean, slope, variance = _shares(design @ beta)
    information = design.T @ ((w * slope**2 / variance)[:, None] * design) + ridge
    dispersion = max(1.0, float(np.sum(w * (y - mean) ** 2 / variance)) / max(1, len(x) - 2))
    return (float(beta[0]), float(beta[1])), np.asarray(np.linalg.inv(information) * dispersion, float)


def _shares(eta: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns the share at each eta, its derivative, and its variance for one operation."""
    odds = np.exp(np.clip(eta, -30.0, 3.0))
    mean = -np.expm1(-odds)
    return mean, np.maximum((1 - mean) * odds, 1e-12), np.maximum(mean * (1 - mean), 1e-12)


def _link(share: float) -> float:
    return log(-log1p(-share))
