"""Objectives of a load: passed, failed, or undecided with the reason."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_results import audit, counts, plan, result
from msgspec.structs import replace

from hinterland.load.judging.asserted import asserted
from hinterland.load.plan.notation import parse_objective
from hinterland.load.plan.plan import Objective

STALLED = result(stall=(4, 1.0))
BROKEN = result(errors={2: {"timeout": 300, "status 503": 5}})


def verdict(text: str, of: object = STALLED) -> str:
    return asserted(parse_objective(text), of).verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("p50 < 1ms", "passed"),
        ("p99 < 950ms", "passed"),
        ("p99 < 850ms", "failed"),
        ("p99.9 >= 1s", "failed"),
        ("max < 2s", "passed"),
        ("max < 900ms", "failed"),
        ("mean < 60ms", "passed"),
        ("errors = 0", "passed"),
        ("error_share < 1%", "passed"),
        ("rate >= 1900", "passed"),
        ("rate > 2100", "failed"),
        ("lateness_p99 < 1ms", "passed"),
    ],
)
def test_an_objective_is_held_against_the_figures(text: str, word: str) -> None:
    assert verdict(text) == word


def test_a_percentile_among_the_unanswered_has_failed() -> None:
    found = asserted(parse_objective("p99 < 10s"), BROKEN)
    assert (found.verdict, found.measured) == ("failed", "p99 lies among operations without a good answer")
    assert verdict("p90 < 1s", BROKEN) == "passed"
    assert verdict("max < 1h", BROKEN) == "failed"
    assert asserted(parse_objective("errors = 0"), BROKEN).measured == "305 without a good answer"


def test_too_few_operations_decide_no_percentile() -> None:
    found = asserted(parse_objective("p99.99 < 10s"), STALLED)
    assert (found.verdict, found.why) == ("undecided", "20,000 operations are too few: p99.99 needs 100,000")


def test_a_limited_generator_or_an_early_end_decide_nothing() -> None:
    limited = replace(STALLED, generator=audit("it was late"))
    assert asserted(parse_objective("p99 < 1ms"), limited).why == "the generator was the limit"
    assert verdict("p99 < 1ms", replace(STALLED, partial="interrupted")) == "undecided"


CUT_OFF = result(errors={2: {"closed": 300, "timeout": 50}})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("errors = 0", "failed"),
        ("errors < 300", "failed"),
        ("errors < 301", "undecided"),
        ("errors <= 350", "passed"),
        ("errors > 299", "passed"),
        ("errors > 300", "undecided"),
        ("errors = 350", "undecided"),
        ("errors = 299", "failed"),
        ("error_share < 1%", "failed"),
        ("error_share < 1.6%", "undecided"),
        ("error_share < 2%", "passed"),
        ("p99 < 1h", "failed"),
        ("p98 < 1h", "undecided"),
        ("max < 1h", "failed"),
        ("mean < 1h", "failed"),
        ("p99 > 1h", "undecided"),
        ("p50 < 1ms", "undecided"),
        ("rate >= 100", "undecided"),
        ("rate >= 900k", "failed"),
    ],
)
def test_a_wrong_answer_is_so_however_late_the_generator_was(text: str, word: str) -> None:
    limited = replace(CUT_OFF, generator=audit("it was late"))
    found = asserted(parse_objective(text), limited)
    assert found.verdict == word
    assert found.why == ("the generator was the limit" if word == "undecided" else "")


def test_no_error_is_none_in_any_weather() -> None:
    late = audit("it was late")
    assert verdict("errors = 0", replace(STALLED, generator=late)) == "passed"
    timed_out = replace(result(errors={2: {"timeout": 1, "unsent": 1}}), generator=late)
    assert verdict("errors = 0", timed_out) == "undecided"


def test_errors_of_a_load_that_was_cut_short_stay_errors() -> None:
    part = replace(CUT_OFF, partial="interrupted")
    assert verdict("errors = 0", part) == "failed"
    assert {verdict(text, part) for text in ("errors < 301", "errors > 5", "error_share < 1%")} == {
        "undecided"
    }


def test_how_late_it_was_is_known_of_a_late_generator_too() -> None:
    late = counts([0.001] * 900 + [0.05] * 100)
    limited = replace(STALLED, generator=audit("it was late", lateness=late))
    assert verdict("lateness_p99 < 10ms", limited) == "failed"
    assert verdict("lateness_p50 < 10ms", limited) == "passed"
    assert verdict("lateness_p50 < 10ms", replace(limited, partial="interrupted")) == "undecided"


def test_a_closed_loop_can_not_be_late() -> None:
    closed = result(asked=plan(model="closed"))
    assert asserted(parse_objective("lateness_p99 < 1ms"), closed).verdict == "undecided"


def test_without_operations_nothing_is_known() -> None:
    empty = replace(STALLED, operations=0, answered=0, response=counts([]))
    assert asserted(parse_objective("errors = 0"), empty).verdict == "undecided"


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=300), st.integers(0, 5), st.integers(1, 99))
def test_a_percentile_holds_exactly_where_enough_operations_are_within_it(
    times: list[float], missing: int, percent: int
) -> None:
    # Every time a thousand times over, so that a percentile rests on enough of them.
    found = replace(
        STALLED,
        operations=1000 * (len(times) + missing),
        answered=1000 * len(times),
        response=counts(1000 * times, 1000 * missing),
    )
    bound = sorted(times)[len(times) // 2] * 1.002
    word = asserted(Objective(metric=f"p{percent}", operator="<=", value=bound), found).verdict
    within = sum(time <= bound for time in times)
    surely_within = sum(time * 1.001 <= bound for time in times)
    needed = percent / 100 * (len(times) + missing)
    if surely_within >= math.ceil(1000 * needed - 1e-6) / 1000:
        assert word == "passed"
    if within < needed - 1e-6:
        assert word == "failed"


def test_a_load_without_any_answer_keeps_no_bound() -> None:
    empty = replace(STALLED, answered=0, response=counts([], 20_000))
    assert verdict("p50 < 1h", empty) == "failed"
    assert verdict("mean < 1h", empty) == "failed"


def test_a_rate_that_was_never_asked_is_not_reached_whatever_the_generator() -> None:
    limited = result(rate=2, seconds=1, faults=("it was late",))
    limited = replace(limited, asked_per_s=2.0, reached_per_s=2.0)
    found = asserted(parse_objective("rate >= 3"), limited)
    assert (found.verdict, found.why) == ("failed", "")
    assert asserted(parse_objective("rate >= 2"), limited).verdict == "undecided"
    assert asserted(parse_objective("rate > 1"), replace(limited, reached_per_s=0.5)).verdict == "undecided"
