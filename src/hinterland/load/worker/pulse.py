"""Looks up fifty times a second, inside the event loop: how much is under way, and did the loop stand?"""

from __future__ import annotations

import asyncio
import random
import time

from hinterland.load.engine.loop import Loop
from hinterland.load.result.result import Stall
from hinterland.load.worker.fold import Window

PERIOD_S = 0.02
STALL_NS = 5_000_000


class Pulse:
    """A stall is time that passed while the loop neither ran nor slept as long as it had asked for.

    `in_flight` is the sum over `samples` moments of the measured window of the operations that had been sent
    and not answered.
    """

    def __init__(self, loop: Loop, window: Window, process: int) -> None:
        self.stalls: list[Stall] = []
        self.in_flight, self.samples = 0, 0
        self._loop, self._window, self._process = loop, window, process
        self._handle: asyncio.TimerHandle | None = None
        self._asked_ns = self._since_ns = self._cpu_ns = 0

    def start(self) -> None:
        self._sleep(time.monotonic_ns())

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def take_stalls(self) -> tuple[Stall, ...]:
        """Returns the stalls since the last time it was asked."""
        stalls, self.stalls = tuple(self.stalls), []
        return stalls

    def _sleep(self, now: int) -> None:
        # Uneven steps do not fall into step with anything that the server does.
        pause_s = PERIOD_S * random.uniform(0.5, 1.5)
        self._asked_ns, self._since_ns, self._cpu_ns = round(pause_s * 1e9), now, time.thread_time_ns()
        self._handle = asyncio.get_running_loop().call_later(pause_s, self._look)

    def _look(self) -> None:
        now = time.monotonic_ns()
        elapsed = now - self._since_ns
        # Late because it was at work is no stall: only the time that it did not run can be one.
        stalled = min(elapsed - self._asked_ns, elapsed - (time.thread_time_ns() - self._cpu_ns))
        window = self._window
        # What happens while the last answers are waited for is no part of the measured time.
        if stalled > STALL_NS and now > window.measured_ns and now - stalled < window.end_ns:
            self.stalls.append(Stall((now - window.start_ns - stalled) / 1e9, stalled / 1e6, self._process))
        # The moment at which the look was due, not that at which the loop came round to it: a loop that was
        # held up would else be looked at just when most is waiting.
        due = min(now, self._since_ns + self._asked_ns)
        if window.measured_ns <= due < window.end_ns and due > self._loop.drained_ns:
            self.samples += 1
            self.in_flight += self._loop.recorder.in_flight(self._loop.next, due)
        self._sleep(now)
