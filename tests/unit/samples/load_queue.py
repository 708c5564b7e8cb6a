"""A queue with one server, simulated: what probes of a server with exponential service times would see."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
from load_results import counts, result
from msgspec.structs import replace
from numpy.typing import NDArray

from hinterland.load.plan.plan import LoadPlan
from hinterland.load.result.result import LoadResult


def waits_s(
    random: np.random.Generator,
    rate_per_s: float,
    service_s: Callable[[int], NDArray[np.float64]],
    plan: LoadPlan,
) -> NDArray[np.float64]:
    """Returns the response times of Poisson arrivals, first come first served, after the warm-up.

    Each is done at the larger of its arrival and the end of the one before, plus its service time (Lindley
    1952).
    """
    length_s = plan.warm_up_s + plan.duration_s
    due = np.sort(random.uniform(0, length_s, random.poisson(rate_per_s * length_s)))
    served = service_s(len(due))
    ended = np.cumsum(served)
    begins = np.maximum.accumulate(due - np.concatenate([[0.0], ended[:-1]]))
    return (begins + ended - due)[due >= plan.warm_up_s]


class QueueServer:
    """Stands where `run_load` does: a server with one exponential queue of `service_per_s`."""

    def __init__(self, service_per_s: float, seed: int = 1) -> None:
        self.service_per_s = service_per_s
        self.plans: list[LoadPlan] = []
        self._random = np.random.default_rng(seed)

    def highest_rate(self, limit_s: float, share: float) -> float:
        """Returns the rate at which `share` of the operations take longer than `limit_s`, in the long run."""
        return self.service_per_s + log(share) / limit_s

    async def __call__(self, plan: LoadPlan, *, watch: object = None) -> LoadResult:
        self.plans.append(plan)
        if plan.model == "closed":
            times = self._random.exponential(1 / self.service_per_s, 200)
        else:
            rate = plan.arrivals.rate_per_s
            times = waits_s(
                self._random, rate, lambda n: self._random.exponential(1 / self.service_per_s, n), plan
            )
        return self.answer(plan, times)

    def answer(self, plan: LoadPlan, times_s: NDArray[np.float64], **changes: object) -> LoadResult:
        sound = replace(
            result().generator, lateness=counts(np.full(100, 1e-6)), in_flight_mean=1.0, little=1.0, waited=0
        )
        made = replace(
            result(),
            plan=plan,
            window_s=plan.duration_s,
            operations=len(times_s),
            answered=len(times_s),
            asked_per_s=plan.arrivals.rate_per_s if plan.model == "open" else None,
            reached_per_s=len(times_s) / plan.duration_s,
            response=counts(times_s),
            errors={},
            generator=sound,
        )
        return replace(made, **changes)
