"""What tools printed is read as they meant it; loops hide a stall or tell of it as their clocks make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hinterland.lab import Event, History, LoadSample
from hinterland.lab.testing import OneBlock, experiment_of

HERE = experiment_of(__file__)
MS = 1_000_000
BEGUN, ENDED = 400 * MS, 650 * MS
STALL = tuple(
    Event(t_ns, "fault", "pause", target="nginx", stage=stage)
    for t_ns, stage in ((BEGUN - 1000, "start"), (BEGUN, "effect"), (ENDED, "end"))
)


def scheduled() -> LoadSample:
    """A thousand requests of a second over one connection, and a server that stands still in between."""
    due_ns = np.arange(1000, dtype=np.int64) * MS
    answers_ns = np.where((due_ns >= BEGUN) & (due_ns < ENDED), ENDED, due_ns) + MS // 10
    # The connection is busy with the first request of the stall: those behind it are sent at its end.
    waits = (due_ns > BEGUN) & (due_ns < ENDED)
    sent_ns = np.where(waits, answers_ns - MS // 10, due_ns)
    return sample(due_ns, sent_ns, answers_ns, "open")


def in_turn() -> LoadSample:
    """A request every 0.1 ms, each after the answer of the last, and one that meets the stall."""
    sent_ns = np.concatenate([np.arange(0, BEGUN, MS // 10), np.arange(ENDED, 1000 * MS, MS // 10)])
    answers_ns = np.append(sent_ns[1:], 1000 * MS)
    return sample(sent_ns, sent_ns, answers_ns, "closed")


def sample(due_ns: Any, sent_ns: Any, done_ns: Any, loop: Any) -> LoadSample:
    zeros = np.zeros(len(due_ns), np.int16)
    return LoadSample(
        intended_ns=due_ns.astype(np.int64),
        sent_ns=sent_ns.astype(np.int64),
        done_ns=done_ns.astype(np.int64),
        status=zeros + 200,
        error=zeros.astype(np.int8),
        connection=zeros.astype(np.int32),
        start_ns=0,
        end_ns=1000 * MS,
        loop=loop,
    )


@pytest.mark.parametrize(
    ("observer", "load", "least_ms", "most_ms"),
    [
        ("open_from_due", scheduled(), 239, 242),
        ("open_from_sending", scheduled(), 0, 0.2),
        ("closed_loop", in_turn(), 0, 0.2),
    ],
)
def test_only_the_clock_that_runs_from_the_schedule_tells(
    observer: str, load: LoadSample, least_ms: float, most_ms: float
) -> None:
    history = History(
        treatment={"observer": observer, "stall_ms": 250}, seed=0, loads={"requests": load}, events=STALL
    )
    metrics = HERE.outcome(history).metrics
    assert metrics["truth_ms"] == pytest.approx(240)
    assert least_ms <= metrics["p99_ms"] <= most_ms
    assert metrics["longest_ms"] == pytest.approx(250, rel=0.01), (
        "every observer knows of the one that waited"
    )


def test_a_server_that_did_not_stand_still_is_no_evidence() -> None:
    treatment: dict[str, Any] = {"observer": "open_from_due", "stall_ms": 250}
    history = History(treatment=treatment, seed=0, loads={"requests": scheduled()}, events=STALL[:1])
    assert not HERE.outcome(history).assumptions[0].held


@pytest.mark.parametrize("observer", ["open_from_due", "open_from_sending"])
def test_a_machine_that_stands_still_besides_is_told_by_the_requests_beside_the_stall(observer: str) -> None:
    def steady(load: LoadSample, *stood_still: tuple[int, int]) -> bool:
        treatment: dict[str, Any] = {"observer": observer, "stall_ms": 250}
        readings = {"machine_stood_still": list(stood_still)}
        history = History(
            treatment=treatment, seed=0, loads={"requests": load}, readings=readings, events=STALL
        )
        by_id = {each.id: each for each in HERE.outcome(history).assumptions}
        assert by_id["steady_beside_it"].timed
        return by_id["steady_beside_it"].held

    calm = scheduled()
    assert steady(calm)
    # Generator and server stood still from 0.8 to 0.83 s: what was due then went out and came back late.
    late_ns = np.where((calm.intended_ns >= 800 * MS) & (calm.intended_ns < 830 * MS), 830 * MS, calm.sent_ns)
    stood = sample(calm.intended_ns, late_ns, np.maximum(calm.done_ns, late_ns + MS // 10), "open")
    assert not steady(stood)
    # Who knows when the machine stood still leaves out what waited for it.
    assert steady(stood, (800 * MS, 830 * MS))
    assert not steady(stood, (700 * MS, 730 * MS))
    assert not steady(stood, (0, 390 * MS), (750 * MS, 1000 * MS)), "too little is left"


def test_a_machine_that_stands_still_hides_no_stall_and_makes_none() -> None:
    calm = scheduled()
    for observer, stalls, least_ms, most_ms in (
        ("open_from_due", STALL, 230, 242),
        ("open_from_due", (), 5, 5),
        ("closed_loop", (), 5, 5),
    ):
        late_ns = np.where(calm.intended_ns >= 800 * MS, np.maximum(calm.intended_ns, 830 * MS), calm.sent_ns)
        done_ns = np.maximum(calm.done_ns, late_ns + MS // 10)
        if not stalls:
            done_ns = np.where(calm.intended_ns < 800 * MS, calm.intended_ns + MS // 10, done_ns)
            late_ns = np.where(calm.intended_ns < 800 * MS, calm.intended_ns, late_ns)
        history = History(
            treatment={"observer": observer, "stall_ms": 250 if stalls else 0},
            seed=0,
            loads={"requests": sample(calm.intended_ns, late_ns, done_ns, "open")},
            readings={"machine_stood_still": [(800 * MS, 830 * MS)]},
            events=stalls,
        )
        assert least_ms <= HERE.outcome(history).metrics["told_p99_ms"] <= most_ms


def test_a_tool_that_printed_something_else_is_said() -> None:
    history = History(
        treatment={"observer": "wrk", "stall_ms": 250}, seed=0, readings={"printed": "unable to connect"}
    )
    with pytest.raises(ValueError, match="printed no line like"):
        HERE.outcome(history)


@pytest.mark.system
def test_who_waits_for_answers_does_not_see_the_stall(one_block: OneBlock) -> None:
    needs = ("service:nginx", "program:wrk", "program:ab", "program:h2load")
    observers = HERE.experiment.factor["observer"].choices
    trials = one_block(HERE, *needs, observer=observers, stall_ms=(250,))
    stalled = {one.treatment["observer"]: one.outcome.metrics for one in trials}
    for observer in ("open_from_due", "wrk"):
        metrics = stalled[observer]
        assert metrics["p99_ms"] > 0.7 * metrics["truth_ms"], observer
    for observer in ("closed_loop", "open_from_sending", "ab", "h2load"):
        metrics = stalled[observer]
        assert metrics["p99_ms"] < 0.3 * metrics["truth_ms"], observer
        assert metrics["longest_ms"] > 0.8 * metrics["truth_ms"], f"{observer} met the stall, too"
