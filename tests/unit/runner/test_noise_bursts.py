"""A gust is waited out, weather is not, and all waiting together is bounded."""

from __future__ import annotations

from collections.abc import Iterator

from hinterland.model.weather import Weather
from hinterland.runner.noise_bursts import FIRST_PAUSE, LONGEST_WAIT_S, LOOK_S, MOST_OF_BUDGET, Gusts

CALM = Weather(wall_s=LOOK_S, cores=2)
ROUGH = Weather(wall_s=LOOK_S, cores=2, steal_share=0.3)


class Sky:
    """Weather as written: each look takes the next, the last one stays."""

    def __init__(self, *felt: Weather) -> None:
        self.looks = 0
        self._felt: Iterator[Weather] = iter(felt)
        self._last = CALM

    def __call__(self) -> Weather:
        self.looks += 1
        self._last = next(self._felt, self._last)
        return self._last


def test_after_a_quiet_trial_nobody_looks() -> None:
    sky = Sky(ROUGH)
    gusts = Gusts(60.0, sky)
    assert gusts.wait(None) == 0.0
    assert gusts.wait(CALM) == 0.0
    assert sky.looks == 0


def test_a_gust_is_waited_out() -> None:
    sky = Sky(ROUGH, ROUGH, CALM)
    assert round(Gusts(600.0, sky).wait(ROUGH), 6) == round(3 * LOOK_S, 6)


def test_weather_is_not_waited_out_again_and_again() -> None:
    sky = Sky(ROUGH)
    gusts = Gusts(600.0, sky)
    first = gusts.wait(ROUGH)
    assert LONGEST_WAIT_S - LOOK_S < first <= LONGEST_WAIT_S
    assert [gusts.wait(ROUGH) for _ in range(FIRST_PAUSE)] == [0.0] * FIRST_PAUSE
    assert gusts.wait(ROUGH) > 0
    assert [gusts.wait(ROUGH) for _ in range(2 * FIRST_PAUSE)] == [0.0] * 2 * FIRST_PAUSE


def test_all_waiting_together_is_a_small_share_of_the_budget() -> None:
    gusts = Gusts(30.0, Sky(ROUGH))
    assert sum(gusts.wait(ROUGH) for _ in range(1000)) <= MOST_OF_BUDGET * 30.0
