"""How far a run is: its time, the next look at the claims, what disturbs it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hinterland import catalogue
from hinterland.model.run import BlockStarted, PlannedTrial, RunEvent, RunRecord
from hinterland.model.verdict import Assumption, Outcome, TrialResult
from hinterland.model.weather import Weather
from hinterland.web.content import progress
from hinterland.web.reader import marks

IT = catalogue.find("protocols/nagle")


def planned(number: int, block: int = 1) -> PlannedTrial:
    return PlannedTrial(f"b{block:03}-t{number:02}", block, {"n": number}, 1)


def ran(
    trial: PlannedTrial, took_s: float, weather: Weather | None = None, late_ms: float = 0
) -> TrialResult:
    on_time = Assumption("on_schedule", "the generator kept the schedule", True, late_ms=late_ms, timed=True)
    outcome = Outcome(assumptions=(on_time,)) if late_ms else Outcome()
    return TrialResult(trial.id, trial.block, trial.treatment, 1, "done", outcome, took_s, weather=weather)


def record(trials: tuple[TrialResult, ...], *events: RunEvent) -> RunRecord:
    found = marks.unrun(IT)
    return replace(found, info=replace(found.info, started_at=1000.0), trials=trials, events=events)


def test_before_the_first_block_nothing_is_promised() -> None:
    found = progress.of(record(()), now=1003)
    assert (found.elapsed_s, found.left, found.next_look_s) == (3, 0, None)
    assert found.look == "The claims are looked at after each block."
    assert (found.machine, found.generator) == ("not known yet", "")


def test_the_next_look_comes_when_the_rest_of_the_block_is_done() -> None:
    block = BlockStarted(0, 1, tuple(planned(number) for number in (1, 2, 3)))
    found = progress.of(record((ran(planned(1), 4.0),), block), now=1004)
    assert found.look == "The claims are looked at next after block 1: 2 more trials, in about 8 s."
    second = BlockStarted(9, 2, tuple(planned(number, 2) for number in (1, 2, 3)))
    times = (ran(planned(1), 4.0), ran(planned(2), 1.0), ran(planned(3), 2.0), ran(planned(3, 2), 2.0))
    # By what each treatment took before, and a void trial's second go is the same trial.
    again = replace(ran(planned(1, 2), 4.0), id="b002-t01r")
    found = progress.of(record((*times, again), block, second), now=1010)
    assert (found.left, found.next_look_s) == (1, 1.0)
    assert "1 more trial, in about 1 s" in found.look


def test_a_block_that_is_done_is_looked_at_now() -> None:
    block = BlockStarted(0, 1, (planned(1),))
    assert "looked at now" in progress.of(record((ran(planned(1), 1),), block)).look


def test_the_latest_trial_tells_the_weather_and_the_lateness() -> None:
    busy = Weather(wall_s=1, cores=2, busy_share=0.9, foreign_cores=0.7, by="chromium", by_cores=0.6)
    found = progress.of(
        record((ran(planned(1), 1, Weather(wall_s=1, cores=2)), ran(planned(2), 1, busy, 3.4)))
    )
    assert found.machine == "Other programs kept 0.7 of 2 cores busy, most of it chromium"
    assert found.generator == "3.4 ms late (p99)"
    calm = progress.of(record((ran(planned(1), 1, Weather(wall_s=1, cores=2), 0.006),)))
    assert (calm.machine, calm.generator) == ("quiet", "on time")


@pytest.mark.parametrize(
    ("elapsed_s", "told"),
    [
        (0, "0 s, at most 60 s to go"),
        (59.4, "59 s, at most 1 s to go"),
        (61, "61 s, beyond its budget: it ends"),
    ],
)
def test_the_clock(elapsed_s: float, told: str) -> None:
    assert progress.clock(elapsed_s, 60).startswith(told)
