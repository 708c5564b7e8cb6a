"""`matches`: what was measured is what a formula says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from hinterland.claims.grounds.evidence import evidence, inside, medians
from hinterland.claims.grounds.form import MetricForm, Problem, Side, among, around_one, metric_problems
from hinterland.claims.grounds.measured import Measured
from hinterland.claims.grounds.pairs import log_ratio
from hinterland.claims.grounds.pool import scatters
from hinterland.claims.grounds.testimony import UNTIMED_ALLOWANCE, bounded
from hinterland.model.experiment import Experiment
from hinterland.model.verdict import Evidence, TrialResult
from hinterland.statistics.interval import Interval
from hinterland.statistics.sequence import DRIFT_ALLOWANCE, running_sequence


class Matches(MetricForm, frozen=True, kw_only=True):
    """`metric` equals the oracle within the factor `within`.

    `oracle` is another metric of the same trial, computed by a formula from what the trial set.
    """

    NAME: ClassVar[str] = "matches"
    SAYS: ClassVar[str] = (
        "The ratio of the measured value to a formula's; the whole interval must lie within the threshold, "
        "either way."
    )

    oracle: str
    within: float

    def asks(self) -> str:
        return f"{self.metric} is {self.oracle} within a factor of {self.within:g}{among(self.where)}"

    def judge(
        self, experiment: Experiment, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
    ) -> Evidence:
        return evidence_of(self, Measured.of(experiment, self.metric, trials), alpha, control=control)

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        yield from super().problems(experiment)
        yield from metric_problems(experiment, oracle=self.oracle)
        if self.within <= 1:
            yield "within", "must be above 1."

    @classmethod
    def band(cls, threshold: float) -> Side | None:
        return around_one(threshold)


def evidence_of(form: Matches, measured: Measured, alpha: float, *, control: bool) -> Evidence:
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
    word = inside(interval, convicts, math.log(form.within))
    pairs = [(t.outcome.metrics[form.metric], t.outcome.metrics[form.oracle]) for t in trials]
    asked = f"within {form.within:g}x"
    return evidence(word, measured.name, interval, form.within, medians(pairs), asked, len(trials), disturbed)


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
