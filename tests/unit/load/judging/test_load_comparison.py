"""Two loads compared: what differs is said to, what is the same is not, and doubt is doubt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from load_results import counts, plan, result
from msgspec.structs import replace

from hinterland.load.judging.compare import compare, unlike
from hinterland.load.plan.plan import Arrivals, Data, RequestPlan, Weighted
from hinterland.load.result.comparison import Comparison
from hinterland.load.result.result import LoadResult, Second
from hinterland.statistics.comparison import error_test, percentile_ratio, rate_ratio
from hinterland.statistics.counts import Counts
from hinterland.statistics.histogram import Histogram


def seconds_of(
    random: np.random.Generator,
    *,
    scale: float = 1.0,
    seconds: int = 30,
    wander: float = 0.1,
    errors: float = 0.0,
) -> list[Second]:
    """Returns seconds of 1,000 operations whose level wanders from second to second, as servers' do."""
    made = []
    level = 0.0
    for number in range(seconds):
        level = 0.5 * level + random.normal(0, wander)
        times = 0.001 * scale * math.exp(level) * random.lognormal(0, 0.5, 1000)
        lost = int(random.binomial(1000, errors))
        made.append(Second(number, 1000, 1000 - lost, 1000 - lost, {}, counts(times[lost:], lost)))
    return made


def load(seed: int, **how: Any) -> LoadResult:
    rows = seconds_of(np.random.default_rng(seed), **how)
    whole = Histogram()
    for row in rows:
        whole.merge(row.response)
    answered = sum(row.answered for row in rows)
    base = result()
    return replace(
        base,
        seconds=tuple(rows),
        window_s=float(len(rows)),
        operations=1000 * len(rows),
        answered=answered,
        reached_per_s=answered / len(rows),
        response=whole.counts(),
        generator=replace(base.generator, faults=()),
    )


def responses(seed: int, **how: Any) -> list[Counts]:
    return [second.response for second in seconds_of(np.random.default_rng(seed), **how)]


def word(found: Comparison, metric: str) -> str:
    return next(each.word for each in found.compared if each.metric == metric)


def test_intervals_cover_the_truth_for_seconds_that_depend_on_each_other() -> None:
    covered = 0
    for seed in range(12):
        found = percentile_ratio(responses(2 * seed, scale=1.3), responses(2 * seed + 1), 0.99)
        covered += found.low <= 1.3 <= found.high
    assert covered >= 9


def test_the_same_server_twice_seldom_differs() -> None:
    differing = sum(
        word(compare(load(2 * seed), load(2 * seed + 1)), "p50") == "differs" for seed in range(1000, 1006)
    )
    assert differing <= 2


def test_a_slower_server_differs_and_a_like_one_is_the_same() -> None:
    slower = compare(load(1, scale=2.0), load(2))
    assert (word(slower, "p50"), word(slower, "p99"), word(slower, "rate")) == ("differs", "differs", "same")
    p50 = slower.compared[0]
    assert p50.ratio == pytest.approx(2.0, rel=0.15)
    assert p50.low is not None
    assert p50.high is not None
    assert p50.low < p50.ratio < p50.high
    assert "differs" in p50.says
    same = compare(load(3, wander=0.0), load(4, wander=0.0))
    assert (word(same, "p50"), word(same, "rate")) == ("same", "same")
    assert "the same within 5%" in same.compared[0].says


def test_a_difference_that_is_sure_but_small_is_the_same_for_a_reader() -> None:
    found = compare(load(5, wander=0.0, scale=1.02), load(6, wander=0.0))
    p50 = found.compared[0]
    assert p50.low is not None
    assert p50.low > 1.0
    assert p50.word == "same"


def test_a_run_that_is_too_short_can_tell_nothing() -> None:
    found = compare(load(1, scale=2.0, seconds=3), load(2))
    assert word(found, "p50") == "cannot_tell"
    assert found.compared[0].says == "p50: can't tell, too few seconds to compare"


def test_a_percentile_among_the_unanswered_is_infinite() -> None:
    bad, good = load(1, errors=0.05), load(2)
    found = compare(bad, good)
    p99 = next(each for each in found.compared if each.metric == "p99")
    assert (p99.one, p99.ratio, p99.high) == (None, None, None)
    assert p99.word == "differs"
    both = compare(bad, load(3, errors=0.05))
    assert word(both, "p99") == "cannot_tell"
    assert "in both" in next(each.says for each in both.compared if each.metric == "p99")


def test_errors_are_tested_by_seconds_so_that_a_burst_is_one_event() -> None:
    clean = [(0, 1000)] * 30
    burst = [(600, 1000) if second == 7 else (0, 1000) for second in range(30)]
    steady = [(20, 1000)] * 30
    assert error_test(clean, clean) == 1.0
    # As many errors: all in one second may happen to any run, 20 each second do not.
    assert error_test(burst, clean) > 0.2
    assert error_test(steady, clean) < 0.001
    assert error_test(steady, [(21, 1000)] * 30) < 0.05
    assert error_test([], clean) == 1.0


