"""A metric as the forms read it, and the trials that measured it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hinterland.claims.grounds.form import matches
from hinterland.model.experiment import Experiment, Level, Where
from hinterland.model.verdict import TrialResult

UNIT_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}
LATE_OF_TRIAL = 0.5
"""The share of a trial in which it measures: against that the lateness of what is no time is held."""

Key = tuple[tuple[str, Level], ...]


@dataclass(frozen=True)
class Measured:
    """A metric: its id, its name in words, its unit, which way is better, and whether it rests on time.

    steady: the assumption by which a trial shows that noise left the metric alone, empty without one. best:
    what no value can pass, None without one.
    `trials` are all trials of the run that count, those of other claims too: together they tell the scatter.
    """

    metric: str
    name: str
    unit: str
    better: str
    timed: bool
    trials: tuple[TrialResult, ...]
    steady: str = ""
    best: float | None = None

    @classmethod
    def of(cls, experiment: Experiment, metric: str, trials: Sequence[TrialResult]) -> Measured:
        declared = experiment.metric[metric]
        name = declared.name or metric.replace("_", " ")
        return cls(
            metric=metric,
            name=name,
            unit=declared.unit,
            better=declared.better,
            timed=declared.timed,
            steady=declared.steady,
            best=declared.best,
            trials=tuple(trials),
        )

    def value(self, trial: TrialResult) -> float | None:
        """Returns the metric of a trial, None where it has none."""
        value = trial.outcome.metrics.get(self.metric)
        return None if value is None or math.isnan(value) else value

    def where(self, levels: Where) -> Iterator[TrialResult]:
        """Yields the trials with these levels that have the metric."""
        for trial in self.trials:
            if matches(levels, trial.treatment) and self.value(trial) is not None:
                yield trial

    def disturbs(self, trial: TrialResult) -> bool:
        """Decides whether noise added time to what this metric measured in the trial."""
        return self.timed and bool(trial.disturbed)

    def is_steady(self, trial: TrialResult) -> bool:
        """Decides whether noise left what this metric measured alone, as far as the trial itself could tell.

        In an undisturbed trial it did. In a disturbed one the assumption tells that the metric names: a least
        of several tries that agree, for one, took no longer for what struck some of them.
        """
        return not self.disturbs(trial) or any(
            each.id == self.steady and each.held for each in trial.outcome.assumptions
        )

    def late_log(self, trial: TrialResult, late_ms: float) -> float:
        """Returns by what factor so much lateness may have changed the metric, as a logarithm."""
        if late_ms <= 0:
            return 0.0
        value = self.value(trial) or 0.0
        whole_ms = (
            value * UNIT_MS[self.unit] if self.unit in UNIT_MS else trial.duration_s * 1e3 * LATE_OF_TRIAL
        )
        return -math.log(1 - late_ms / whole_ms) if late_ms < whole_ms else math.inf


def context(trial: TrialResult, where: Where) -> Key:
    """Returns the levels of the factors that `where` does not name."""
    return tuple((name, level) for name, level in trial.treatment.items() if name not in where)
