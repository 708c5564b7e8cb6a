"""Whether a trial's outcome counts, and whether noise disturbed it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hinterland.model.verdict import Assumption, Outcome, TrialResult


class Standing(Struct, frozen=True):
    """What a trial's assumptions make of it: `void` with its cause, or `done`, and what disturbed it."""

    status: Literal["done", "void"]
    cause: str
    disturbed: str


def standing(outcome: Outcome) -> Standing:
    """Decides whether an assumption broke that is not about time, and which one that is disturbed it."""
    broken = [assumption for assumption in outcome.assumptions if not assumption.held]
    fatal = next((assumption for assumption in broken if not assumption.timed), None)
    added = next((assumption for assumption in broken if assumption.timed), None)
    return Standing(
        status="done" if fatal is None else "void",
        cause="" if fatal is None else f"assumption broken: {_told(fatal)}",
        disturbed="" if added is None else _told(added),
    )


def with_assumptions(result: TrialResult, *judged: Assumption) -> TrialResult:
    """Returns the result with more assumptions; void or disturbed when it was not until now and one broke."""
    outcome = replace(result.outcome, assumptions=(*result.outcome.assumptions, *judged))
    if result.status == "failed":
        return replace(result, outcome=outcome)
    now = standing(outcome)
    return replace(result, outcome=outcome, status=now.status, cause=now.cause, disturbed=now.disturbed)


def _told(assumption: Assumption) -> str:
    measured = f" ({assumption.measured})" if assumption.measured else ""
    return f"{assumption.says}{measured}"
