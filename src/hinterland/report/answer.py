"""The question that was asked before a run, answered by the run itself, and what somebody said beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hinterland.drawing import numbers
from hinterland.model.experiment import Level, Prediction, Truth, Where, label
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Verdict
from hinterland.report.charts.samples import matches
from hinterland.statistics.interval import Interval
from hinterland.statistics.middle import middle

WIDEST = 10.0
"""An interval that spans a larger factor than this, or begins at nothing, nearly everybody would meet."""


@dataclass(frozen=True)
class Judged:
    """What was said before a run, and what it came to.

    hit: whether that was right; None where nobody can be judged by this run, and `says` tells why.
    """

    hit: bool | None
    says: str


@dataclass(frozen=True)
class Doubt:
    """A claim behind an answer that does not hold here: refuted, or open, and what to say of it."""

    refuted: bool
    says: str


def measured(record: RunRecord, prediction: Prediction) -> Interval | None:
    """Returns the answer as this run measured it, in the unit of the question; `n` trials, or blocks where
    two treatments are compared. None for a choice, and where the run has no such trials."""
    truth = prediction.truth
    if truth is None:
        return None
    found = _estimate(record.verdicts, truth.claim) if truth.claim else middle(_values(record, truth))
    if found is None:
        return None
    low, high = sorted(_asked(truth, value) for value in (found.low, found.high))
    return Interval(_asked(truth, found.estimate), low, high, found.n, found.assumed)


def _asked(truth: Truth, value: float) -> float:
    return (value if truth.rest_of is None else truth.rest_of - value) * truth.times


def _estimate(verdicts: Iterable[Verdict], claim: str) -> Interval | None:
    """Returns a claim's estimate with its interval; None while there is none, or it has no end."""
    found = next((each.evidence for each in verdicts if each.claim == claim), None)
    if found is None or found.estimate is None or not math.isfinite(found.estimate):
        return None
    low = found.estimate if found.low is None else found.low
    high = found.estimate if found.high is None else found.high
    return Interval(found.estimate, low, high, found.trials or found.blocks, found.assumed)


def _values(record: RunRecord, truth: Truth) -> list[float]:
    """Returns the metric in each trial that counts, or its ratio in each block that has both sides."""
    by_block = _by_block(record, truth.metric, truth.where)
    if not truth.over:
        return [value for values in by_block.values() for value in values]
    under = _by_block(record, truth.metric, {**truth.where, **truth.over})
    pairs = [(middle(values), middle(under[block])) for block, values in by_block.items() if under.get(block)]
    return [one.estimate / other.estimate for one, other in pairs if one and other and other.estimate > 0]


def _by_block(record: RunRecord, metric: str, where: Where) -> Mapping[int, list[float]]:
    found: dict[int, list[float]] = {}
    for trial in record.trials:
        value = trial.outcome.metrics.get(metric) if trial.status == "done" else None
        if value is not None and math.isfinite(value) and matches(trial.treatment, where):
            found.setdefault(trial.block, []).append(float(value))
    return found


def doubt(record: RunRecord, prediction: Prediction) -> Doubt | None:
    """Returns why the answer of the book does not stand here: the first claim behind it that was refuted, for
    then it is known to be otherwise, else the first that is open. None where all of them hold."""
    words = {each.claim: each.verdict for each in record.verdicts}
    shaken = [name for name in prediction.shown_by if words.get(name) != "holds"]
    if not shaken:
        return None
    worst = next((name for name in shaken if words.get(name) == "refuted"), shaken[0])
    refuted = words.get(worst) == "refuted"
    claim = next((one.says for one in record.info.experiment.claim if one.id == worst), worst)
    word = "was refuted in this run" if refuted else "is open in this run"
    return Doubt(refuted, f"A claim that the answer rests on {word}: {claim}")


def told(record: RunRecord, prediction: Prediction) -> str:
    """Returns what this run makes of the answer, in words: its figure, and the doubts; empty where it says
    nothing beyond the book."""
    found = measured(record, prediction)
    shaken = doubt(record, prediction)
    parts = [shaken.says if shaken else ""]
    if found is not None:
        parts.insert(0, f"Measured in this run: {figure(found, prediction.unit)}.")
    elif prediction.truth is not None:
        parts.insert(0, f"This run did not measure it: {_lacks(prediction.truth)}.")
    elif prediction.unscored:
        parts.insert(0, f"No figure of a run tells: {prediction.unscored}")
    return " ".join(part for part in parts if part)


def _lacks(truth: Truth) -> str:
    if truth.claim:
        return "its claim came to no estimate"
    levels: dict[str, Level] = dict(truth.where)
    return f"no trial of {label(levels)} counts" + (f", or none of {label(truth.over)}" if truth.over else "")


def figure(found: Interval, unit: str) -> str:
    """Returns a measured answer with its interval and what it rests on:
    `61 ms (60.4 ms to 62 ms; measured 8 times)`."""
    value = numbers.quantity(found.estimate, unit)
    if found.low == found.high:
        return f"{value} ({_counted(found.n)})"
    low, high = (numbers.quantity(each, unit) for each in (found.low, found.high))
    return f"{value} ({low} to {high}; {_counted(found.n)})"


def _counted(count: int) -> str:
    return "measured once" if count == 1 else f"measured {count} times"


def number_met(said: float, within: float, record: RunRecord, prediction: Prediction) -> Judged | None:
    """Returns what a number came to: right where the band of its factor meets the measured interval, so that
    noise is nobody's fault. None where the manifest says not what answers the question.

    A claim that was refuted leaves the figure: it was measured here. One that is open leaves nothing.
    """
    if prediction.truth is None:
        return None
    found, unit = measured(record, prediction), prediction.unit
    if found is None:
        return Judged(None, f"This run did not measure it: {_lacks(prediction.truth)}. It is not counted.")
    says = f"It was {figure(found, unit)} here"
    shaken = doubt(record, prediction)
    if shaken is not None and not shaken.refuted:
        return Judged(None, f"{says}. {shaken.says} So it is not counted.")
    if found.high > WIDEST * found.low:
        return Judged(None, f"{says}. That is too wide to judge anybody by.")
    hit = meets(said, within, found)
    says = f"{says}, {_how(said, within, found, hit)}."
    return Judged(hit, f"{says} {shaken.says}" if shaken else says)


def meets(said: float, within: float, found: Interval) -> bool:
    """Decides whether a number with its factor meets an interval; a factor adds nothing to zero."""
    return found.low <= said * within and said / within <= found.high


def _how(said: float, within: float, found: Interval, hit: bool) -> str:
    if hit:
        return f"within your factor of {within:g}"
    nearest = found.low if said < found.low else found.high
    if said <= 0 or nearest <= 0:
        return f"not within your factor of {within:g}"
    times = numbers.significant(max(nearest / said, said / nearest), 2)
    return f"{times} times {'more' if nearest > said else 'less'}, and your factor was {within:g}"


def option_met(option: str, record: RunRecord, prediction: Prediction) -> Judged | None:
    """Returns whether a choice was right by the book, where this run bears the book out; None where the book
    names none."""
    if not prediction.correct:
        return None
    shaken = doubt(record, prediction)
    if shaken is not None:
        return Judged(None, f"{shaken.says} So nobody is judged by the book here.")
    hit = option == prediction.correct
    return Judged(hit, "right" if hit else "not so")
