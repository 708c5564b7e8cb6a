"""Whether a trial's outcome counts."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from hinterland.model.verdict import Assumption, Outcome, TrialResult


def void_by(outcome: Outcome) -> tuple[Literal["done", "void"], str]:
    """Decides whether an assumption broke, and says which."""
    broken = next((assumption for assumption in outcome.assumptions if not assumption.held), None)
    if broken is None:
        return "done", ""
    measured = f" ({broken.measured})" if broken.measured else ""
    return "void", f"assumption broken: {broken.says}{measured}"


def with_assumptions(result: TrialResult, *judged: Assumption) -> TrialResult:
    """Returns the result with more assumptions; void when it counted until now and one of them broke."""
    outcome = replace(result.outcome, assumptions=(*result.outcome.assumptions, *judged))
    if result.status != "done":
        return replace(result, outcome=outcome)
    status, cause = void_by(outcome)
    return replace(result, outcome=outcome, status=status, cause=cause)
