"""Whether a trial's outcome counts."""

from __future__ import annotations

from typing import Literal

from hinterland.model.verdict import Outcome


def void_by(outcome: Outcome) -> tuple[Literal["done", "void"], str]:
    """Decides whether an assumption broke, and says which."""
    broken = next((assumption for assumption in outcome.assumptions if not assumption.held), None)
    if broken is None:
        return "done", ""
    measured = f" ({broken.measured})" if broken.measured else ""
    return "void", f"assumption broken: {broken.says}{measured}"
