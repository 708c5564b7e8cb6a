"""When the operations of a load are due, in words, and a first time that can't be meant."""

from __future__ import annotations

from hinterland.errors import UsageError
from hinterland.load.plan.plan import Arrivals

MOST_STEPS = 4
"""More steps than these are counted, not listed."""
LONGEST_WAIT_S = 1e8
"""Nobody waits for three years: a trace that begins so late has other times."""
EPOCHS = (("ns", 1e9), ("\u00b5s", 1e6), ("ms", 1e3), ("s", 1.0))


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


def examine_first(time_s: float, shown: str) -> None:
    """Raises UsageError for a first time that counts from 1970, not from the start of the load."""
    if time_s < LONGEST_WAIT_S:
        return
    unit, divisor = next((unit, size) for unit, size in EPOCHS if time_s >= LONGEST_WAIT_S * size)
    scaled = f" / {divisor:.0f}" if divisor > 1 else ""
    since = f"(($1 - first){scaled})"
    raise UsageError(
        f"{shown} looks like a time since 1970, in {unit}.",
        f"Times are seconds from the start: awk 'NR==1 {{first=$1}} {{printf \"%.6f\\n\", {since}}}' FILE",
    )
