"""A load beside an earlier one: what differs, what is the same, and what these two runs can't tell."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from hinterland.load.plan.arrivals import arrivals_say
from hinterland.load.plan.plan import LoadPlan, Weighted
from hinterland.load.plan.request_line import render_request_line
from hinterland.load.result.comparison import Compared, Comparison, Word
from hinterland.load.result.result import LoadResult, Second
from hinterland.model.secrecy import hidden
from hinterland.statistics.comparison import SECONDS_ARE_ALIKE, error_test, percentile_ratio, rate_ratio
from hinterland.statistics.histogram import Histogram
from hinterland.statistics.interval import Interval

MARGIN = 0.05
"""Two figures are the same for a reader when they surely differ by less than this."""
SURE = 0.05
QUANTILES = (("p50", 0.5), ("p99", 0.99))
# Fewer operations than this beyond a percentile, and it is an accident.
LEAST_BEYOND = 10
# What may differ without making it another load.
NOT_THE_LOAD = frozenset({"objectives", "seed", "drain_s", "duration_s", "warm_up_s", "count", "ca_file"})
NOT_THE_TARGET = frozenset({"address", "password"})
# What differs where the words for it do not.
ALIKE = defaultdict(
    lambda: "they differ",
    mix="the same requests in short, but not in their bodies, headers, checks or extracts",
    arrivals="they differ in a detail of their times",
)


def compare(
    one: LoadResult, other: LoadResult, *, names: tuple[str, str] = ("this", "that"), margin: float = MARGIN
) -> Comparison:
    """Returns `one` compared with `other`: ratios of p50, p99 and rate with 95 % intervals, and the errors.

    The intervals come from the seconds of each run (statistics.comparison); warm-up and a last second cut
    short are left out. Two runs are two runs: what changes from start to start (memory layout, connections to
    workers, caches) is in neither's seconds, so a ratio near the margin wants a third run.
    """
    seconds = (_steady(one), _steady(other))
    histograms = tuple([second.response for second in each] for each in seconds)
    compared = [
        _percentile(metric, q, (one, other), percentile_ratio(histograms[0], histograms[1], q), margin)
        for metric, q in QUANTILES
        if all(result.operations * (1 - q) >= LEAST_BEYOND for result in (one, other))
    ]
    completed = tuple([second.completed for second in each] for each in seconds)
    rates = rate_ratio(completed[0], completed[1])
    compared.append(_compared("rate", one.reached_per_s, other.reached_per_s, rates, margin))
    errors = tuple([(second.due - second.answered, second.due) for second in each] for each in seconds)
    chance = error_test(errors[0], errors[1])
    lost = (one.operations - one.answered, other.operations - other.answered)
    shares = (lost[0] / max(1, one.operations), lost[1] / max(1, other.operations))
    word = _errors_word(lost, chance)
    return Comparison(
        one=names[0],
        other=names[1],
        compared=tuple(compared),
        errors=lost,
        error_shares=shares,
        errors_p=chance,
        errors_word=word,
        errors_say=_errors_say(lost, shares, chance, word),
        unlike=unlike(one.plan, other.plan),
        void=tuple(
            f"{name}: the generator was the limit: {result.generator.faults[0]}"
            for name, result in zip(names, (one, other), strict=True)
            if result.generator.faults
        ),
        margin=margin,
        assumed=SECONDS_ARE_ALIKE,
    )


def unlike(one: LoadPlan, other: LoadPlan) -> tuple[str, ...]:
    """Returns what differs in what was asked, each as `field: this against that`; empty for the same load."""
    found = [
        f"target.{name}: {_plain(getattr(one.target, name))} against {_plain(getattr(other.target, name))}"
        for name in one.target.__struct_fields__
        if name not in NOT_THE_TARGET and getattr(one.target, name) != getattr(other.target, name)
    ]
    for name in one.__struct_fields__:
        if name in NOT_THE_LOAD or name == "target" or getattr(one, name) == getattr(other, name):
            continue
        ours, theirs = _said(one, name), _said(other, name)
        found.append(f"{name}: {ours} against {theirs}" if ours != theirs else f"{name}: {ALIKE[name]}")
    return tuple(found)


def _said(plan: LoadPlan, name: str) -> str:
    """Returns a field of a plan as a person would say it. Headers may hold secrets, and are left out."""
    match name:
        case "arrivals":
            return arrivals_say(plan.arrivals) if plan.model == "open" else "none, in a closed loop"
        case "mix":
            return _cut("; ".join(_visit(plan, visit) for visit in plan.mix), 100)
        case "data":
            rows = (
                f"rows of {plan.data.rows}, {plan.data.order.replace('_', ' ')}, " if plan.data.rows else ""
            )
            spread = f"by Zipf with exponent {plan.data.zipf:g}" if plan.data.zipf else "all as often"
            return f"{rows}keys 1 to {plan.data.keys:,}, {spread}"
        case "scheduler":
            return plan.scheduler or "chosen by itself"
        case "processes":
            return str(plan.processes or "as many as needed")
        case "timeout_s":
            return f"{plan.timeout_s:g} s"
    return _plain(getattr(plan, name))


def _visit(plan: LoadPlan, visit: Weighted) -> str:
    lines = [
        hidden(request.name or render_request_line(request, plan.target.protocol).strip()) or "the URL"
        for request in visit.requests
    ]
    often = f"{visit.weight:g} x " if len(plan.mix) > 1 else ""
    return f"{often}{', then '.join(lines)}"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _cut(" ".join(str(value).split()), 100) or "none"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _steady(result: LoadResult) -> list[Second]:
    """Returns the whole seconds of the measured window."""
    first = math.ceil(result.plan.warm_up_s)
    last = math.floor(result.plan.warm_up_s + result.window_s + 1e-6)
    return [second for second in result.seconds if first <= second.second < last]


def _percentile(
    metric: str, q: float, results: Sequence[LoadResult], ratio: Interval, margin: float
) -> Compared:
    values = [Histogram.from_counts(result.response).percentile(q) for result in results]
    return _compared(metric, values[0], values[1], ratio, margin)


def _compared(metric: str, one: float, other: float, ratio: Interval, margin: float) -> Compared:
    word = _word(ratio, margin)
    estimate = one / other if math.isfinite(one) and math.isfinite(other) and other else ratio.estimate
    return Compared(
        metric=metric,
        one=_finite(one),
        other=_finite(other),
        ratio=_finite(estimate),
        low=_finite(ratio.low),
        high=_finite(ratio.high),
        word=word,
        says=_says(metric, estimate, ratio, word, margin),
    )


def _word(ratio: Interval, margin: float) -> Word:
    if math.isnan(ratio.estimate):
        return "cannot_tell"
    if 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin:
        return "same"
    return "differs" if ratio.excludes(1.0) else "cannot_tell"


def _says(metric: str, estimate: float, ratio: Interval, word: Word, margin: float) -> str:
    between = f"{_factor(ratio.low)} to {_factor(ratio.high)}"
    match word:
        case "same":
            return f"{metric}: the same within {margin:.0%} (ratio {_factor(estimate)}, {between})"
        case "differs":
            return f"{metric}: differs, {_factor(estimate)} times (95 % interval {between})"
        case "cannot_tell":
            if math.isnan(ratio.estimate):
                return f"{metric}: can't tell, in both it lies among operations without an answer"
            if ratio.low <= 0 and math.isinf(ratio.high):
                return f"{metric}: can't tell, too few seconds to compare"
            return f"{metric}: can't tell, the ratio {_factor(estimate)} may be anything from {between}"


def _errors_word(lost: tuple[int, int], chance: float) -> Word:
    if lost == (0, 0):
        return "same"
    return "differs" if chance <= SURE else "cannot_tell"


def _errors_say(lost: tuple[int, int], shares: tuple[float, float], chance: float, word: Word) -> str:
    if word == "same":
        return "errors: none in either"
    counts = f"{lost[0]:,} ({shares[0]:.3%}) and {lost[1]:,} ({shares[1]:.3%})"
    if word == "differs":
        return f"errors: differ, {counts} (p = {chance:.2g})"
    return f"errors: can't tell, {counts} may differ by chance (p = {chance:.2g})"


def _factor(value: float) -> str:
    return "infinity" if math.isinf(value) else f"{value:.3g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
