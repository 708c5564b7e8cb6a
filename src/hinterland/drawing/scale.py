"""From values to pixels: linear and logarithmic axes with ticks at round numbers.

A logarithmic axis keeps a slot at its start for zero, set off by a break, because counts of zero matter
here. Values beyond the axis (infinity: never finished) sit at its end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hinterland.drawing import numbers

ZERO_SLOT_PX = 44.0
_HUGE = 1e100
_TINY = 1e-100


@dataclass(frozen=True)
class Scale:
    """`low` to `high` in values drawn from `start` to `end` in pixels; `end` may be the smaller.

    `zero_slot` says whether a logarithmic axis has a place for zero before `low`.
    """

    kind: Literal["linear", "log"]
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    texts: tuple[str, ...]
    zero_slot: bool = False

    @property
    def slot(self) -> float:
        """How long the place for zero is, 0 without one."""
        return min(ZERO_SLOT_PX, 0.12 * abs(self.end - self.start)) if self.zero_slot else 0.0

    def at(self, value: float) -> float:
        """Returns the pixel of a value; values outside the axis are put at its ends."""
        if math.isnan(value):
            raise ValueError("a NaN has no place on an axis; leave it out before drawing")
        direction = 1 if self.end >= self.start else -1
        start = self.start + direction * self.slot
        if self.kind == "log":
            if value <= 0:
                return self.start + direction * 0.27 * self.slot
            share = (_log(value) - _log(self.low)) / (_log(self.high) - _log(self.low))
        else:
            value = min(max(value, self.low), self.high)
            share = (value - self.low) / (self.high - self.low)
        return start + min(max(share, 0.0), 1.0) * (self.end - start)

    def outside(self, value: float) -> bool:
        """Decides whether the value can only be shown as lying beyond the axis."""
        return value > self.high * (1 + 1e-9) or (self.kind == "linear" and value < self.low - 1e-9)

    def with_ticks(self, ticks: Sequence[float], texts: Sequence[str]) -> Scale:
        return replace(self, ticks=tuple(ticks), texts=tuple(texts))


def _log(value: float) -> float:
    return math.log(min(max(value, _TINY / 1e50), _HUGE * 1e50))


def _tame(value: float) -> float:
    """Keeps arithmetic on an axis clear of overflow; what is smaller than anything measured is zero."""
    return 0.0 if abs(value) < _TINY else min(max(value, -_HUGE), _HUGE)


def linear(
    values: Iterable[float],
    start: float,
    end: float,
    unit: str = "",
    *,
    zero: bool = True,
    about: int = 5,
    tight: bool = False,
) -> Scale:
    """Returns a linear axis over the finite values, from zero unless `zero` is off or some are negative.

    `about` is how many gaps between ticks to aim at. `tight` ends the axis at the values, not at a tick.
    """
    finite = [_tame(value) for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-12 * max(abs(high), abs(low)):
        pad = abs(high) or 1.0
        low, high = (low - pad / 2, high + pad / 2) if not zero else (min(low, 0.0), max(high, pad))
    size = numbers.axis_step(max(abs(low), abs(high)), unit)[0]
    step = round_step((high - low) / size / about) * size
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [tidy(k * step, step) for k in range(first, last + 1)]
    if tight:
        ticks = [tick for tick in ticks if low - 1e-9 * step <= tick <= high + 1e-9 * step]
    else:
        low, high = ticks[0], ticks[-1]
    return Scale("linear", low, high, start, end, tuple(ticks), tuple(numbers.tick_texts(ticks, unit)))


def round_step(rough: float) -> float:
    """Returns the next step of 1, 2 or 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= rough * (1 - 1e-9)), 10.0 * power)


def tidy(value: float, step: float) -> float:
    """Returns the multiple of a step without the dust of binary fractions."""
    return 0.0 if abs(value) < step * 1e-9 else float(f"{value:.12g}")


def log(values: Iterable[float], start: float, end: float, unit: str = "", *, about: int = 6) -> Scale:
    """Returns a logarithmic axis over the finite positive values, with a slot for zero if there is one.

    Falls back to a linear axis where no value is positive.
    """
    finite = [min(value, _HUGE) for value in values if math.isfinite(value)]
    positive = [max(value, _TINY) for value in finite if value > 0]
    if not positive:
        return linear(finite, start, end, unit)
    candidates = _log_candidates(min(positive), max(positive), unit, about)
    low, high = candidates[0], candidates[-1]
    zero_slot = any(value <= 0 for value in finite)
    ticks = ([0.0] if zero_slot else []) + candidates
    texts = [numbers.bare(tick, unit) if tick else "0" for tick in ticks]
    return Scale("log", low, high, start, end, tuple(ticks), tuple(texts), zero_slot)


def _log_candidates(low: float, high: float, unit: str, about: int) -> list[float]:
    """Returns at least two round values that enclose low..high, at most about as many as asked."""
    parsed = numbers.parse(unit)
    if parsed.steps is numbers.SIZE:
        return [2.0**k / parsed.base for k in _enclosing(low * parsed.base, high * parsed.base, 2.0, about)]
    if high / low < (150 if about >= 5 else 30):
        finer = [m * 10.0**k for k in _powers(low, high) for m in (1.0, 2.0, 5.0)]
        first = max(index for index, value in enumerate(finer) if value <= low * (1 + 1e-9))
        last = min(index for index, value in enumerate(finer) if value >= high * (1 - 1e-9))
        if last == first:
            last = first + 1 if first + 1 < len(finer) else first
            first = last - 1
        return [float(f"{value:.6g}") for value in finer[first : last + 1]]
    return [float(f"1e{k}") for k in _enclosing(low, high, 10.0, about)]


def _powers(low: float, high: float) -> range:
    return range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 2)


def _enclosing(low: float, high: float, base: float, about: int) -> list[int]:
    """Returns exponents, evenly spaced, whose powers enclose low..high."""
    first = math.floor(math.log(low, base) + 1e-9)
    last = max(math.ceil(math.log(high, base) - 1e-9), first + 1)
    stride = max(1, math.ceil((last - first) / about))
    return list(range(first, last + stride, stride))


def fits_log(levels: Sequence[float]) -> bool:
    """Decides whether levels are spaced more evenly on a logarithmic axis than on a linear one."""
    positive = sorted({level for level in levels if level > 0})
    if len(positive) < 2 or any(level < 0 for level in levels):
        return False
    if len(positive) == 2:
        return positive[1] / positive[0] >= 20
    gaps = [b - a for a, b in itertools.pairwise(positive)]
    ratios = [math.log(b / a) for a, b in itertools.pairwise(positive)]
    return max(ratios) / min(ratios) < max(gaps) / min(gaps) and positive[-1] / positive[0] >= 8
