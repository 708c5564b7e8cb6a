"""A link that lost what nobody asked it to voids its trial; one that was late, or the limit, disturbs it."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.checkers import assumptions
from hinterland.checkers.assumptions import link_as_asked, link_on_time
from hinterland.model.history import Event, History
from hinterland.rig.link.audit import audit_of
from hinterland.rig.link.pipe.pipe import Pipe
from hinterland.rig.link.pipe.shape import Shape

REPORT: dict[str, Any] = {
    "packets": 1000, "bytes": 1_000_000, "scheduled": 1000, "errors": {}, "since": "opening",
    "lateness_p50_us": 20.0, "lateness_p99_us": 150.0, "lateness_max_us": 9000.0,
    "open_us": 1e6, "cpu_us": 5000.0, "behind_us": 0.0, "busiest": 0.1, "run_delay_us": 0.0,
}  # fmt: skip


def direction(lost: int) -> dict[str, Any]:
    """Returns what a pipe with 2 % loss says after 1,000 packets, but for how many it lost."""
    pipe = Pipe(Shape(loss=0.02), "seed")
    for number in range(1000):
        pipe.offer(number, bytes(100), None, -1)
    report = pipe.report()
    (losses,) = report["losses"]
    return {**report, "dropped": [0, lost, 0, 0, 0, 0], "losses": [{**losses, "lost": lost}]}


def audit(drops: int = 0, lost: int = 20, **other: Any) -> dict[str, Any]:
    report = {**REPORT, "directions": {"client.up": direction(lost)}, **other}
    return audit_of(report, {"client": drops, "server": 0}).record()


def test_a_link_that_did_as_asked_is_believed() -> None:
    assert link_as_asked("link", audit()).held
    assert link_on_time("link", audit()).held


def test_a_link_that_delayed_nothing_is_believed() -> None:
    nothing: dict[str, Any] = dict.fromkeys(("lateness_p50_us", "lateness_p99_us", "lateness_max_us"))
    assert link_on_time("link", audit(scheduled=0, **nothing)).held


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (audit(drops=1), "device of client"),
        (audit(errors={"OSError 105": 3}), "OSError 105"),
        (audit(lost=200), "client.up lost 200 of 1,000"),
        (audit(lost=0), "client.up lost 0 of 1,000"),
        ({"failed": "the forwarder does not answer"}, "does not answer"),
    ],
)
def test_a_link_that_did_not_is_not(found: dict[str, Any], cause: str) -> None:
    judged = link_as_asked("link", found)
    assert not judged.held
    assert not judged.timed
    assert cause in judged.measured


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (audit(lateness_p99_us=2100.0), "lateness"),
        (audit(lateness_p99_us=5100.0, scheduled=50), "lateness"),
        (audit(behind_us=300_000.0), "its own limit"),
    ],
)
def test_a_link_that_was_late_has_added_time_and_nothing_else(found: dict[str, Any], cause: str) -> None:
    assert link_as_asked("link", found).held
    judged = link_on_time("link", found)
    assert (judged.held, judged.timed) == (False, True)
    assert judged.late_ms == found["lateness_p99_us"] / 1000
    assert cause in judged.measured


def test_of_few_packets_the_latest_is_no_percentile() -> None:
    assert link_on_time("link", audit(lateness_p99_us=2100.0, scheduled=50)).held


def test_it_is_said_from_when_on_lateness_counts() -> None:
    assert link_on_time("link", audit()).measured == "p99 lateness 150 us"
    assert link_on_time("link", audit(since="measuring")).measured == "p99 lateness 150 us while it measured"


def history(*events: Event) -> History:
    return History(treatment={}, seed=1, events=events)


def test_each_link_is_judged_and_one_without_an_audit_is_not_believed() -> None:
    opened = Event(1, "link", "opened", "a"), Event(1, "link", "opened", "b")
    judged = assumptions.automatic(history(*opened, Event(2, "link", "audit", "a", detail=audit())))
    assert [each.held for each in judged if each.id == "link_as_asked"] == [True, False]
    assert {each.id for each in judged} == {"link_as_asked", "link_on_time"}


def test_without_a_link_there_is_nothing_to_judge() -> None:
    assert assumptions.automatic(history(Event(1, "phase", "measure"))) == ()
