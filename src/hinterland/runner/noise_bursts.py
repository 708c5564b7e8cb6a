"""Waiting out a gust: what passes in a moment is waited for, what is the weather is not."""

from __future__ import annotations

import time
from collections.abc import Callable

from hinterland.model.weather import Weather
from hinterland.rig.machine.weather import Reading
from hinterland.runner.machine_quiet import is_quiet

LOOK_S = 0.2
LONGEST_WAIT_S = 2.0
MOST_OF_BUDGET = 0.05
"""All waiting of a run together takes at most this share of its budget."""
FIRST_PAUSE, LONGEST_PAUSE = 4, 64
"""After a wait that was in vain so many trials go by before the next; twice as many each time."""

Look = Callable[[], Weather]


class Gusts:
    """Decides before each trial whether to wait, by the weather during the last one, and waits.

    A burst that passes within two seconds costs less than a trial that it disturbs. Where waiting was in
    vain, noise is the weather, and the run goes on in it.
    """

    def __init__(self, budget_s: float, look: Look | None = None) -> None:
        self._left_s = MOST_OF_BUDGET * budget_s
        self._look = look or _look
        self._pause = FIRST_PAUSE
        self._trials_to_go = 0

    def wait(self, last: Weather | None) -> float:
        """Returns for how long it waited, in seconds; at once where the last trial was quiet."""
        if self._trials_to_go > 0:
            self._trials_to_go -= 1
            return 0.0
        if last is None or is_quiet(last):
            return 0.0
        waited_s = 0.0
        while waited_s + LOOK_S <= min(LONGEST_WAIT_S, self._left_s):
            seen = self._look()
            waited_s += seen.wall_s
            if is_quiet(seen):
                self._left_s -= waited_s
                self._pause = FIRST_PAUSE
                return waited_s
        self._left_s -= waited_s
        self._trials_to_go, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return waited_s


def _look() -> Weather:
    before = Reading.now()
    time.sleep(LOOK_S)
    return before.weather_until(Reading.now())
