"""`ratio_at_least`: one side is at least so many times the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from hinterland.claims.grounds.evidence import evidence, medians
from hinterland.claims.grounds.form import PairForm, Problem, Side, among, at_least
from hinterland.claims.grounds.measured import Measured
from hinterland.claims.grounds.testimony import ratio
from hinterland.model.experiment import Experiment, Where, label
from hinterland.model.verdict import Evidence, TrialResult, VerdictWord


class RatioAtLeast(PairForm, frozen=True, kw_only=True):
    """`metric` under `more` is at least `ratio` times what it is under `less`."""

    NAME: ClassVar[str] = "ratio_at_least"
    SAYS: ClassVar[str] = (
        "The ratio of two treatments, paired by block; the whole interval must lie at or above the threshold."
    )
    COMPARED: ClassVar[tuple[str, str]] = ("more", "less")

    ratio: float
    more: Where
    less: Where

    def asks(self) -> str:
        less = f"at least {self.ratio:g} x {label(self.less)}"
        return f"{self.metric} of {label(self.more)} is {less}{among(self.where)}"

    def judge(
        self, experiment: Experiment, trials: Sequence[TrialResult], alpha: float, *, control: bool = False
    ) -> Evidence:
        """Holds when the whole interval of the ratio lies at or above the threshold, refuted when below."""
        measured = Measured.of(experiment, self.metric, trials)
        above, below = self.sides()
        found = ratio(measured, above, below, alpha, control=control)
        word: VerdictWord = "inconclusive"
        if found.interval.low >= math.log(self.ratio):
            word = "holds"
        elif found.convicts.high < math.log(self.ratio):
            word = "refuted"
        seen = medians([(pair.above, pair.below) for pair in found.pairs])
        asked = f"at least {self.ratio:g}x"
        return evidence(
            word, measured.name, found.interval, self.ratio, seen, asked, len(found.pairs), found.disturbed
        )

    def problems(self, experiment: Experiment) -> Iterator[Problem]:
        yield from super().problems(experiment)
        if self.ratio <= 0:
            yield "ratio", "must be above 0."

    @classmethod
    def band(cls, threshold: float) -> Side | None:
        return at_least(threshold)
