"""How far a load is beyond an objective, as a share of its operations: what a search for capacity goes by.

`p99 < 20ms` allows 1 % of all operations to be slower than 20 ms or unanswered. The share that is says more
than whether the objective held: how near to its boundary a load was.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from hinterland.errors import UsageError
from hinterland.load.plan.notation import percentile_of
from hinterland.load.plan.plan import Objective
from hinterland.load.result.result import LoadResult
from hinterland.statistics.histogram import Histogram

# So many operations must lie beyond a percentile before it is believed.
LEAST_BEYOND = 10
_FEWEST = 200


class Aim(Struct, frozen=True):
    """What an objective asks of a probe.

    allowed: the share of operations that may be beyond it; 0.5 where a probe is judged as a whole (its share
    is 0 or 1 then: `by_operation` is False). least_operations: how many a probe needs. limit_s: the time that
    it speaks of, 0 for none.
    """

    allowed: float
    by_operation: bool
    least_operations: int
    limit_s: float


def aim_of(objective: Objective) -> Aim:
    """Returns what a search for the highest rate must know of an objective.

    Raises UsageError for one that more load does not break.
    """
    metric, value, operator = objective.metric, objective.value, objective.operator
    q = None if metric.startswith("lateness") else percentile_of(metric)
    upper = operator in ("<", "<=") or (operator == "=" and value == 0)
    if not upper or (metric not in ("mean", "max", "errors", "error_share") and q is None):
        raise UsageError(
            f"{objective.text or metric} is no objective that more load breaks.",
            "Give an upper limit on a time or on errors, such as p99 < 20ms or error_share < 0.1%.",
        )
    if q is not None:
        return Aim(1 - q, True, round(LEAST_BEYOND / (1 - q) + 0.5), value)
    if metric == "error_share" and 0 < value < 1:
        return Aim(value, True, round(LEAST_BEYOND / value + 0.5), 0.0)
    return Aim(0.5, False, _FEWEST, value if metric in ("mean", "max") else 0.0)


def beyond(objective: Objective, result: LoadResult) -> float:
    """Returns the share of the operations of a load that are beyond an objective, 0 or 1 for one judged
    whole."""
    if not result.operations:
        return 1.0
    missing = result.operations - result.answered
    if objective.metric == "error_share" and 0 < objective.value < 1:
        return missing / result.operations
    response = Histogram.from_counts(result.response)
    if percentile_of(objective.metric) is not None:
        return 1.0 - response.share_below(objective.value)
    measured = {
        "mean": inf if missing else response.mean(),
        "max": inf if missing else response.max(),
        "errors": float(missing),
        "error_share": missing / result.operations,
    }[objective.metric]
    kept = measured < objective.value if objective.operator == "<" else measured <= objective.value
    return 0.0 if kept else 1.0
