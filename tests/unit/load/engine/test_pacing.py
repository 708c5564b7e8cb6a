"""Pacers call when something is due, never before."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from hinterland.errors import InternalError
from hinterland.load.engine import pacing
from hinterland.load.engine.pacing import NEVER, Pacing


@pytest.mark.parametrize("kind", ["spin", "timerfd", "tick"])
def test_looks_at_or_after_each_due_moment(kind: Pacing) -> None:
    async def scenario() -> list[int]:
        finished = asyncio.get_running_loop().create_future()
        start = time.monotonic_ns() + 1_000_000
        due = [start, start + 200_000, start + 20_000_000]
        late: list[int] = []

        def look(now: int) -> int:
            while due and due[0] <= now:
                late.append(now - due.pop(0))
            if due:
                return due[0]
            finished.set_result(None)
            return NEVER

        pacer = pacing.pacer(kind, look)
        try:
            pacer.start()
            await asyncio.wait_for(finished, 60)
        finally:
            pacer.stop()
        return late

    late = asyncio.run(scenario())
    assert len(late) == 3
    assert all(value >= 0 for value in late)


@pytest.mark.parametrize("kind", ["spin", "timerfd", "tick"])
def test_stops_when_told(kind: Pacing) -> None:
    async def scenario() -> int:
        looks = 0
        stopped = False

        def look(now: int) -> int:
            nonlocal looks
            assert not stopped
            looks += 1
            return now + 100_000

        before = len(os.listdir("/proc/self/fd"))
        pacer = pacing.pacer(kind, look)
        pacer.start()
        for _ in range(20):
            await asyncio.sleep(0)
        pacer.stop()
        stopped = True
        pacer.stop()  # Twice is harmless.
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(os.listdir("/proc/self/fd")) == before
        return looks

    asyncio.run(scenario())


def test_spins_only_where_a_second_core_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    monkeypatch.setattr(pacing, "_quota_cores", lambda: float("inf"))
    assert pacing.choose() == "timerfd"
    # Confined to one core itself, while its parent has more: the others are the servers'.
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3} if pid == 0 else {0, 1, 2, 3})
    assert pacing.choose() == "spin"
    monkeypatch.setattr(pacing, "_quota_cores", lambda: 1.0)
    assert pacing.choose() == "timerfd"


def test_ticks_where_the_kernel_has_no_timerfd(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise InternalError("timerfd_create: Function not implemented")

    monkeypatch.setattr(pacing, "cores", lambda: 1)
    assert pacing.choose() == "timerfd"
    monkeypatch.setattr(pacing, "_timerfd_create", refused)
    assert pacing.choose() == "tick"
