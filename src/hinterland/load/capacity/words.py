"""What a search for capacity found, in a sentence or two."""

from __future__ import annotations

from hinterland.load.result.capacity import CapacityResult
from hinterland.statistics.boundary import BETWEEN


def said(found: CapacityResult, why: str = "") -> str:
    """Returns the result in words. `why`: what was wrong with the generator, or who cut the search short."""
    text = (
        found.objective.text
        or f"{found.objective.metric} {found.objective.operator} {found.objective.value:g}"
    )
    known = _known(found, text)
    match found.ended:
        case "decided" | "running":
            return known
        case "budget":
            return f"{known} The probes or the time ran out before that was as narrow as asked."
        case "interrupted":
            because = "" if why in ("", "interrupted") else f": {why.rstrip('.')}"
            return f"{known} It was interrupted before more was known{because}."
        case "generator":
            return f"{known} The generator was the limit before the server was: {why}."
        case "not_settled":
            return (
                f"{known} After a probe the server did not come back to its calm response time within 30 s, "
                "so nothing after that could be believed."
            )
        case "always_held":
            return f"{known} No higher rate was allowed."
        case "never_held":
            return f"{known} A lower rate would take more than a minute a probe."


def _known(found: CapacityResult, text: str) -> str:
    capacity, low, high = found.capacity_per_s, found.low_per_s, found.high_per_s
    if capacity is not None and low is not None and high is not None:
        if found.assumed == BETWEEN:
            return (
                f"{text} holds up to about {_rate(capacity)} a second: no more is known than that the limit "
                f"is between {_rate(low)} and {_rate(high)}, as too few probes, or too scattered ones, "
                "give no 95 % interval."
            )
        return f"{text} holds up to {_rate(capacity)} a second (95 % interval {_rate(low)} to {_rate(high)})."
    if low is not None:
        return f"{text} still holds at {_rate(low)} a second."
    if high is not None:
        return f"{text} does not hold even at {_rate(high)} a second."
    return f"Nothing is known yet about {text}."


def _rate(value: float) -> str:
    """Three figures: more would be noise."""
    digits = len(str(int(abs(value))))
    return f"{round(value, 3 - digits):,.{max(0, 3 - digits)}f}"
