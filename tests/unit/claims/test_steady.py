"""Trials that show that noise left a metric alone, and values that can not be better than the best."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace
from runner_samples import experiment, result

from hinterland.claims.forms.difference_within import DifferenceWithin
from hinterland.claims.forms.matches import Matches
from hinterland.claims.forms.ratio_at_least import RatioAtLeast
from hinterland.claims.grounds.form import Form
from hinterland.claims.judge import judge
from hinterland.model.experiment import Experiment, Metric
from hinterland.model.verdict import Assumption, TrialResult, Verdict
from hinterland.model.weather import Weather

SAME = DifferenceWithin(
    metric="latency_ms",
    ratio=1.5,
    one={"variant": "right"},
    other={"variant": "wrong"},
    where={"clients": 10},
    control={"clients": 1},
)
ORACLE = Matches(
    metric="latency_ms", oracle="expected_ms", within=1.5, where={"clients": 10}, control={"clients": 1}
)
NEIGHBOUR = Weather(cores=2, busy_share=0.8, foreign_cores=0.9)


def sample(**metric: Any) -> Experiment:
    plain = experiment("claim")
    latency = replace(plain.metric["latency_ms"], **metric)
    share = Metric(unit="share", better="higher", says="in time", best=1.0)
    return replace(plain, metric={"latency_ms": latency, "share": share})


def trial(
    block: int, variant: str, clients: int, metrics: dict[str, float], held: bool | None, late_ms: float = 0.0
) -> TrialResult:
    """Returns a trial beside a neighbour; held: what its own assumption said, None where it has none."""
    asked = () if held is None else (Assumption("tries_agree", "two agree", held=held, timed=True),)
    late = (Assumption("on_time", "the link was on time", held=False, timed=True, late_ms=late_ms),)
    done = result(block, {"variant": variant, "clients": clients}, metrics, weather=NEIGHBOUR)
    outcome = replace(done.outcome, assumptions=(*asked, *(late if late_ms else ())))
    return replace(done, outcome=outcome, disturbed="others keep a core busy", duration_s=1.0)


def alike(blocks: int, held: bool | None, ratio: float = 1.0, late_ms: float = 0.0) -> list[TrialResult]:
    """Two variants, one of which takes `ratio` times as long; with one client it is five times."""
    found = []
    for block in range(1, blocks + 1):
        for variant, clients, ms in (
            ("right", 10, 100.0), ("wrong", 10, 100.0 / ratio), ("right", 1, 100.0), ("wrong", 1, 20.0),
        ):  # fmt: skip
            value = ms * (1 + 0.03 * math.sin(3 * block + clients + len(variant)))
            metrics = {"latency_ms": value, "expected_ms": 100.0 if clients > 1 else 1000.0}
            found.append(trial(block, variant, clients, metrics, held, late_ms))
    return found


def verdict(form: Form, trials: list[TrialResult], **metric: Any) -> Verdict:
    return judge(sample(**metric), {"claim": form}, trials)[0]


@pytest.mark.parametrize("form", [SAME, ORACLE])
def test_through_noise_the_steady_show_that_things_are_equal(form: Form) -> None:
    steady = verdict(form, alike(12, held=True), steady="tries_agree")
    assert steady.verdict == "holds"
    assert steady.evidence.disturbed == steady.evidence.trials, "the machine was busy all the same"


@pytest.mark.parametrize(("held", "steady"), [(False, "tries_agree"), (None, "tries_agree"), (True, "")])
def test_who_is_not_known_to_be_steady_shows_nothing(held: bool | None, steady: str) -> None:
    assert verdict(SAME, alike(12, held), steady=steady).verdict == "inconclusive"
    assert verdict(ORACLE, alike(12, held), steady=steady).verdict == "inconclusive"


def test_the_steady_do_not_call_equal_what_differs_and_convict_nobody() -> None:
    for form in (SAME, replace(SAME, ratio=2.5)):
        found = verdict(form, alike(12, held=True, ratio=3.0), steady="tries_agree")
        assert found.verdict == "inconclusive", "a program may wait for the processor in each of its tries"
        assert found.evidence.low is not None
        assert found.evidence.low > 2


def test_lateness_that_comes_and_goes_did_not_strike_the_steady() -> None:
    assert verdict(SAME, alike(12, held=True, late_ms=80.0), steady="tries_agree").verdict == "holds"


def test_no_share_is_larger_than_one() -> None:
    form = DifferenceWithin(
        metric="share", ratio=1.5, one={"variant": "right"}, other={"variant": "wrong"},
        where={"clients": 10}, control={"clients": 1},
    )  # fmt: skip

    def shares(right: float, wrong: float) -> list[TrialResult]:
        return [
            trial(block, variant, clients, {"share": share * (1 - 0.01 * (block % 3))}, None)
            for block in range(1, 9)
            for variant, clients, share in (
                ("right", 10, right), ("wrong", 10, wrong), ("right", 1, right), ("wrong", 1, wrong / 9),
            )
        ]  # fmt: skip

    assert verdict(form, shares(1.0, 0.95)).verdict == "holds", "neither can truly be better than 1"
    assert verdict(form, shares(0.6, 0.6)).verdict == "inconclusive", "one of them may truly be 1"
    unbounded = replace(sample(), metric={"share": Metric(unit="share", better="higher", says="in time")})
    assert judge(unbounded, {"claim": form}, shares(1.0, 0.95))[0].verdict == "inconclusive"


def test_a_control_may_be_later_than_what_it_measures() -> None:
    trials = alike(12, held=None)
    # The right variant waits for 100 ms; the control measures 1 ms, in trials that were late by 5.
    for place, each in enumerate(trials):
        if each.treatment["clients"] == 1:
            value = {"latency_ms": 1 + 0.01 * (place % 3), "expected_ms": 100.0}
            trials[place] = trial(each.block, each.treatment["variant"], 1, value, None, late_ms=5.0)
        else:
            trials[place] = replace(each, disturbed="")
    found = verdict(ORACLE, trials)
    assert found.control is not None
    assert (found.verdict, found.control.verdict, found.control.blocks) == ("holds", "refuted", 12)


def test_a_side_that_knows_no_levels_of_a_factor_is_compared_with_each_of_them() -> None:
    form = RatioAtLeast(
        metric="latency_ms", ratio=10, more={"variant": "right", "clients": 10}, less={"variant": "wrong"},
        control={"clients": 1},
    )  # fmt: skip
    trials = [
        result(block, {"variant": variant, "clients": clients}, {"latency_ms": ms + 0.1 * (block % 3)})
        for block in range(1, 9)
        for variant, clients, ms in (("right", 10, 500.0), ("right", 1, 20.0), ("wrong", 10, 5.0))
    ]
    found = verdict(form, trials)
    assert (found.verdict, found.evidence.blocks) == ("holds", 8)
    assert found.control is not None
    assert (found.control.verdict, found.control.blocks) == ("refuted", 8)
