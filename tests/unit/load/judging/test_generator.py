"""The generator's own verdict on itself: each fault convicted, each sound run acquitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from load_results import counts, result
from msgspec.structs import replace

from hinterland.load.judging.audit import judge
from hinterland.load.result.result import GeneratorProcess, LoadResult, Stall

QUIET = np.full(1000, 1e-6)


def process(**changes: Any) -> GeneratorProcess:
    return replace(GeneratorProcess(0, 20_000, 64, 0.5, 0.002, 0.31, 61_000_000, "timerfd"), **changes)


def sound(**changes: Any) -> LoadResult:
    """Returns an open loop whose generator did everything right, its audit changed as asked."""
    whole = {key: changes.pop(key) for key in tuple(changes) if key in LoadResult.__struct_fields__}
    audit = replace(result().generator, lateness=counts(QUIET), waited=0, processes=(process(),), stalls=())
    return replace(replace(result(), generator=replace(audit, **changes)), **whole)


def closed(**changes: Any) -> LoadResult:
    made = sound(lateness=None, in_flight_mean=64.0, little=63.0, **changes)
    return replace(made, plan=replace(made.plan, model="closed"), asked_per_s=None)


def one_fault(found: LoadResult, *words: str, **known: Any) -> None:
    audit = judge(found, **known)
    assert len(audit.faults) == 1, audit.faults
    for word in words:
        assert word in audit.faults[0] + " | " + " | ".join(audit.advice)


def acquitted(found: LoadResult, **known: Any) -> tuple[str, ...]:
    audit = judge(found, **known)
    assert audit.faults == ()
    return audit.advice


def test_a_sound_run_has_neither_fault_nor_advice() -> None:
    assert acquitted(sound()) == ()
    assert acquitted(closed()) == ()


def test_what_was_measured_is_kept_and_old_faults_are_not() -> None:
    found = sound(faults=("of another judge",))
    audit = judge(found)
    assert replace(audit, faults=found.generator.faults) == replace(found.generator, advice=audit.advice)


def test_a_late_generator_is_convicted_whatever_the_server() -> None:
    slow_server = counts(np.full(1000, 2.0))
    late = counts(np.concatenate([np.full(980, 1e-6), np.full(20, 0.03)]))
    one_fault(sound(lateness=late, response=slow_server), "p99 lateness 30 ms", "--scheduler spin")


@pytest.mark.parametrize(("late_us", "response_us", "fault"), [
    (400, 1000, True),  # Two fifths of what is shown are the generator's own.
    (400, 5000, False),  # The server is that slow by itself.
    (200, 300, False),  # A wake-up of the kernel; nobody's p99 below that means much.
])  # fmt: skip
def test_lateness_is_weighed_against_the_response_time(late_us: int, response_us: int, fault: bool) -> None:
    late = counts(np.concatenate([np.full(980, 1e-6), np.full(20, late_us / 1e6)]))
    response = counts(np.concatenate([np.full(980, 3e-4), np.full(20, response_us / 1e6)]))
    audit = judge(sound(lateness=late, response=response))
    assert bool(audit.faults) is fault


def test_lateness_far_below_the_time_that_is_asked_about_decides_nothing() -> None:
    late = counts(np.concatenate([np.full(980, 1e-6), np.full(20, 4e-4)]))
    quick = sound(lateness=late, response=counts(np.full(1000, 1e-3)))
    assert judge(quick).faults
    assert not judge(quick, limit_s=0.02).faults
    # Near to it, it does; and no limit excuses requests that are sent in heaps.
    assert judge(quick, limit_s=0.001).faults
    heaps = sound(lateness=counts(np.full(1000, 0.03)))
    assert judge(heaps, limit_s=10.0).faults


def test_half_a_tick_is_most_of_a_quick_answer() -> None:
    found = sound(
        lateness=counts(np.full(1000, 5e-4)),
        response=counts(np.concatenate([np.full(980, 7e-4), np.full(20, 9e-3)])),
        processes=(process(scheduler="tick"),),
    )
    one_fault(found, "p50 lateness 0.5 ms", "--scheduler timerfd")


def test_lateness_beside_answers_that_never_came_is_not_compared() -> None:
    late = counts(np.full(1000, 4e-4))
    found = sound(lateness=late, response=counts([], missing=1000), answered=0)
    assert acquitted(found) == ()


@pytest.mark.parametrize(("share", "fault"), [(0.051, True), (0.049, False)])
def test_a_process_without_a_core_is_convicted(share: float, fault: bool) -> None:
    found = sound(processes=(process(), process(number=1, run_delay_share=share)))
    audit = judge(found)
    assert bool(audit.faults) is fault
    assert not fault or ("process 1" in audit.faults[0] and "pin the server" in audit.advice[0])


def test_many_processes_without_a_core_are_one_fault() -> None:
    starved = tuple(process(number=each, run_delay_share=0.1 + each / 100) for each in range(18))
    audit = judge(sound(processes=(*starved, process(number=18))))
    assert audit.faults == (
        "18 of 19 processes waited for a core too long, process 17 the longest: "
        "27.0% of the time (at most 5%)",
    )
    assert len(audit.advice) == 1


@pytest.mark.parametrize("scheduler", ["spin", "timerfd", "tick"])
def test_advice_does_not_contradict_itself(scheduler: str) -> None:
    starved = process(run_delay_share=0.3, busy_share=0.99, scheduler=scheduler)
    found = sound(
        lateness=counts(np.full(1000, 0.05)),
        processes=(starved, replace(starved, number=1)),
        reached_per_s=1200.0,
        in_flight_mean=3.0,
        little=3.0,
    )
    audit = judge(found)
    assert len(audit.faults) >= 3
    assert len(audit.advice) == 1
    assert "spin" not in audit.advice[0]
    assert "more processes" not in audit.advice[0]
    assert ("--scheduler timerfd" in audit.advice[0]) is (scheduler == "spin")
    assert "fewer --processes" in audit.advice[0]
    alone = judge(sound(processes=(starved,))).advice
    assert "fewer --processes" not in " ".join(alone)


def test_with_few_operations_the_percentile_that_is_shown_is_judged() -> None:
    # 3 of 200 were late: that is p99, of which two operations tell nothing; p95 is what is shown.
    few = {"response": counts(np.full(200, 1e-3)), "operations": 200, "answered": 200, "reached_per_s": 20.0}
    late = counts(np.concatenate([np.full(197, 1e-6), np.full(3, 0.03)]))
    assert not judge(sound(lateness=late, in_flight_mean=0.1, little=0.1, **few)).faults
    later = counts(np.concatenate([np.full(180, 1e-6), np.full(20, 0.03)]))
    one_fault(sound(lateness=later, in_flight_mean=0.1, little=0.1, **few), "p95 lateness 30 ms")
    stall = {"in_flight_mean": 0.1, "little": 0.1, **few}
    assert not judge(sound(stalls=(Stall(1.0, 300.0, 0),), **stall)).faults
    one_fault(sound(stalls=(Stall(1.0, 900.0, 0),), **stall), "stood still once", "reaches p95")


def test_stalls_that_reach_p99_are_convicted_and_shorter_ones_are_told() -> None:
    one_fault(
        sound(stalls=(Stall(1.0, 60.0, 0), Stall(3.0, 60.0, 0))), "stood still 2 times", "1.2%", "reaches p99"
    )
    advice = acquitted(sound(stalls=(Stall(1.0, 23.0, 0),)))
    assert len(advice) == 1
    assert "23 ms" in advice[0]
    assert "p99.77" in advice[0]
    assert "stood still once," in advice[0]


def test_a_stall_is_never_longer_than_the_time_it_lies_in() -> None:
    # A load of one answer that took 8 ms, behind which the generator stood still, and one in the midst of it.
    short = {"window_s": 0.008, "operations": 1, "answered": 1, "seconds": (), "kinds": ()}
    assert judge(sound(stalls=(Stall(0.009, 11.6, 0),), **short)).advice == ()
    one_fault(sound(stalls=(Stall(0.002, 11.6, 0),), **short), "for 75.0% of the time")
    one_fault(sound(stalls=(Stall(0.002, 11.6, 0),), stall_count=9, stalled_s=0.02, **short), "for 100.0% of")


def test_stalls_that_are_no_longer_listed_count() -> None:
    listed = (Stall(1.0, 60.0, 0),)
    one_fault(sound(stalls=listed, stall_count=5_000, stalled_s=0.2), "stood still 5,000 times", "2.0%")


def test_stalls_of_one_of_many_processes_touch_its_share_of_the_operations() -> None:
    many = tuple(process(number=number) for number in range(4))
    acquitted(sound(processes=many, stalls=(Stall(1.0, 120.0, 2),)))


def test_a_full_generator_below_its_rate_with_idle_connections_is_convicted() -> None:
    full = (process(busy_share=0.99, scheduler="spin"),)
    short = {"reached_per_s": 1200.0, "processes": full}
    one_fault(sound(in_flight_mean=3.0, little=3.0, **short), "1,200 of 2,000", "--processes")
    # All connections are in use: the server is the limit.
    acquitted(sound(in_flight_mean=64.0, little=62.0, **short))
    # It reached its rate; it could not reach a higher one.
    assert "higher rate" in acquitted(sound(processes=full))[0]
    # It missed its rate with time to spare.
    acquitted(sound(reached_per_s=1200.0, in_flight_mean=3.0, little=3.0))


def test_what_was_never_sent_does_not_count_as_having_kept_up() -> None:
    full = (process(busy_share=0.99, scheduler="spin"),)
    half = {"reached_per_s": 1000.0, "answered": 10_000, "in_flight_mean": 3.0, "little": 3.0}
    one_fault(sound(processes=full, errors={"unsent": 10_000}, **half), "reached 1,000 of 2,000")
    acquitted(sound(processes=full, errors={"status 503": 10_000}, **half))


def test_visits_of_several_requests_keep_up_when_all_of_them_do() -> None:
    full = (process(busy_share=0.99, scheduler="spin"),)
    # 2,000 visits a second of three requests each, of which half were begun.
    chains = {"operations": 40_000, "answered": 30_000, "reached_per_s": 3000.0, "processes": full}
    one_fault(sound(errors={"unsent": 10_000}, in_flight_mean=3.0, **chains), "the server was not the limit")


def test_answers_in_error_count_as_having_kept_up() -> None:
    full = (process(busy_share=0.99, scheduler="spin"),)
    acquitted(sound(processes=full, reached_per_s=1000.0, answered=10_000, in_flight_mean=3.0, little=1.5))


def test_a_closed_loop_that_fills_its_core_measures_itself() -> None:
    full = (process(cpu_share=0.99),)
    one_fault(closed(processes=full), "what it can ask", "--processes")
    one_fault(closed(processes=full), "the server only 40%", server_cpu_share=0.4)
    acquitted(closed(processes=full), server_cpu_share=0.99)
    acquitted(closed(processes=(process(cpu_share=0.9),)))


def test_spinning_is_not_being_full() -> None:
    acquitted(sound(processes=(process(cpu_share=1.0, scheduler="spin"),)))


def test_littles_law_convicts_times_that_leave_out_a_wait() -> None:
    # 64 connections always asking, and a rate x time of 31: half of each wait was not timed.
    one_fault(replace(closed(), generator=replace(closed().generator, little=31.0)), "Little's law", "31.0")
    acquitted(sound(in_flight_mean=0.2, little=0.9))
    acquitted(sound(in_flight_mean=10.0, little=12.9))


def test_a_few_timeouts_were_under_way_as_well() -> None:
    # 100 of 20,000 in 10 s, each for the timeout of 10 s.
    few = {"answered": 19_900, "reached_per_s": 1990.0, "errors": {"timeout": 100}}
    acquitted(sound(in_flight_mean=99.0, little=2.0, **few))
    one_fault(sound(in_flight_mean=160.0, little=2.0, **few), "Little's law")
    one_fault(sound(in_flight_mean=2.0, little=99.0, **few), "Little's law")


def test_events_of_a_subscription_are_not_under_way_here() -> None:
    found = sound(in_flight_mean=0.0, little=40.0)
    acquitted(replace(found, plan=replace(found.plan, subscribe=True)))


def test_littles_law_says_nothing_where_answers_are_missing() -> None:
    found = sound(in_flight_mean=60.0, little=2.0, answered=19_000, reached_per_s=1900.0)
    acquitted(found)


def test_waiting_for_a_connection_is_told_as_the_servers_slowness() -> None:
    advice = acquitted(sound(waited=2_400))
    assert "12.0%" in advice[0]
    assert "--connections" in advice[0]


@pytest.mark.parametrize(("kind", "word"), [("file_limit", "ulimit -n"), ("no_port", "--sources")])
def test_limits_of_the_generators_machine_are_convicted(kind: str, word: str) -> None:
    one_fault(sound(open_errors={kind: 7}), "7 connections", word)
    one_fault(sound(errors={kind: 7}), "7 connections", word)
    acquitted(sound(open_errors={"refused": 7}))