def test_deals_of_alike_runs_find_nothing() -> None:
    random = np.random.default_rng(3)
    found = 0
    for _ in range(30):
        one, other = ([(int(count), 1000) for count in random.poisson(5, 30)] for _ in range(2))
        found += error_test(one, other) <= 0.05
    assert found <= 5


def test_the_words_on_errors() -> None:
    none = compare(load(1), load(2))
    assert (none.errors_word, none.errors_say) == ("same", "errors: none in either")
    some = compare(load(1, errors=0.02), load(2))
    assert some.errors_word == "differs"
    assert some.errors[1] == 0
    assert "differ" in some.errors_say
    alike = compare(load(1, errors=0.02), load(2, errors=0.02))
    assert alike.errors_word == "cannot_tell"


def test_rates_are_compared_by_what_came_each_second() -> None:
    random = np.random.default_rng(1)
    fast, slow = random.poisson(1100, 40).tolist(), random.poisson(1000, 40).tolist()
    found = rate_ratio(fast, slow)
    assert found.low < 1.1 < found.high
    assert found.excludes(1.0)
    nothing = rate_ratio([0] * 30, slow)
    assert nothing.estimate == 0.0


def test_long_runs_are_summed_before_they_are_drawn() -> None:
    random = np.random.default_rng(1)
    many = random.poisson(1000, 5000).tolist()
    found = rate_ratio(many, many)
    assert found.estimate == 1.0
    assert found.high - found.low < 0.01


def test_warm_up_and_a_second_cut_short_are_left_out() -> None:
    one = load(1)
    spoiled = replace(one.seconds[0], response=counts(np.full(1000, 9.0)))
    warm = replace(
        one,
        plan=replace(one.plan, warm_up_s=1.0),
        seconds=(spoiled, *one.seconds[1:], replace(one.seconds[0], second=30, completed=1)),
        window_s=29.4,
    )
    found = compare(warm, one)
    assert word(found, "rate") == "same"
    p99 = next(each for each in found.compared if each.metric == "p99")
    assert p99.high is not None
    assert p99.high < 2


def test_different_loads_are_named() -> None:
    one = plan()
    assert unlike(one, replace(one, seed=9, duration_s=99.0)) == ()
    assert unlike(one, replace(one, connections=8)) == ("connections: 64 against 8",)
    other = replace(one, target=replace(one.target, host="localhost", address="127.0.0.1"))
    assert unlike(one, other) == ("target.host: 127.0.0.1 against localhost",)
    assert compare(load(1), replace(load(2), plan=replace(one, connections=8))).unlike


def test_what_differs_is_said_in_words_and_without_secrets() -> None:
    one = plan()
    faster = replace(one, arrivals=Arrivals(shape="poisson", rate_per_s=3000))
    assert unlike(one, faster) == (
        "arrivals: 2,000/s, evenly spaced against 3,000/s, at random moments (Poisson)",
    )
    secret = RequestPlan(path="/a", headers=(("Authorization", "Bearer 12345"),))
    other = RequestPlan(method="POST", path="/b", body="x" * 500)
    mixed = replace(one, mix=(Weighted(weight=3, requests=(secret, other)), Weighted(requests=(secret,))))
    (said,) = unlike(replace(one, mix=(Weighted(requests=(RequestPlan(path="/a"),)),)), mixed)
    assert said.startswith("mix: GET /a against 3 x GET /a, then POST /b xxx")
    assert len(said) < 150
    (hidden,) = unlike(
        replace(one, mix=(Weighted(requests=(secret,)),)),
        replace(one, mix=(Weighted(requests=(replace(secret, headers=()),)),)),
    )
    assert "headers" in hidden
    assert "12345" not in said + hidden
    assert unlike(one, replace(one, scheduler="spin")) == ("scheduler: chosen by itself against spin",)
    assert unlike(one, replace(one, subscribe=True, timeout_s=2.0, processes=2)) == (
        "timeout_s: 10 s against 2 s",
        "processes: as many as needed against 2",
        "subscribe: no against yes",
    )
    for name, value in (("data", Data(keys=9)), ("scenario", "a.py"), ("arrivals", Arrivals(shape="trace"))):
        (said,) = unlike(one, replace(one, **{name: value}))
        assert not set("{}[]'") & set(said), said


def test_a_void_run_is_named() -> None:
    made = load(1)
    void = replace(made, generator=replace(made.generator, faults=("too late",)))
    found = compare(void, load(2), names=("now", "before"))
    assert found.void == ("now: the generator was the limit: too late",)


def test_the_same_runs_give_the_same_answer_each_time() -> None:
    assert compare(load(1), load(2)) == compare(load(1), load(2))
