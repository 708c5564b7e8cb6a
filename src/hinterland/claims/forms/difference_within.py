"""`difference_within`: two sides differ by less than a factor, either way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from hinterland.claims.grounds.evidence import evidence, inside, medians
from hinterland.claims.grounds.form import PairForm, Problem, Side, among, around_one
from hinterland.claims.grounds.measured import Measured
from hinterland.claims.grounds.testimony import ratio
from hinterland.model.experiment import Experiment, Where, label
from hinterland.model.verdict import Evidence, TrialResult


class DifferenceWithin(PairForm, frozen=True, kw_only=True):
    """`metric` under `one` and under `other` differ by less than the factor `ratio`, either way."""

    NAME: ClassVar[str] = "difference_within"
    SAYS: ClassVar[str] = (
        "The ratio of two treatments, paired by block; the whole interval must lie within the threshold, "
        "either way."
    )
    COMPARED: ClassVar[tuple[str, str]] = ("one", "other")

    ratio: float
    one: Where
    other: Where

    def asks(self) -> str:
        sides = f"{label(self.one)} and {label(self.other)}"
        return f"{self.metric} of {sides} are alike within a factor of {self.ratio:g}{among(self.where)}"

    def judge(
        self, experiment: Experiment, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
    ) -> Evidence:
        """Holds when the whole interval of the ratio lies inside the band, refuted when wholly outside."""
        measured = Measured.of(experiment, self.metric, trials)
        above, below = self.sides()
        found = ratio(measured, above, below, alpha, control=control)
        word = inside(found.interval, found.convicts, math.log(self.ratio))
        seen = medians([(pair.above, pair.below) for pair in found.pairs])
        asked = f"within {self.ratio:g}x"
        return evidence(
            word, measured.name, found.interval, self.ratio, seen, asked, len(found.pairs), found.disturbed
        )

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        yield from super().problems(experiment)
        if self.ratio <= 1:
            yield "ratio", "must be above 1."

    @classmethod
    def band(cls, threshold: float) -> Side | None:
        return around_one(threshold)
