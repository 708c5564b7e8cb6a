"""The highest rate at which an objective holds, as it was found: every probe, the boundary, the knee."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hinterland.load.plan.plan import LoadPlan, Objective

Ended = Literal[
    "running", "decided", "budget", "generator", "never_held", "always_held", "not_settled", "interrupted"
]
"""Why a search ended.

`running`: it has not yet. `decided`: the interval is as narrow as was asked. `budget`: probes or time were
used up before. `generator`: the generator itself was the limit. `never_held`, `always_held`: down to the
least rate that can be probed, or up to the most that was allowed. `not_settled`: the server did not come
back to its calm response time after a probe. `interrupted`: somebody ended it.
"""


class CapacityPoint(Struct, frozen=True):
    """One probe at one rate.

    asked_per_s, reached_per_s: operations due and good answers a second. p50_s, p99_s: of the response
    times of all operations that were due; None where they lie among those that no good answer came to.
    beyond: the share of operations on the wrong side of the objective (slower than its time, or without a
    good answer); for an objective that is no share, 0 or 1. held: whether the objective held here. counted:
    False where the generator was the limit; `why` says how, and the point is no evidence.
    """

    asked_per_s: float
    reached_per_s: float
    p50_s: float | None
    p99_s: float | None
    beyond: float
    operations: int
    duration_s: float
    held: bool
    counted: bool = True
    why: str = ""


class CapacityResult(Struct, frozen=True):
    """What a search found.

    capacity_per_s: the rate at which the objective just holds, between low_per_s and high_per_s (95 %
    interval, or, where the probes are too few for one, the rates beside which it held and did not: `assumed`
    says which); None where there is none, with `low_per_s` as the highest rate known to hold, if any.
    knee_per_s: the rate at which the response time divided by the rate is least (where a line from the
    origin touches the curve of the median); None where the curve has none in the range that was probed.
    calm_p50_s: the median response time of one connection that asks and waits. says: the result in words.
    assumed: what the interval rests on.
    """

    plan: LoadPlan
    objective: Objective
    capacity_per_s: float | None
    low_per_s: float | None
    high_per_s: float | None
    knee_per_s: float | None
    calm_p50_s: float | None
    points: tuple[CapacityPoint, ...]
    ended: Ended
    says: str
    assumed: str = ""
    took_s: float = 0.0
