"""What every form of claim answers: what it compares, its control, its judgement, and its words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import ClassVar, Self

from msgspec import Struct, field
from msgspec.structs import replace

from hinterland.model.experiment import Experiment, Level, Where, label
from hinterland.model.verdict import Evidence, Finding, TrialResult

Side = tuple[float, float]
Problem = tuple[str, str]
"""The field that breaks a rule, and the rule."""


class Form(Struct, frozen=True, kw_only=True):
    """A claim as it is judged. `where` restricts the trials that it is about.

    `where` and the levels that a form compares are partial treatments. `control` replaces levels in them: the
    claim must come out the other way there, or it is not admitted. Factors that a claim does not name are
    matched: trials are compared with the trial of the same block that differs in nothing else.
    """

    NAME: ClassVar[str] = ""
    """The key under which a manifest has it."""
    SAYS: ClassVar[str] = ""
    """How it is judged, for the reader of a report."""

    where: Where = field(default_factory=dict)
    control: Where = field(default_factory=dict)

    def sides(self) -> tuple[Where, ...]:
        """Returns the partial treatments that it compares, or is about."""
        return (self.where,)

    def controlled(self) -> Self:
        """Returns the claim with its control's levels in place."""
        return replace(self, where={**self.where, **self.control})

    def awaits(self, evidence: Evidence, treatments: Sequence[Where]) -> tuple[Where, ...]:
        """Returns the partial treatments of which more trials would decide or sharpen what is open.

        treatments: all that the run may have.
        """
        return self.sides()

    def judge(
        self, experiment: Experiment, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
    ) -> Evidence:
        """Returns what these trials say: all that count in the run, for together they tell the scatter.

        control: it is the control's levels that are judged, of which it is asked whether the claim can come
        out the other way.
        """
        raise NotImplementedError

    def convicts_alone(self, evidence: Evidence) -> bool:
        """Decides whether evidence stands however many trials gave none: what was seen once was seen."""
        return False

    def asks(self) -> str:
        """Returns in words what must be so for it to hold, its levels as a person would type them."""
        raise NotImplementedError

    def is_timed(self, experiment: Experiment) -> bool:
        """Decides whether it rests on time, as the manifest declares of its metric or its finding."""
        raise NotImplementedError

    def axes(self) -> dict[str, str]:
        """Returns what it is about, so that a report can draw it where it belongs."""
        raise NotImplementedError

    def witnesses(self, trials: Sequence[TrialResult]) -> tuple[Finding, ...]:
        """Returns one witness of its own violation and one of its control's, where there are such things."""
        return ()

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        """Yields what in it the manifest does not declare."""
        yield from ()

    @classmethod
    def band(cls, threshold: float) -> Side | None:
        """Returns between which bounds the estimate lies where the claim holds, None where none tell."""
        return None


class MetricForm(Form, frozen=True, kw_only=True):
    """A claim about a metric."""

    metric: str

    def is_timed(self, experiment: Experiment) -> bool:
        return experiment.metric[self.metric].timed

    def axes(self) -> dict[str, str]:
        return {"metric": self.metric}

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        yield from metric_problems(experiment, metric=self.metric)


class PairForm(MetricForm, frozen=True, kw_only=True):
    """A claim that compares a metric under two partial treatments, which stand in the fields `COMPARED`."""

    COMPARED: ClassVar[tuple[str, str]]

    def sides(self) -> tuple[Where, Where]:
        one, other = (getattr(self, name) for name in self.COMPARED)
        return {**self.where, **one}, {**self.where, **other}

    def controlled(self) -> Self:
        swapped = {name: overlay(getattr(self, name), self.control) for name in self.COMPARED}
        where = {**self.where, **rest(self.control, *swapped.values())}
        return replace(self, where=where, **swapped)


def at_most(threshold: float) -> Side:
    return -inf, threshold


def at_least(threshold: float) -> Side:
    return threshold, inf


def around_one(threshold: float) -> Side | None:
    """Returns the band of a ratio that is near 1, either way."""
    if threshold <= 0:
        return None
    low, high = sorted((1 / threshold, threshold))
    return low, high


def matches(where: Where, treatment: Mapping[str, Level]) -> bool:
    """Decides whether a treatment has all the levels of a partial one."""
    return all(treatment.get(name) == level for name, level in where.items())


def overlay(levels: Where, swap: Where) -> Where:
    """Returns the levels with those replaced that `swap` names too."""
    return {name: swap.get(name, level) for name, level in levels.items()}


def rest(swap: Where, *sides: Where) -> Where:
    """Returns the levels of `swap` that no side names."""
    return {name: level for name, level in swap.items() if not any(name in side for side in sides)}


def among(where: Where) -> str:
    """Returns a restriction in words, nothing where there is none."""
    return f", with {label(where)}" if where else ""


def metric_problems(experiment: Experiment, **names: str) -> Iterator[Problem]:
    """Yields each field that names no metric of the manifest."""
    for name, metric in names.items():
        if metric not in experiment.metric:
            yield name, f"is no metric of this experiment, which are {', '.join(experiment.metric)}."
