"""Whether a load kept what was asserted of it. One that can't tell leaves it undecided, with the reason."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import ceil, inf, isinf

from hinterland.load.plan.notation import percentile_of
from hinterland.load.plan.plan import Objective
from hinterland.load.result.record import Asserted, AssertedWord
from hinterland.load.result.result import LoadResult
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import Histogram

FEWEST_BEYOND = 10
"""With fewer operations beyond it, a percentile is the story of those few, and decides nothing."""

LATENESS = "lateness_"
COUNTED = ("errors", "error_share")
OF_TIME = frozenset((
    "timeout", "timeout in the greeting", "unsent", "unfinished", "file_limit", "no_port", "lost",
    "stuck behind an answer that did not come", "no echo, other messages",
))  # fmt: skip
"""Errors that a generator can make by itself, being late or short of files and ports."""

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


def asserted(objective: Objective, result: LoadResult) -> Asserted:
    """Returns whether the objective held for the operations that were due in the measured time.

    Lateness of the generator adds time, and time makes some errors (`OF_TIME`); no answer is wrong or cut off
    for it. So where the generator was the limit, what is asked of errors is decided by the number that there
    would be in any weather: one that is enough to break an objective convicts.
    """
    text = objective.text or f"{objective.metric} {objective.operator} {objective.value:g}"
    value, why = _measured(objective.metric, result)
    if value is None:
        return Asserted(text, "undecided", "not measured", why)
    held = _COMPARED[objective.operator](value, objective.value)
    word: AssertedWord = "passed" if held else "failed"
    if result.partial:
        word, why = _in_part(objective, result), "the load was cut short"
    # Its lateness is the generator's own, and known however late it was.
    elif result.generator.faults and not objective.metric.startswith(LATENESS):
        word, why = _in_any_weather(objective, result), "the generator was the limit"
    if word == "undecided" and not held and _is_out_of_reach(objective, result):
        word = "failed"
    return Asserted(text, word, _said(objective.metric, value), why if word == "undecided" else "")


def _in_any_weather(objective: Objective, result: LoadResult) -> AssertedWord:
    """Returns what holds whatever part of the errors that time makes was the generator's doing."""
    compared = _COMPARED[objective.operator]
    sure, all_of = sum(of_the_server(result).values()), result.operations - result.answered
    if objective.metric in COUNTED:
        scale = result.operations if objective.metric == "error_share" else 1
        least, most = sure / scale, all_of / scale
        if compared(least, objective.value) and compared(most, objective.value):
            return "passed"
        between = objective.operator == "=" and least <= objective.value <= most
        if between or compared(least, objective.value) or compared(most, objective.value):
            return "undecided"
        return "failed"
    share = percentile_of(objective.metric)
    reached = sure > (1 - share) * result.operations * (1 + 1e-9) if share is not None else sure > 0
    endless = reached and (share is not None or objective.metric in ("max", "mean"))
    return "failed" if endless and not compared(inf, objective.value) else "undecided"


def _in_part(objective: Objective, result: LoadResult) -> AssertedWord:
    """Returns `failed` where a load that was cut short had too many errors by then: there can't be fewer."""
    upper = objective.operator in ("<", "<=", "=")
    sure = float(sum(of_the_server(result).values()))
    if objective.metric != "errors" or not upper:
        return "undecided"
    held = _COMPARED["<=" if objective.operator == "=" else objective.operator](sure, objective.value)
    return "undecided" if held else "failed"


def of_the_server(result: LoadResult) -> dict[str, int]:
    """Returns the errors that no lateness of the generator makes: wrong, refused and cut off answers."""
    return {kind: count for kind, count in result.errors.items() if kind not in OF_TIME}


def _is_out_of_reach(objective: Objective, result: LoadResult) -> bool:
    """Decides whether no generator could have reached the rate, as less was asked of it."""
    chained = bool(result.plan.scenario) or any(len(visit.requests) > 1 for visit in result.plan.mix)
    asked = result.asked_per_s
    return objective.metric == "rate" and not chained and asked is not None and asked < objective.value


def _measured(metric: str, result: LoadResult) -> tuple[float | None, str]:
    """Returns the value of a metric; None, and why, where the load can't tell."""
    share = percentile_of(metric)
    if not result.operations:
        return None, "no operation was due in the measured time"
    if share is not None:
        of = result.generator.lateness if metric.startswith(LATENESS) else result.response
        if of is None:
            return None, "a closed loop has no schedule to be late for"
        return _percentile(share, metric.removeprefix(LATENESS), of)
    response = Histogram.from_counts(result.response)
    missing = result.operations - result.answered
    values = {
        "max": inf if missing else response.max(),
        "mean": inf if missing else response.mean(),
        "errors": float(missing),
        "error_share": missing / result.operations,
        "rate": result.reached_per_s,
    }
    return values[metric], ""


def _percentile(share: float, name: str, counts: Counts) -> tuple[float | None, str]:
    histogram = Histogram.from_counts(counts)
    if (1 - share) * histogram.operations < FEWEST_BEYOND * (1 - 1e-9):
        needed = ceil(FEWEST_BEYOND / (1 - share) * (1 - 1e-9))
        return None, f"{histogram.operations:,} operations are too few: {name} needs {needed:,}"
    return histogram.percentile(share), ""


def _said(metric: str, value: float) -> str:
    if metric == "errors":
        return f"{value:,.0f} without a good answer"
    if metric == "error_share":
        return f"{100 * value:.3g} % without a good answer"
    if metric == "rate":
        return f"{value:,.4g} good answers a second"
    if isinf(value):
        return f"{metric} lies among operations without a good answer"
    return f"{metric} was {_time_text(value)}"


def _time_text(value_s: float) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value_s >= size:
            return f"{value_s / size:.4g} {unit}"
    return f"{value_s * 1e9:.4g} ns"
