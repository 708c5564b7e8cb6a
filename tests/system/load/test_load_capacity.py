"""The capacity of a real server whose queue is known, found by real loads."""

from __future__ import annotations

import asyncio
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from hinterland.load.capacity import find as capacity
from hinterland.load.capacity.find import Limits, find_capacity
from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Arrivals, LoadPlan, Target
from hinterland.load.result.capacity import CapacityResult
from hinterland.rig.rig import Rig

pytestmark = pytest.mark.system

SERVER = Path(__file__).parents[3] / "benchmarks" / "load" / "queue_server.py"


def with_queue(tmp_path: Path, service_per_s: float, use: Any) -> Any:
    async def scenario() -> Any:
        scratch, cache = tmp_path / "scratch", tmp_path / "cache"
        scratch.mkdir()
        cache.mkdir()
        async with Rig(scratch, cache, lambda event: None) as rig:
            port = rig.free_port()
            await rig.start(
                [sys.executable, SERVER, "127.0.0.1", port, service_per_s, 7], name="queue", port=port
            )
            target = Target(url="", protocol="http1", host="127.0.0.1", port=port)
            return await asyncio.wait_for(use(LoadPlan(target=target, connections=256, processes=1)), 60)

    return asyncio.run(scenario())


def test_the_capacity_of_a_queue_is_near_what_theory_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half take longer than 30 ms where arrivals are 23/s below the service rate: ln(2) / 0.03 s."""
    # Other tests run beside this one: whether the generator had its core is not what is tested.
    monkeypatch.setattr(capacity, "judge", lambda result, **_: structs.replace(result.generator, faults=()))
    service_per_s, limit_s = 400.0, 0.03
    # A middle, not an end: what a busy machine adds to a fifth of the answers does not move it far.
    truth = service_per_s - math.log(2) / limit_s

    async def use(plan: LoadPlan) -> CapacityResult:
        return await find_capacity(
            structs.replace(plan, arrivals=Arrivals(shape="poisson", rate_per_s=150)),
            parse_objective("p50 < 30ms"),
            limits=Limits(probe_s=1.0, tolerance=0.3, budget_s=14, curve=False),
        )

    found = with_queue(tmp_path, service_per_s, use)
    assert found.capacity_per_s is not None, found.says
    assert 0.5 * truth < found.capacity_per_s < 1.25 * truth, found.says
    assert 1 / (3 * service_per_s) < found.calm_p50_s < 10 / service_per_s
    assert all(point.reached_per_s > 0.5 * point.asked_per_s for point in found.points if point.held)
