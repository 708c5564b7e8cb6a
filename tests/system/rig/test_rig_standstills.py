"""When the machine stood still is seen from a process that looks at the clock; what touches is one span."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from hinterland.rig.probes.standstills import Standstills, joined
from hinterland.rig.processes.process_table import children_of
from hinterland.rig.processes.supervision import is_running

pytestmark = pytest.mark.system


def test_a_pause_is_one_span_and_the_canary_is_gone() -> None:
    async def scenario() -> tuple[Standstills, int, int, int]:
        before = children_of(os.getpid())
        async with Standstills(os.sched_getaffinity(0)) as machine:
            (canary,) = set(children_of(os.getpid())) - set(before)
            # Whoever stops it takes all its cores from it, as a hypervisor would.
            os.kill(canary, signal.SIGSTOP)
            begin_ns = time.monotonic_ns()
            await asyncio.sleep(0.2)
            end_ns = time.monotonic_ns()
            os.kill(canary, signal.SIGCONT)
        return machine, begin_ns, end_ns, canary

    machine, begin_ns, end_ns, canary = uvloop.run(asyncio.wait_for(scenario(), 60))
    # A signal takes a moment to arrive.
    around = [
        (since, until) for since, until in machine.spans if since < begin_ns + 50_000_000 and until >= end_ns
    ]
    assert len(around) == 1
    assert not is_running(canary)


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)).map(lambda one: (one[0], sum(one))))


@given(SPANS)
def test_joined_spans_cover_the_same_moments_once(spans: list[tuple[int, int]]) -> None:
    found = joined(spans)
    assert {t for since, until in found for t in range(since, until + 1)} == {
        t for since, until in spans for t in range(since, until + 1)
    }
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
