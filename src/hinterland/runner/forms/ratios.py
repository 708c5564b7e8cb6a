"""Forms about a ratio of metrics: `ratio_at_least`, `difference_within`, `matches`."""

from __future__ import annotations

import math
import statistics as stdlib_statistics
from collections.abc import Sequence

import numpy as np

from hinterland.model.claims import DifferenceWithin, Matches, RatioAtLeast
from hinterland.model.verdict import Evidence, TrialResult, VerdictWord
from hinterland.runner.forms.pairs import log_ratios, mean_log_ratio
from hinterland.statistics.interval import Interval
from hinterland.statistics.sequence import running_sequence


def at_least(form: RatioAtLeast, trials: Sequence[TrialResult], alpha: float, name: str) -> Evidence:
    """Holds when the whole interval of the ratio lies at or above the threshold, refuted when below."""
    logs, pairs = log_ratios(trials, form.metric, {**form.where, **form.more}, {**form.where, **form.less})
    interval = running_sequence(logs, alpha)
    word: VerdictWord = "inconclusive"
    if interval.low >= math.log(form.ratio):
        word = "holds"
    elif interval.high < math.log(form.ratio):
        word = "refuted"
    return _evidence(word, name, interval, form.ratio, _medians(pairs), f"at least {form.ratio:g}x")


def within(form: DifferenceWithin, trials: Sequence[TrialResult], alpha: float, name: str) -> Evidence:
    """Holds when the whole interval of the ratio lies inside the band, refuted when wholly outside."""
    logs, pairs = log_ratios(trials, form.metric, {**form.where, **form.one}, {**form.where, **form.other})
    interval = running_sequence(logs, alpha)
    word = _inside(interval, math.log(form.ratio))
    return _evidence(word, name, interval, form.ratio, _medians(pairs), f"within {form.ratio:g}x")


def equals(form: Matches, trials: Sequence[TrialResult], alpha: float, name: str) -> Evidence:
    """Holds when metric / oracle lies inside the band around 1, refuted when wholly outside."""
    by_block: dict[int, list[tuple[float, float]]] = {}
    for trial in trials:
        metrics = trial.outcome.metrics
        if form.metric in metrics and form.oracle in metrics:
            by_block.setdefault(trial.block, []).append((metrics[form.metric], metrics[form.oracle]))
    logs = [mean_log_ratio(pairs) for _, pairs in sorted(by_block.items())]
    interval = running_sequence(np.array(logs), alpha)
    word = _inside(interval, math.log(form.within))
    pairs = [pair for block in by_block.values() for pair in block]
    return _evidence(word, name, interval, form.within, _medians(pairs), f"within {form.within:g}x")


def _inside(interval: Interval, width: float) -> VerdictWord:
    if interval.low > -width and interval.high < width:
        return "holds"
    if interval.low > width or interval.high < -width:
        return "refuted"
    return "inconclusive"


def _medians(pairs: Sequence[tuple[float, float]]) -> str:
    if not pairs:
        return ""
    one, other = (stdlib_statistics.median(side) for side in zip(*pairs, strict=True))
    return f" (medians {one:.4g} and {other:.4g})"


def _evidence(
    word: VerdictWord, name: str, interval: Interval, threshold: float, medians: str, asked: str
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
        says=f"{name}: {estimate:.3g}x, {bounds}{medians}; asked: {asked}",
        estimate=estimate,
        low=low if math.isfinite(interval.low) else None,
        high=high if math.isfinite(interval.high) else None,
        unit="x",
        threshold=threshold,
        blocks=interval.n,
        cause=cause,
        assumed=interval.assumed,
    )


def _bounds(interval: Interval, low: float, high: float) -> str:
    """Returns in words what is known of a ratio."""
    below, above = math.isfinite(interval.low), math.isfinite(interval.high)
    if below and above:
        return f"between {low:.3g}x and {high:.3g}x"
    if below:
        return f"at least {low:.3g}x"
    return f"at most {high:.3g}x" if above else "not bounded yet"
