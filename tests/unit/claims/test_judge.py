"""Claims judged on written trials: each form acquits the right one, convicts the wrong one, or abstains."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace
from runner_samples import experiment, result

from hinterland.claims.forms.crossover import Crossover
from hinterland.claims.forms.difference_within import DifferenceWithin
from hinterland.claims.forms.matches import Matches
from hinterland.claims.forms.never import Never
from hinterland.claims.forms.ratio_at_least import RatioAtLeast
from hinterland.claims.grounds.form import Form
from hinterland.claims.grounds.pairs import MOST_LOG, log_ratio
from hinterland.claims.judge import awaited, judge
from hinterland.model.experiment import Metric
from hinterland.model.verdict import Outcome, TrialResult, Verdict
from hinterland.model.weather import Weather

RIGHT, WRONG = {"variant": "right"}, {"variant": "wrong"}
NEVER = Never(finding="double_charge", where=RIGHT, control=WRONG)
RATIO = RatioAtLeast(
    metric="rate_per_s", ratio=2.0, more=RIGHT, less=WRONG, where={"clients": 10}, control={"clients": 1}
)


def one(form: Form, trials: list[TrialResult], **more: Any) -> Verdict:
    return judge(experiment("claim"), {"claim": form}, trials, **more)[0]


def ratio_trials(blocks: int, factor: float, control: float = 1.0) -> list[TrialResult]:
    """Trials in which `right` is `factor` times `wrong` at 10 clients and `control` times at 1, +-3 %."""
    found = []
    for block in range(1, blocks + 1):
        wobble = 1 + 0.03 * math.sin(7 * block)
        for clients, ratio in ((10, factor), (1, control)):
            found.append(result(block, {**RIGHT, "clients": clients}, {"rate_per_s": 100 * ratio * wobble}))
            found.append(result(block, {**WRONG, "clients": clients}, {"rate_per_s": 100 / wobble}))
    return found


def charges(right: int, wrong: int, tries: int = 600) -> list[TrialResult]:
    return [result(1, RIGHT, findings=right, tries=tries), result(1, WRONG, findings=wrong, tries=tries)]


@pytest.mark.parametrize(
    ("trials", "verdict", "cause"),
    [
        (charges(0, 5), "holds", ""),
        (charges(1, 5), "refuted", ""),
        (charges(0, 0), "inconclusive", "the control did not turn the claim over"),
        (charges(0, 5, tries=20), "inconclusive", "20 tries bound the rate only to"),
        (charges(0, 5)[:1], "inconclusive", "the control is undecided: no trial of variant=wrong was run"),
        ([], "inconclusive", "no trial of variant=right was run"),
    ],
)
def test_never(trials: list[TrialResult], verdict: str, cause: str) -> None:
    found = one(NEVER, trials)
    assert found.verdict == verdict
    assert cause in found.cause


def test_a_violation_seen_later_refutes_what_held() -> None:
    assert one(NEVER, charges(0, 5)).verdict == "holds"
    assert one(NEVER, [*charges(0, 5), result(2, RIGHT, findings=1, tries=600)]).verdict == "refuted"


def test_never_shows_a_witness_of_its_control() -> None:
    found = one(NEVER, charges(0, 5))
    assert [w.says for w in found.witnesses] == ["variant=wrong: charged twice"]


def test_a_busy_machine_does_not_make_a_server_charge_twice() -> None:
    busy = result(1, RIGHT, tries=600, disturbed="busy")
    assert one(NEVER, [busy, charges(0, 5)[1]]).verdict == "holds"
    convicted = result(1, RIGHT, findings=1, tries=600, disturbed="busy")
    assert one(NEVER, [convicted, charges(0, 5)[1]]).verdict == "refuted"
    unfired = result(1, RIGHT, tries=600, status="void", cause="no kill")
    found = one(NEVER, [unfired, charges(0, 5)[1]])
    assert found.verdict == "inconclusive"
    assert "1 of 1 trials gave no evidence: no kill" in found.cause


LATE = Never(finding="late", where=RIGHT, control=WRONG, at_most=0.1)


def answers(block: int, side: dict[str, Any], late: int, tries: int, disturbed: str = "") -> TrialResult:
    return result(block, side, kind="late", findings=late, tries=tries, disturbed=disturbed)


def test_a_violation_in_time_convicts_nobody_through_noise() -> None:
    calm = [answers(1, RIGHT, 0, 100), answers(1, WRONG, 20, 20)]
    assert one(LATE, calm).verdict == "holds"
    assert one(LATE, [*calm, answers(2, RIGHT, 1, 1)]).verdict == "refuted"
    noisy = one(LATE, [*calm, answers(2, RIGHT, 1, 1, disturbed="7.8 % stolen")])
    assert noisy.verdict == "holds"
    assert (noisy.evidence.tries, noisy.evidence.violations) == (100, 0)
    assert "1 more through noise" in noisy.evidence.says


def test_many_late_answers_through_noise_leave_a_claim_open() -> None:
    found = one(LATE, [answers(1, RIGHT, 40, 100, disturbed="busy"), answers(1, WRONG, 20, 20)])
    assert found.verdict == "inconclusive"
    assert found.cause == "40 of 100 tries came out late in disturbed trials"


@pytest.mark.parametrize("share", [0.12, 0.19])
def test_a_server_that_is_late_by_itself_does_not_hold_because_the_machine_was_busy(share: float) -> None:
    right = [answers(block, RIGHT, round(200 * share), 200, disturbed="busy") for block in range(1, 13)]
    wrong = [answers(block, WRONG, 200, 200, disturbed="busy") for block in range(1, 13)]
    assert one(LATE, [*right, *wrong]).verdict == "inconclusive"


def test_more_violations_than_tries_are_a_rate_of_one() -> None:
    evidence = one(NEVER, [result(1, RIGHT, findings=5, tries=2)]).evidence
    assert (evidence.verdict, evidence.estimate, evidence.high) == ("refuted", 1.0, 1.0)


def test_a_control_is_convicted_through_noise_by_more_than_noise_makes() -> None:
    right = [answers(block, RIGHT, 0, 40, disturbed="busy") for block in (1, 2, 3)]
    always = [answers(block, WRONG, 1, 1, disturbed="busy") for block in (1, 2, 3)]
    assert one(LATE, [*right, *always]).verdict == "holds"
    seldom = [answers(block, WRONG, 1, 40, disturbed="busy") for block in (1, 2, 3)]
    assert one(LATE, [*right, *seldom]).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("factor", "control", "blocks", "verdict"),
    [
        (5.0, 1.0, 12, "holds"),
        (1.2, 1.0, 12, "refuted"),
        (2.0, 1.0, 12, "inconclusive"),
        (5.0, 5.0, 12, "inconclusive"),
        (5.0, 1.0, 1, "inconclusive"),
        (20.0, 1.0, 5, "holds"),
    ],
)
def test_ratio_at_least(factor: float, control: float, blocks: int, verdict: str) -> None:
    assert one(RATIO, ratio_trials(blocks, factor, control)).verdict == verdict


def test_a_ratio_says_its_interval_and_medians() -> None:
    evidence = one(RATIO, ratio_trials(12, 5.0)).evidence
    assert evidence.low is not None
    assert evidence.high is not None
    assert evidence.low < 5.0 < evidence.high
    assert "medians" in evidence.says
    assert evidence.blocks == 12


def test_more_than_a_fifth_of_trials_lost_makes_a_claim_inconclusive_and_names_the_cause() -> None:
    trials = ratio_trials(12, 5.0)
    lost = [
        result(b, {**RIGHT, "clients": 10}, status="failed", cause="the checker raised ValueError: no")
        for b in range(13, 20)
    ]
    found = one(RATIO, trials + lost)
    assert found.verdict == "inconclusive"
    assert "7 of 31 trials gave no evidence: the checker raised ValueError: no" in found.cause
    assert one(RATIO, trials + lost[:2]).verdict == "holds"


def test_a_void_trial_that_came_out_well_when_it_was_run_again_left_no_hole() -> None:
    trials = ratio_trials(12, 5.0)
    void = [replace(trial, status="void", cause="late", outcome=Outcome()) for trial in trials]
    filled = [replace(trial, id=f"{trial.id}r") for trial in trials]
    assert one(RATIO, [*void, *filled]).verdict == "holds"
    assert one(
        RATIO, [*void, *(replace(trial, status="void", cause="late") for trial in filled)]
    ).verdict == ("inconclusive")


def test_an_interrupted_run_says_so_only_where_undecided() -> None:
    assert one(RATIO, ratio_trials(12, 5.0), interrupted="interrupted").verdict == "holds"
    assert one(RATIO, ratio_trials(1, 5.0), interrupted="interrupted").cause == "interrupted"


@pytest.mark.parametrize(
    ("factor", "control", "verdict"),
    [(1.0, 5.0, "holds"), (3.0, 5.0, "refuted"), (1.0, 1.0, "inconclusive"), (1.25, 5.0, "inconclusive")],
)
def test_difference_within(factor: float, control: float, verdict: str) -> None:
    form = DifferenceWithin(
        metric="rate_per_s", ratio=1.25, one=RIGHT, other=WRONG, where={"clients": 10}, control={"clients": 1}
    )
    assert one(form, ratio_trials(16, factor, control)).verdict == verdict


@pytest.mark.parametrize(
    ("factor", "control", "verdict"), [(1.0, 9.0, "holds"), (2.0, 9.0, "refuted"), (1.0, 1.0, "inconclusive")]
)
def test_matches(factor: float, control: float, verdict: str) -> None:
    form = Matches(metric="latency_ms", oracle="expected_ms", within=1.3, where=RIGHT, control=WRONG)
    trials = [
        result(b, side, {"latency_ms": 100 * f * (1 + 0.02 * math.sin(b)), "expected_ms": 100.0})
        for b in range(1, 13)
        for side, f in ((RIGHT, factor), (WRONG, control))
    ]
    assert one(form, trials).verdict == verdict


def crossing(blocks: int, *, first: tuple[float, ...], control: tuple[float, ...]) -> list[TrialResult]:
    """Throughput of right, wrong and third at three shares; `wrong` is always 100."""
    found = []
    for b in range(1, blocks + 1):
        wobble = 1 + 0.02 * math.sin(5 * b)
        for share, ours, theirs in zip((0.0, 0.5, 1.0), first, control, strict=True):
            found.append(result(b, {"variant": "right", "share": share}, {"rate_per_s": ours * wobble}))
            found.append(result(b, {"variant": "third", "share": share}, {"rate_per_s": theirs * wobble}))
            found.append(result(b, {"variant": "wrong", "share": share}, {"rate_per_s": 100.0}))
    return found


@pytest.mark.parametrize(
    ("first", "control", "verdict"),
    [
        ((400, 150, 25), (50, 40, 30), "holds"),
        ((50, 40, 30), (50, 40, 30), "refuted"),
        ((400, 150, 25), (400, 150, 25), "inconclusive"),
    ],
)
def test_crossover(first: Any, control: Any, verdict: str) -> None:
    form = Crossover(
        metric="rate_per_s", along="share", first=RIGHT, second=WRONG, control={"variant": "third"}
    )
    found = one(form, crossing(10, first=first, control=control))
    assert found.verdict == verdict
    if verdict == "holds":
        evidence = found.evidence
        assert evidence.estimate is not None
        assert evidence.low is not None
        assert evidence.high is not None
        assert 0.5 <= evidence.low <= evidence.estimate <= evidence.high <= 1.0


FOUR = [{**variant, "clients": clients} for clients in (10, 1) for variant in (RIGHT, WRONG)]


@pytest.mark.parametrize(
    ("trials", "rests_on"),
    [
        (ratio_trials(1, 10), FOUR),
        (ratio_trials(9, 10), []),
        (ratio_trials(9, 1), []),
        # Decided but for its control, or the other way round.
        (
            [each for each in ratio_trials(9, 10) if each.block == 1 or each.treatment["clients"] == 10],
            FOUR[2:],
        ),
        (
            [each for each in ratio_trials(9, 10) if each.block == 1 or each.treatment["clients"] == 1],
            FOUR[:2],
        ),
    ],
)
def test_more_trials_are_run_of_what_is_open(trials: list[TrialResult], rests_on: list[Any]) -> None:
    others = [{**WRONG, "clients": 3}]
    assert list(awaited(RATIO, one(RATIO, trials), [*FOUR, *others])) == rests_on


def test_a_crossover_is_decided_at_its_ends_and_then_sharpened_between() -> None:
    form = Crossover(
        metric="rate_per_s", along="share", first=RIGHT, second=WRONG, control={"variant": "third"}
    )
    trials = crossing(1, first=(4.0, 2.0, 0.5), control=(0.9, 0.8, 0.7))
    treatments = [trial.treatment for trial in trials]
    ends = [each for each in treatments if each["share"] in (0.0, 1.0)]
    assert list(awaited(form, one(form, trials), treatments)) == ends
    decided = one(form, trials)
    sharp = replace(
        decided, verdict="holds", evidence=replace(decided.evidence, verdict="holds", sharpens=True)
    )
    of_the_claim = [each for each in treatments if each["variant"] != "third"]
    assert list(awaited(form, sharp, treatments)) == of_the_claim


def test_a_control_replaces_levels_where_they_stand() -> None:
    swapped = RATIO.controlled()
    assert isinstance(swapped, RatioAtLeast)
    assert swapped.where == {"clients": 1}
    assert (swapped.more, swapped.less) == (RIGHT, WRONG)
    control = NEVER.controlled()
    assert isinstance(control, Never)
    assert control.where == WRONG


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        (0.0, 0.0, 0.0),
        (1.0, 0.0, MOST_LOG),
        (0.0, 1.0, -MOST_LOG),
        (math.e, 1.0, 1.0),
        (math.inf, 1.0, MOST_LOG),
        (1.0, math.inf, -MOST_LOG),
        (math.inf, math.inf, 0.0),
        (1e-320, 1e10, -MOST_LOG),
        (1e300, 1e-300, MOST_LOG),
        (-2.0, -3.0, 0.0),
    ],
)
def test_log_ratios_of_zeros_and_infinities_are_finite(above: float, below: float, expected: float) -> None:
    assert log_ratio(above, below) == pytest.approx(expected)


def test_a_crossover_pairs_by_block_and_uses_the_levels_that_both_sides_ran() -> None:
    form = Crossover(
        metric="rate_per_s", along="share", first=RIGHT, second=WRONG, control={"variant": "third"}
    )
    trials = [
        trial
        for trial in crossing(10, first=(400, 150, 25), control=(50, 40, 30))
        if not (trial.treatment["variant"] == "third" and trial.treatment["share"] == 0.5)
        and not (trial.block == 3 and trial.treatment == {**RIGHT, "share": 0.5})
    ]
    found = one(form, trials)
    assert found.verdict == "holds"
    assert found.evidence.blocks == 10


def test_a_crossover_known_only_to_lie_between_the_ends_is_worth_more_blocks() -> None:
    form = Crossover(
        metric="rate_per_s", along="share", first=RIGHT, second=WRONG, control={"variant": "third"}
    )
    vague = one(form, crossing(10, first=(400, 100, 25), control=(50, 40, 30)))
    sharp = one(form, crossing(10, first=(400, 200, 25), control=(50, 40, 30)))
    assert (vague.verdict, vague.evidence.sharpens) == ("holds", True)
    assert (sharp.verdict, sharp.evidence.low) == ("holds", 0.5)


def test_what_time_does_not_touch_is_decided_in_any_weather() -> None:
    memory = Metric(unit="MiB", better="lower", says="memory", timed=False)
    same = DifferenceWithin(
        metric="rate_per_s", ratio=1.25, one=RIGHT, other=WRONG, where={"clients": 10}, control={"clients": 1}
    )
    plain = experiment("claim")
    trials = [replace(trial, disturbed="busy") for trial in ratio_trials(12, 1.0, 5.0)]
    assert judge(plain, {"claim": same}, trials)[0].verdict == "inconclusive"
    untimed = replace(plain, metric={"rate_per_s": memory})
    assert judge(untimed, {"claim": same}, trials)[0].verdict == "holds"


def disturbed(trials: list[TrialResult], **weather: float) -> list[TrialResult]:
    felt = Weather(cores=2, busy_share=0.5, **weather)  # type: ignore[arg-type]
    return [replace(trial, disturbed="busy", weather=felt) for trial in trials]


def test_noise_can_hide_a_difference_and_not_make_one() -> None:
    assert one(RATIO, disturbed(ratio_trials(12, 5.0))).verdict == "holds"
    hidden = one(RATIO, disturbed(ratio_trials(12, 1.2)))
    assert hidden.verdict == "inconclusive", "more than 2 x may hide behind the noise"
    assert (hidden.evidence.low, hidden.evidence.high) == (pytest.approx(1.1, rel=0.1), None)
    turned = one(RATIO, disturbed(ratio_trials(12, 0.5)))
    assert turned.verdict == "inconclusive", "noise may strike one side harder: it refutes nothing"
    assert turned.evidence.high is not None
    assert turned.evidence.high < 1
    assert one(RATIO, ratio_trials(12, 0.5)).verdict == "refuted"


def test_through_noise_neither_equality_nor_its_contrary_is_shown() -> None:
    form = DifferenceWithin(
        metric="rate_per_s", ratio=1.25, one=RIGHT, other=WRONG, where={"clients": 10}, control={"clients": 1}
    )
    assert one(form, disturbed(ratio_trials(16, 1.0, 5.0))).verdict == "inconclusive"
    assert one(form, disturbed(ratio_trials(16, 3.0, 5.0))).verdict == "inconclusive"
    mixed = [*ratio_trials(16, 3.0, 5.0), *disturbed(ratio_trials(16, 3.0, 5.0))]
    later = [replace(trial, block=trial.block + 16 * (place >= 64)) for place, trial in enumerate(mixed)]
    assert one(form, later).verdict == "refuted", "the calm ones say it"


def test_through_noise_no_oracle_and_no_crossover_is_refuted() -> None:
    oracle = Matches(metric="latency_ms", oracle="expected_ms", within=1.5, where=RIGHT, control=WRONG)
    trials = [
        result(b, side, {"latency_ms": 100 * f, "expected_ms": 100.0})
        for b in range(1, 13)
        for side, f in ((RIGHT, 3.0), (WRONG, 9.0))
    ]
    assert one(oracle, trials).verdict == "refuted"
    assert one(oracle, disturbed(trials)).verdict == "inconclusive"
    crossover = Crossover(
        metric="rate_per_s", along="share", first=RIGHT, second=WRONG, control={"variant": "third"}
    )
    turned = crossing(10, first=(50, 40, 30), control=(50, 40, 30))
    assert one(crossover, turned).verdict == "refuted"
    assert one(crossover, disturbed(turned)).verdict == "inconclusive"
    right = crossing(10, first=(400, 150, 25), control=(50, 40, 30))
    assert one(crossover, disturbed(right)).verdict == "holds"


def test_a_side_that_draws_more_theft_is_not_helped_by_it() -> None:
    trials = ratio_trials(12, 1 / 3.0)
    form = RatioAtLeast(
        metric="rate_per_s", ratio=2.0, more=WRONG, less=RIGHT, where={"clients": 10}, control={"clients": 1}
    )
    alike = disturbed(trials, steal_share=0.3)
    assert one(form, alike).verdict == "holds"
    robbed = [
        replace(trial, weather=replace(trial.weather, steal_share=0.01))
        if trial.treatment["variant"] == "wrong" and trial.weather
        else trial
        for trial in alike
    ]
    assert one(form, robbed).verdict == "inconclusive"


def test_an_oracle_is_matched_within_what_noise_may_have_added() -> None:
    form = Matches(metric="latency_ms", oracle="expected_ms", within=1.5, where=RIGHT, control=WRONG)
    trials = [
        result(b, side, {"latency_ms": 100 * f * (1 + 0.02 * math.sin(b)), "expected_ms": 100.0})
        for b in range(1, 13)
        for side, f in ((RIGHT, 1.1), (WRONG, 9.0))
    ]
    assert one(form, disturbed(trials, steal_share=0.05)).verdict == "holds"
    assert one(form, disturbed(trials, steal_share=0.4)).verdict == "inconclusive"


def test_trials_without_the_metric_or_with_a_zero_are_no_part_of_the_pool() -> None:
    form = Matches(metric="latency_ms", oracle="expected_ms", within=1.5, where=RIGHT, control=WRONG)
    trials = [
        result(b, side, {"latency_ms": 100 * f * (1 + 0.02 * math.sin(b)), "expected_ms": expected})
        for b in range(1, 13)
        for side, f, expected in ((RIGHT, 1.1, 100.0), (WRONG, 9.0, 100.0), ({"variant": "odd"}, 1.0, 0.0))
    ]
    trials += [result(b, {"variant": "other"}, {"rate_per_s": 3.0}) for b in range(1, 13)]
    assert one(form, trials).verdict == "holds"


def test_two_blocks_decide_a_large_effect_where_many_treatments_tell_the_scatter() -> None:
    def trials(blocks: int, others: int) -> list[TrialResult]:
        found = ratio_trials(blocks, 5.0)
        for block in range(1, blocks + 1):
            for other in range(others):
                wobble = 1 + 0.03 * math.sin(7 * block + other)
                level = {"variant": f"other{other}", "clients": 10}
                found.append(result(block, level, {"rate_per_s": 200 * wobble}))
        return found

    alone = one(RATIO, trials(2, 0)).control
    assert (alone.verdict, alone.low) == ("inconclusive", None), "three like treatments are no pool"
    assert one(RATIO, trials(2, 8)).verdict == "holds"
