"""The pulse of a generator: time that it lost is a stall, time at work or asleep is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import uvloop

from hinterland.load.engine.loops import ClosedLoop
from hinterland.load.engine.outgoing import Constant, Outgoing
from hinterland.load.engine.recorder import Recorder
from hinterland.load.worker.fold import Window
from hinterland.load.worker.pulse import Pulse

LOST_S = 0.06


def pulse_after(action: Callable[[ClosedLoop], None], *, window_s: float = 10.0) -> Pulse:
    """Returns the pulse of a loop that did something in its middle, 0.05 s after its start."""

    async def scenario() -> Pulse:
        now = time.monotonic_ns()
        loop = ClosedLoop(Recorder(8), Constant(Outgoing(b"x")), count=None)
        pulse = Pulse(loop, Window(now, now, now + round(window_s * 1e9)), 3)
        pulse.start()
        await asyncio.sleep(0.05)
        action(loop)
        await asyncio.sleep(0.1)
        pulse.stop()
        return pulse

    return uvloop.run(scenario())


def test_lost_time_is_a_stall() -> None:
    pulse = pulse_after(lambda loop: time.sleep(LOST_S))
    longest = max(pulse.stalls, key=lambda stall: stall.lasted_ms)
    # At most one period of the pulse is taken for sleep that it had asked for.
    assert longest.lasted_ms > LOST_S * 1e3 - 35
    assert longest.process == 3
    assert 0 < longest.at_s < 5


def test_a_stall_after_the_measured_time_is_none() -> None:
    pulse = pulse_after(lambda loop: time.sleep(LOST_S), window_s=0.04)
    assert all(stall.at_s < 0.04 for stall in pulse.stalls)


def test_stalls_are_taken_once() -> None:
    pulse = pulse_after(lambda loop: time.sleep(LOST_S))
    assert len(pulse.take_stalls()) >= 1
    assert pulse.take_stalls() == ()


def test_in_flight_counts_what_is_sent_and_not_answered() -> None:
    def send_two(loop: ClosedLoop) -> None:
        now = time.monotonic_ns()
        for _ in range(2):
            loop.recorder.sent[loop.slot(now)] = now

    pulse = pulse_after(send_two)
    assert 0 < pulse.samples < 20
    # Two of them for a part of the time.
    assert 2 <= pulse.in_flight <= 2 * pulse.samples
    assert pulse.in_flight % 2 == 0


def test_work_is_no_stall() -> None:
    def unexplained_ms() -> float:
        """Returns how much stalled apart from what another program took in the midst of the work."""
        taken_ns = 0

        def work(loop: ClosedLoop) -> None:
            nonlocal taken_ns
            began_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
            while time.thread_time_ns() < cpu_ns + round(LOST_S * 1e9):
                pass
            taken_ns = time.monotonic_ns() - began_ns - round(LOST_S * 1e9)

        return sum(stall.lasted_ms for stall in pulse_after(work).stalls) - taken_ns / 1e6

    # It may take a core outside of the work, too: then once more.
    assert any(unexplained_ms() < LOST_S * 1e3 - 35 for _ in range(5))
