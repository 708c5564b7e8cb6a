"""When the operations of a load are due, in words."""

from __future__ import annotations

from hinterland.model.load import Arrivals

MOST_STEPS = 4
"""More steps than these are counted, not listed."""


def rate_text(per_s: float | None) -> str:
    """Returns a rate: `20,000/s`, `12.5/s`."""
    if per_s is None:
        return "–"
    return f"{per_s:,.0f}/s" if per_s >= 1000 or float(per_s).is_integer() else f"{per_s:.3g}/s"


def arrivals_say(arrivals: Arrivals) -> str:
    """Returns when operations are due: `20,000/s, evenly spaced`."""
    spread = ", at random moments" if arrivals.jittered else ""
    match arrivals.shape:
        case "constant":
            return f"{rate_text(arrivals.rate_per_s)}, evenly spaced"
        case "poisson":
            return f"{rate_text(arrivals.rate_per_s)}, at random moments (Poisson)"
        case "ramp":
            return f"from {rate_text(arrivals.rate_per_s)} to {rate_text(arrivals.to_per_s)}{spread}"
        case "steps":
            steps = [f"{rate_text(rate)} for {span_s:g} s" for rate, span_s in arrivals.steps]
            left = len(steps) - MOST_STEPS
            more = f", and {left} more step{'' if left == 1 else 's'}" if left > 0 else ""
            return f"{', '.join(steps[:MOST_STEPS])}{more}{spread}"
        case "trace":
            return f"at the times in {arrivals.file}" if arrivals.file else "at the times given"
    raise AssertionError(arrivals.shape)
