"""What an experiment declares before it runs: the content of its `experiment.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

Level = str | int | float | bool
Where = Mapping[str, Level]
"""A partial treatment: the levels of some factors."""


class Factor(Struct, frozen=True, forbid_unknown_fields=True):
    """Something an experiment sets.

    `levels` run by default. A person may ask for any of `choices` (default: `levels`) or,
    where `minimum` or `maximum` is given, for any number between them. `needs` maps a level
    to what must be installed for it; levels whose needs are missing are left out, and the
    report says so. `hint` completes the error message for a level out of range.
    """

    levels: tuple[Level, ...]
    says: str
    name: str = ""
    unit: str = ""
    choices: tuple[Level, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    hint: str = ""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Metric(Struct, frozen=True, forbid_unknown_fields=True):
    """A measured outcome. `scale` is `ratio` where a true zero makes ratios meaningful.

    `timed` is false for what does not depend on time, such as memory: a busy machine does not void it.
    `steady` names an assumption of the trial by which the trial itself shows that noise added next to nothing
    to this metric, such as "the two fastest of five agree". `best` is what no value can pass, such as a share
    of 1: what noise worsens lies between what was measured and that.
    """

    unit: str
    better: Literal["lower", "higher", "neither"]
    says: str
    name: str = ""
    scale: Literal["ratio", "count"] = "ratio"
    timed: bool = True
    steady: str = ""
    best: float | None = None


class FindingKind(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of finding that `never` claims speak of, such as a double charge.

    `timed` says whether it rests on time, as "answered too late" does and "charged twice" does not: noise
    adds time, so that on a busy machine it can make the first and not the second.
    """

    says: str
    timed: bool


class ClaimDeclaration(Struct, frozen=True, forbid_unknown_fields=True):
    """A claim: what it says, and how it is judged.

    `control` says in words which treatment turns the claim over. `main` claims are the ones the experiment
    was made for. `form` holds one form of claim and its fields, in a manifest as a key of the claim itself:
    `never = { finding = "double_charge" }`. `where` restricts the trials that it is about, `instead` are the
    levels that make the control.
    """

    id: str
    says: str
    control: str
    main: bool = True
    form: dict[str, dict[str, Any]] = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    instead: Where = field(default_factory=dict)


class Truth(Struct, frozen=True, forbid_unknown_fields=True):
    """Which figure of a run answers a question that asks for a number.

    Either the median of `metric` over the trials with the levels `where`, or the estimate of `claim`. over:
    it is divided by the same metric of the trials that have these levels instead, block by block. rest_of:
    what is asked for is what it leaves of this. times: what one of it is in the unit of the question, such as
    100 for a share of 100 clients. So the answer is `(rest_of - metric / over) * times`.
    """

    metric: str = ""
    where: Where = field(default_factory=dict)
    over: Where = field(default_factory=dict)
    rest_of: float | None = None
    times: float = 1.0
    claim: str = ""


class Prediction(Struct, frozen=True, forbid_unknown_fields=True):
    """What the reader is asked before the run. `answer` is revealed with the verdicts.

    correct: the one of the `options` that is right. truth: what of the run answers a question for a number;
    unscored: why nothing of it can. shown_by: the claims that the answer rests on; where one of them does not
    hold on a machine, nobody is judged by it there. axis: from where to where the first chart may lie, wide
    enough to give nothing away; logarithmic where it begins above 0. On it the reader marks what to expect.
    """

    kind: Literal["choice", "number", "curve"]
    ask: str
    options: tuple[str, ...] = ()
    answer: str = ""
    unit: str = ""
    correct: str = ""
    truth: Truth | None = None
    unscored: str = ""
    shown_by: tuple[str, ...] = ()
    axis: tuple[float, float] | None = None


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a fact of the lesson was published."""

    title: str
    url: str
    says: str = ""


class Chart(Struct, frozen=True, forbid_unknown_fields=True):
    """One chart of the report: `metric` against the levels of `by`, one mark or line a level of `series`.

    `where` keeps only the trials with these levels. `scale` is the metric's axis. `expected` is a metric of
    the same unit, drawn beside the measured one as what should come out; `expected_where` restricts it to
    the groups of which it is expected.
    """

    metric: str
    by: str
    caption: str
    series: str = ""
    where: Where = field(default_factory=dict)
    scale: Literal["linear", "log"] = "linear"
    expected: str = ""
    expected_where: Where = field(default_factory=dict)


class Ladder(Struct, frozen=True, forbid_unknown_fields=True):
    """A packet view of the report: what the link `link` carried in the first sound trial with these levels.

    `start_ms` and `end_ms` choose a stretch of it, counted from its first packet.
    """

    where: Where
    caption: str
    link: str = "link"
    start_ms: float = 0.0
    end_ms: float | None = None


class Experiment(Struct, frozen=True, forbid_unknown_fields=True):
    """One question about one fundamental, as its manifest declares it.

    `grid` lists sub-designs: each names levels for some factors and takes the declared levels of the
    others; the treatments are their union. Without `grid` every combination of levels is a treatment.
    `trial_s` is about how long one trial takes: it decides whether a budget fits one block.
    `learned` is the one line that a reader should keep, `runs` says in a few words what is compared.
    `tour`: whether a tour without names, three minutes in all, may choose it for its region.
    """

    title: str
    question: str
    learned: str
    budget_s: float
    trial_s: float
    factor: dict[str, Factor]
    metric: dict[str, Metric]
    claim: tuple[ClaimDeclaration, ...]
    prediction: Prediction
    source: tuple[Source, ...]
    finding: dict[str, FindingKind] = field(default_factory=dict)
    chart: tuple[Chart, ...] = ()
    ladder: tuple[Ladder, ...] = ()
    grid: tuple[dict[str, tuple[Level, ...]], ...] = ()
    runs: str = ""
    needs: tuple[str, ...] = ()
    position: int = 0
    tour: bool = True
    id: str = ""
    folder: str = ""

    @property
    def region(self) -> str:
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]


REGIONS: dict[str, str] = {
    "protocols": "the invisible layer",
    "patterns": "how the two sides talk",
    "execution": "who runs your code",
    "storage": "the libraries that refuse to lose a book",
    "caching": "the impatient messengers",
    "messaging": "the unseen staff at 2 a.m.",
    "apis": "the translators",
    "security": "stewardship",
    "architecture": "skylines",
    "operations": "keeping promises",
}
"""The parts of the atlas, in the order of the map."""


def label(levels: Mapping[str, Any]) -> str:
    """Returns a treatment in words: `variant=no_key database=sqlite`."""
    return " ".join(f"{name}={show(level)}" for name, level in levels.items())


def show(level: Any) -> str:
    """Returns a level as a person would type it: `0.95`, `10000`, `true`."""
    if isinstance(level, bool):
        return "true" if level else "false"
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return str(level)
