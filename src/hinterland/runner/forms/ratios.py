"""Forms about a ratio of metrics: `ratio_at_least`, `difference_within`, `matches`."""

from __future__ import annotations

import math
import statistics as stdlib_statistics
from collections.abc import Sequence

import numpy as np

from hinterland.model.claims import DifferenceWithin, Matches, RatioAtLeast
from hinterland.model.verdict import Evidence, TrialResult, VerdictWord
from hinterland.runner.forms.measured import Measured
from hinterland.runner.forms.pairs import log_ratio
from hinterland.runner.forms.pool import scatters
from hinterland.runner.forms.testimony import UNTIMED_ALLOWANCE, bounded, ratio
from hinterland.statistics.interval import Interval
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, running_sequence


def at_least(form: RatioAtLeast, measured: Measured, alpha: float, *, control: bool) -> Evidence:
    """Holds when the whole interval of the ratio lies at or above the threshold, refuted when below."""
    above, below = {**form.where, **form.more}, {**form.where, **form.less}
    found = ratio(measured, above, below, alpha, control=control)
    word: VerdictWord = "inconclusive"
    if found.interval.low >= math.log(form.ratio):
        word = "holds"
    elif found.convicts.high < math.log(form.ratio):
        word = "refuted"
    medians = _medians([(pair.above, pair.below) for pair in found.pairs])
    asked = f"at least {form.ratio:g}x"
    return _evidence(
        word, measured.name, found.interval, form.ratio, medians, asked, len(found.pairs), found.disturbed
    )


def within(form: DifferenceWithin, measured: Measured, alpha: float, *, control: bool) -> Evidence:
    """Holds when the whole interval of the ratio lies inside the band, refuted when wholly outside."""
    one, other = {**form.where, **form.one}, {**form.where, **form.other}
    found = ratio(measured, one, other, alpha, control=control)
    word = _inside(found.interval, found.convicts, math.log(form.ratio))
    medians = _medians([(pair.above, pair.below) for pair in found.pairs])
    asked = f"within {form.ratio:g}x"
    return _evidence(
        word, measured.name, found.interval, form.ratio, medians, asked, len(found.pairs), found.disturbed
    )


def equals(form: Matches, measured: Measured, alpha: float, *, control: bool) -> Evidence:
    """Holds when metric / oracle lies inside the band around 1, refuted when wholly outside.

    Nothing is paired here, so that noise moves the ratio itself. What it may have added to a disturbed trial
    is known from the trial: nothing where it shows that it was steady, else the interval reaches further by
    that, to what a calm one would have shown. A trial that shows that it was not steady says nothing. Only
    undisturbed trials refute; of a control it is asked whether it can come out the other way, and all count.
    """
    about = [
        trial
        for trial in measured.where(form.where)
        if not math.isnan(trial.outcome.metrics.get(form.oracle, math.nan))
    ]
    trials = about if control else [trial for trial in about if math.isfinite(_added(measured, trial))]
    calm = [trial for trial in trials if not measured.disturbs(trial)]
    disturbed = len(trials) - len(calm)
    interval = _oracle_interval(form, measured, trials, alpha)
    convicts = interval
    if disturbed and not control:
        convicts = _oracle_interval(form, measured, calm, alpha)
    word = _inside(interval, convicts, math.log(form.within))
    pairs = [(t.outcome.metrics[form.metric], t.outcome.metrics[form.oracle]) for t in trials]
    asked = f"within {form.within:g}x"
    return _evidence(
        word, measured.name, interval, form.within, _medians(pairs), asked, len(trials), disturbed
    )


def _oracle_interval(
    form: Matches, measured: Measured, trials: Sequence[TrialResult], alpha: float
) -> Interval:
    """Returns the interval of metric / oracle, as a logarithm, with room for what noise may have added."""
    by_block: dict[int, list[TrialResult]] = {}
    for trial in sorted(trials, key=lambda trial: trial.block):
        by_block.setdefault(trial.block, []).append(trial)

    def quotient(trial: TrialResult) -> float | None:
        oracle = trial.outcome.metrics.get(form.oracle, 0.0)
        return trial.outcome.metrics[form.metric] / oracle if oracle > 0 else None

    found = scatters(measured, list(by_block), [form.where], value=quotient, paired=False)
    known = dict(zip(by_block, found, strict=True))
    parts = 1.0 / min((len(each) for each in by_block.values()), default=1)
    allowance = DRIFT_ALLOWANCE if measured.timed else UNTIMED_ALLOWANCE
    logs = {
        block: _mean(
            [log_ratio(t.outcome.metrics[form.metric], t.outcome.metrics[form.oracle]) for t in each]
        )
        for block, each in by_block.items()
    }
    # Block by block: a bound that disturbed blocks set is not to be believed for the calm ones after them.
    rooms = {block: _mean([_added(measured, trial) for trial in each]) for block, each in by_block.items()}

    def sequence(sign: float, blocks: Sequence[int]) -> Interval:
        x = np.array([logs[block] + (sign * rooms[block] if sign else 0.0) for block in blocks])
        return running_sequence(x, alpha, allowance, [known[block] for block in blocks], parts)

    plain = sequence(0.0, list(by_block))
    if not any(rooms.values()):
        return plain
    # Room without a limit leaves the side open to which noise moves the metric, and the other as it is.
    limited = [block for block in by_block if math.isfinite(rooms[block])]
    slow = fast = plain
    if measured.better != "higher":
        slow = min(sequence(-1.0, limited), sequence(0.0, limited), key=lambda each: each.low)
    if measured.better != "lower":
        fast = max(sequence(1.0, limited), sequence(0.0, limited), key=lambda each: each.high)
    return bounded(plain, slow, fast)


def _added(measured: Measured, trial: TrialResult) -> float:
    """Returns by how much noise may have stretched what a trial measured, as a logarithm."""
    if measured.is_steady(trial):
        return 0.0
    if measured.steady and any(each.id == measured.steady for each in trial.outcome.assumptions):
        # It was asked, and what it showed is that noise did add something.
        return math.inf
    taken = trial.weather.log_taken if trial.weather else 0.0
    return taken + measured.late_log(trial, trial.late_ms)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _inside(interval: Interval, convicts: Interval, width: float) -> VerdictWord:
    if interval.low > -width and interval.high < width:
        return "holds"
    if convicts.low > width or convicts.high < -width:
        return "refuted"
    return "inconclusive"


def _medians(pairs: Sequence[tuple[float, float]]) -> str:
    if not pairs:
        return ""
    one, other = (stdlib_statistics.median(side) for side in zip(*pairs, strict=True))
    return f" (medians {one:.4g} and {other:.4g})"


def _evidence(
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
        says=f"{name}: {estimate:.3g}x, {bounds}{medians}; asked: {asked}",
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
        return f"between {low:.3g}x and {high:.3g}x"
    if below:
        return f"at least {low:.3g}x"
    return f"at most {high:.3g}x" if above else "not bounded yet"
