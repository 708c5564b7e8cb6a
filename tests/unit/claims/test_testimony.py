"""What disturbed trials testify to: the rule of `forms.testimony` and of `matches`, bound by bound."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from runner_samples import experiment, result

from hinterland.claims.forms.matches import Matches
from hinterland.claims.grounds.testimony import through_noise
from hinterland.claims.judge import judge
from hinterland.model.verdict import TrialResult
from hinterland.model.weather import Weather
from hinterland.statistics.interval import Interval

BOUNDS = st.tuples(st.floats(-9, 9), st.floats(0, 9))


def interval(low: float, width: float) -> Interval:
    return Interval(low + width / 2, low, low + width, 5)


@given(BOUNDS, BOUNDS)
def test_towards_no_difference_only_undisturbed_trials_bound(
    every: tuple[float, float], few: tuple[float, float]
) -> None:
    everything, calm = interval(*every), interval(*few)
    found = through_noise(everything, calm)
    assert found.low <= found.estimate <= found.high
    if everything.low > 0:
        assert found.high >= calm.high, "a ratio seen above 1 may be any larger one"
    elif everything.high < 0:
        assert found.low <= calm.low
    else:
        assert (found.low, found.high) == (calm.low, calm.high)


def test_trials_that_contradict_each_other_leave_what_both_say() -> None:
    found = through_noise(Interval(0.5, 0.4, 0.6, 9), Interval(0.0, -0.1, 0.1, 3))
    assert (found.low, found.high) == (-0.1, math.inf)


MATCHES = Matches(
    metric="latency_ms",
    oracle="expected_ms",
    within=1.3,
    where={"variant": "right"},
    control={"variant": "wrong"},
)


def measured(block: int, latency_ms: float, expected_ms: float = 100.0, stolen: float = 0.0) -> TrialResult:
    metrics = {"latency_ms": latency_ms, "expected_ms": expected_ms}
    weather = Weather(cores=2, busy_share=0.5 - stolen / 2, steal_share=stolen / 2)
    trial = result(block, {"variant": "right"}, metrics, weather=weather)
    return replace(trial, disturbed="stolen" if stolen else "")


def test_what_stretched_a_few_trials_is_not_spread_over_the_calm_ones_after_them() -> None:
    wobble = [1 + 0.01 * math.sin(5 * block) for block in range(1, 25)]
    # Half of the time was stolen in the first six, which took twice as long for it; the truth is the oracle.
    trials = [measured(block, 200 * wobble[block], stolen=0.5) for block in range(1, 7)]
    trials += [measured(block, 100 * wobble[block - 1]) for block in range(7, 24)]
    for blocks in range(2, 24):
        found = judge(experiment("claim"), {"claim": MATCHES}, [t for t in trials if t.block <= blocks])[0]
        assert found.evidence.verdict != "refuted", f"after {blocks} blocks"
        low = found.evidence.low
        assert low is None or low <= 1.0


def test_an_oracle_that_is_no_number_is_no_ratio_of_a_million() -> None:
    trials = [measured(block, 100 + block % 2, math.nan) for block in range(1, 9)]
    found = judge(experiment("claim"), {"claim": MATCHES}, trials)[0]
    assert (found.evidence.verdict, found.evidence.blocks) == ("inconclusive", 0)
