"""Evidence about a ratio, in numbers and words: shared by the forms that compare with a threshold."""

from __future__ import annotations

import math
import statistics as stdlib_statistics
from collections.abc import Sequence

from hinterland.drawing import numbers
from hinterland.model.verdict import Evidence, VerdictWord
from hinterland.statistics.interval import Interval


def inside(interval: Interval, convicts: Interval, width: float) -> VerdictWord:
    """Decides by the interval of a logarithm whether it lies within `width` of 0; `convicts` refutes."""
    if interval.low > -width and interval.high < width:
        return "holds"
    if convicts.low > width or convicts.high < -width:
        return "refuted"
    return "inconclusive"


def medians(pairs: Sequence[tuple[float, float]]) -> str:
    """Returns the medians of both sides in words."""
    if not pairs:
        return ""
    one, other = (stdlib_statistics.median(side) for side in zip(*pairs, strict=True))
    return f" (medians {numbers.quantity(one, digits=4)} and {numbers.quantity(other, digits=4)})"


def evidence(
    word: VerdictWord,
    name: str,
    interval: Interval,
    threshold: float,
    medians: str,
    asked: str,
    trials: int,
    disturbed: int,
) -> Evidence:
    if interval.n < 2:
        few = f"{interval.n} block gives no interval" if interval.n else f"{name} was not measured"
        return Evidence(
            verdict="inconclusive", says=f"{name}: too few blocks", cause=few, blocks=interval.n,
            threshold=threshold, unit="x",
        )  # fmt: skip
    low, high = (math.exp(max(-50.0, min(50.0, bound))) for bound in (interval.low, interval.high))
    estimate = math.exp(interval.estimate)
    bounds = _bounds(interval, low, high)
    cause = ""
    if word == "inconclusive":
        cause = f"after {interval.n} blocks the ratio is {bounds}"
    return Evidence(
        verdict=word,
        says=f"{name}: {_times(estimate)}, {bounds}{medians}; asked: {asked}",
        estimate=estimate,
        low=low if math.isfinite(interval.low) else None,
        high=high if math.isfinite(interval.high) else None,
        unit="x",
        threshold=threshold,
        blocks=interval.n,
        cause=cause,
        assumed=interval.assumed,
        trials=trials,
        disturbed=disturbed,
    )


def _bounds(interval: Interval, low: float, high: float) -> str:
    """Returns in words what is known of a ratio."""
    below, above = math.isfinite(interval.low), math.isfinite(interval.high)
    if below and above:
        return f"between {_times(low)} and {_times(high)}"
    if below:
        return f"at least {_times(low)}"
    return f"at most {_times(high)}" if above else "not bounded yet"


def _times(ratio: float) -> str:
    """Returns a ratio as everything else that shows it writes it: `1940x`."""
    return numbers.quantity(ratio, "x")
