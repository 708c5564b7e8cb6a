"""Intervals for a rate, such as violations per try, that hold at every moment at once."""

from __future__ import annotations

from functools import lru_cache
from math import log

from scipy.optimize import brentq
from scipy.special import betaincinv, betaln, xlog1py, xlogy

from hinterland.statistics.interval import Interval

TRIES_ARE_ALIKE = "tries are independent and alike"

# The Beta mixture over rates has its mean at 10 % and much weight near 0: violations are expected to be rare,
# and the bound after none at all is the one that should be tight.
_PRIOR = (0.1, 0.9)


@lru_cache(maxsize=4096)
def rate_sequence(violations: int, tries: int, alpha: float = 0.05) -> Interval:
    """The rate behind `violations` in `tries`, with bounds that hold however often one looks.

    The likelihood ratio of a mixture over rates against one rate is a nonnegative martingale when that rate
    is true, so it exceeds 1/alpha with probability at most `alpha`, ever (Ville 1939; Robbins 1970; Howard,
    Ramdas, McAuliffe and Sekhon 2021). With a Beta mixture it has a closed form, and the bounds are exact.
    After no violation in 100, 1,000 and 10,000 tries `high` is 3.5 %, 0.37 % and 0.040 % at alpha = 0.05.
    With no tries the estimate is NaN and the interval [0, 1]. ValueError: not 0 <= violations <= tries.
    """
    if not 0 <= violations <= tries:
        raise ValueError(f"violations={violations} must be between 0 and tries={tries}.")
    if tries == 0:
        return Interval(float("nan"), 0.0, 1.0, 0)
    kept = tries - violations
    least = betaln(_PRIOR[0] + violations, _PRIOR[1] + kept) - betaln(*_PRIOR) + log(alpha)

    def surplus(rate: float) -> float:
        """How much more likely, in logs, the counts are at this rate than the interval demands."""
        return float(xlogy(violations, rate) + xlog1py(kept, -rate) - least)

    estimate = violations / tries
    # Relative precision near 0 needs an absolute tolerance far below the smallest bound.
    low = brentq(surplus, 0.0, estimate, xtol=1e-15) if violations else 0.0
    high = brentq(surplus, estimate, 1.0, xtol=1e-15) if kept else 1.0
    return Interval(estimate, float(low), float(high), tries, TRIES_ARE_ALIKE)


def exact_bounds(hits: int, tries: int, alpha: float = 0.05) -> tuple[float, float]:
    """Returns the bounds of a rate that is looked at once (Clopper and Pearson 1934); (0, 1) with no tries.

    ValueError: not 0 <= hits <= tries.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"hits={hits} must be between 0 and tries={tries}.")
    low = float(betaincinv(hits, tries - hits + 1, alpha / 2)) if hits else 0.0
    high = float(betaincinv(hits + 1, tries - hits, 1 - alpha / 2)) if hits < tries else 1.0
    return low, high
