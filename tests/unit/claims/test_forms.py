"""Each form of claim: declared in a manifest, told in words, and a new one that is one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_samples import experiment, result

import hinterland.claims.forms as package
from hinterland.claims.declared import claims_of, declaration, faults, form_of
from hinterland.claims.forms import forms
from hinterland.claims.forms.crossover import Crossover
from hinterland.claims.forms.difference_within import DifferenceWithin
from hinterland.claims.forms.matches import Matches
from hinterland.claims.forms.never import Never
from hinterland.claims.forms.ratio_at_least import RatioAtLeast
from hinterland.claims.grounds.form import Form
from hinterland.claims.judge import judge
from hinterland.model.experiment import ClaimDeclaration

RIGHT, WRONG = {"variant": "right"}, {"variant": "wrong"}
SAMPLES: dict[str, tuple[Form, str]] = {
    "never": (
        Never(finding="double_charge", at_most=0.02, where=RIGHT, control=WRONG),
        "double_charge is never found, its rate bounded by 0.02, with variant=right",
    ),
    "ratio_at_least": (
        RatioAtLeast(metric="rate_per_s", ratio=2, more=RIGHT, less=WRONG, control={"clients": 1}),
        "rate_per_s of variant=right is at least 2 x variant=wrong",
    ),
    "difference_within": (
        DifferenceWithin(metric="latency_ms", ratio=1.5, one=RIGHT, other=WRONG, control={"clients": 1}),
        "latency_ms of variant=right and variant=wrong are alike within a factor of 1.5",
    ),
    "matches": (
        Matches(metric="latency_ms", oracle="rate_per_s", within=1.5, where=RIGHT, control=WRONG),
        "latency_ms is rate_per_s within a factor of 1.5, with variant=right",
    ),
    "crossover": (
        Crossover(metric="rate_per_s", along="share", first=RIGHT, second=WRONG, control=WRONG),
        "rate_per_s: variant=right wins at the lowest share, variant=wrong at the highest",
    ),
}
NEW_FORM = """
from __future__ import annotations
from typing import ClassVar
from hinterland.claims.grounds.form import MetricForm, among, at_most
from hinterland.model.verdict import Evidence


class Below(MetricForm, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "below"
    SAYS: ClassVar[str] = "No value may reach the limit."
    limit: float

    def asks(self):
        return f"{self.metric} is below {self.limit:g}{among(self.where)}"

    def judge(self, experiment, trials, alpha, *, control=False):
        found = [t.outcome.metrics[self.metric] for t in trials if self.where.items() <= t.treatment.items()]
        word = "holds" if max(found) < self.limit else "refuted"
        return Evidence(verdict=word, says=self.asks(), estimate=max(found), threshold=self.limit)

    @classmethod
    def band(cls, threshold):
        return at_most(threshold)
"""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_form_is_declared_and_comes_back_as_it_was(name: str) -> None:
    form, says = SAMPLES[name]
    declared = declaration("one", form, says="so", control="not so")
    assert list(declared.form) == [name]
    assert form_of(declared) == form
    assert form.asks() == says
    assert not list(faults(experiment("one"), declared))


def test_every_form_has_a_sample_and_says_how_it_is_judged() -> None:
    assert set(SAMPLES) == set(forms())
    for form in forms().values():
        assert form.SAYS.endswith(".")


@pytest.fixture
def with_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "below.py").write_text(NEW_FORM)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    forms.cache_clear()
    yield
    forms.cache_clear()


def test_a_new_form_is_one_file(with_a_new_one: None) -> None:
    fields = {"metric": "latency_ms", "limit": 10.0}
    claim = ClaimDeclaration(
        "low", "It is low.", "The other is not.", form={"below": fields}, where=RIGHT, instead=WRONG
    )
    sample = experiment(claim=(claim,))
    assert not list(faults(sample, claim))
    trials = [
        result(block, {"variant": variant}, {"latency_ms": ms + block})
        for block in (1, 2)
        for variant, ms in (("right", 5.0), ("wrong", 20.0))
    ]
    [verdict] = judge(sample, claims_of(sample), trials)
    assert (verdict.verdict, verdict.form, verdict.evidence.estimate) == ("holds", "below", 7.0)
