"""What a plan is driven with: its requests, and the lanes of its protocol's driver."""

from __future__ import annotations

from collections.abc import Callable

from hinterland.load.drivers.registry import lanes
from hinterland.load.engine.lane import Lane
from hinterland.load.engine.outgoing import Requests
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.requests import make_requests


def requests_of(plan: LoadPlan, *, processes: int = 1) -> Requests:
    """Returns the requests of a plan, the same in each of its processes. Raises UsageError as they do."""
    if not plan.scenario:
        return make_requests(plan, processes=processes)
    # Only a scenario needs what it needs.
    from hinterland.load.scenario.requests import ScenarioRequests

    return ScenarioRequests(plan, processes=processes)


def lanes_of(plan: LoadPlan) -> Callable[..., list[Lane]]:
    """Returns what makes the lanes of a plan: its protocol's driver, or its scenario."""
    if not plan.scenario:
        return lanes
    from hinterland.load.scenario.lane import lanes as of_scenario

    return of_scenario
