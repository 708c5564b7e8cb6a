"""What is concluded: findings from a history, outcomes of a trial, verdicts over all trials."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from hinterland.model.experiment import Level
from hinterland.model.weather import Weather

VerdictWord = Literal["holds", "refuted", "inconclusive"]


class WitnessEvent(Struct, frozen=True):
    """One line of a witness: when (ms since the story began), who, and what happened in words."""

    t_ms: float
    actor: str
    says: str


class Finding(Struct, frozen=True):
    """What a checker concludes: its kind, the key it concerns, and the two to five events that prove it."""

    kind: str
    key: str
    says: str
    witness: tuple[WitnessEvent, ...] = ()


class Assumption(Struct, frozen=True):
    """A fact that must be true for a verdict to mean anything. `measured` says what was seen.

    `timed`: it is about time alone, so that a broken one has added time and nothing else: it disturbs a trial
    and does not void it. `late_ms` says how much, where that is known.
    """

    id: str
    says: str
    held: bool
    measured: str = ""
    timed: bool = False
    late_ms: float = 0.0


class Outcome(Struct, frozen=True):
    """What one trial came to.

    `tries` counts, for each kind of finding, how often it could have happened.
    `series` holds small curves for charts: name -> list of (x, y).
    """

    metrics: dict[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    tries: dict[str, int] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


AGAIN = "r"
"""What the id of a trial ends in that took the place of a void one."""


class TrialResult(Struct, frozen=True):
    """One trial as the record keeps it.

    status `done`: its outcome counts. `void`: an assumption broke that is not about time alone. `failed`: the
    trial, its system or its checker raised; `cause` says what. A void or failed trial gives no evidence.
    disturbed: what added time to a trial that is done, empty where nothing did. It testifies to what noise
    can't make (`claims.testimony`). weather: what others did on the machine meanwhile.
    """

    id: str
    block: int
    treatment: dict[str, Level]
    seed: int
    status: Literal["done", "void", "failed"]
    outcome: Outcome
    duration_s: float
    cause: str = ""
    log: tuple[str, ...] = ()
    disturbed: str = ""
    weather: Weather | None = None

    @property
    def planned_id(self) -> str:
        """The id of the trial in the plan: that of the one whose place it took, or its own."""
        return self.id.removesuffix(AGAIN)

    @property
    def late_ms(self) -> float:
        """How late a link or a generator was in a disturbed trial."""
        return max((each.late_ms for each in self.outcome.assumptions if not each.held), default=0.0)


class Evidence(Struct, frozen=True):
    """What the trials say about one statement in one set of treatments.

    `low` and `high` bound the estimate at every moment at once (anytime-valid). `unit` is `x` for a ratio,
    `share` for a rate, else the factor's or metric's own. `threshold` is what the claim compares with.
    `sharpens` says that the claim is decided but its estimate is worth more blocks, while the budget lasts.
    trials: how many comparisons it rests on (pairs, or trials where nothing is compared). disturbed: to how
    many of them noise had added time.
    """

    verdict: VerdictWord
    says: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    threshold: float | None = None
    blocks: int = 0
    tries: int = 0
    violations: int = 0
    cause: str = ""
    assumed: str = ""
    sharpens: bool = False
    trials: int = 0
    disturbed: int = 0


class Verdict(Struct, frozen=True):
    """The verdict on one claim: the evidence, the control's evidence, and why it is inconclusive if it is."""

    claim: str
    says: str
    verdict: VerdictWord
    evidence: Evidence
    control: Evidence
    control_says: str
    main: bool = True
    cause: str = ""
    form: str = ""
    witnesses: tuple[Finding, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)
