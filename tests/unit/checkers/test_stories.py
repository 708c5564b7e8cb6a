"""What a history is asked for, and what an outcome makes of it: operations, faults, stories, assumptions."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from hinterland.checkers.assumptions import all_answered, assume
from hinterland.checkers.stories import told
from hinterland.model.history import UNFINISHED, Event, History, LoadSample, Operation

MS = 1_000_000


def operation(kind: str, key: str, sent_ms: int, done_ms: int | None, **more: object) -> Operation:
    done_ns = UNFINISHED if done_ms is None else done_ms * MS
    given = {"outcome": "unknown" if done_ms is None else "ok", "error": "timeout" if done_ms is None else ""}
    return Operation(kind, key, 1, sent_ms * MS, sent_ms * MS, done_ns, **{**given, **more})  # type: ignore[arg-type]


ANSWER = {"status": 201, "body": {"who": "ada"}, "cookies": {"session": "7"}}
HISTORY = History(
    treatment={},
    seed=1,
    operations=(
        operation("login", "ada", 0, 3, result=ANSWER),
        operation("show", "ada", 5, None),
        operation("show", "bob", 6, 16, result={"status": 404, "body": "none"}, outcome="fail"),
    ),
    events=(
        Event(8 * MS, "fault", "kill", "app-1", "start"),
        Event(9 * MS, "fault", "kill", "app-1", "effect"),
        Event(10 * MS, "fault", "pause", "app-2", "effect"),
    ),
)


def test_operations_are_found_by_kind_and_key() -> None:
    assert [each.key for each in HISTORY.of("show")] == ["ada", "bob"]
    assert HISTORY.one("login", "ada").status == 201
    with pytest.raises(LookupError, match="no operation login on bob"):
        HISTORY.one("login", "bob")


def test_what_an_operation_tells_of_its_answer() -> None:
    login, lost, refused = HISTORY.operations
    assert (login.ok, login.answered, login.took_ms, login.cookies) == (True, True, 3.0, {"session": "7"})
    assert (login.body("who"), login.body("cart")) == ("ada", None)
    assert (lost.ok, lost.answered, lost.took_ms, lost.status, lost.cookies) == (False, False, inf, 0, {})
    assert (refused.ok, refused.answered, refused.status, refused.body("who")) == (False, True, 404, None)


def test_faults_are_told_by_their_verb_once_they_took_effect() -> None:
    assert [each.t_ns // MS for each in HISTORY.faults("kill")] == [9]
    assert [each.t_ns // MS for each in HISTORY.faults("kill", "start")] == [8]
    assert len(HISTORY.faults()) == 2


def test_a_load_tells_how_long_it_took_and_what_never_came() -> None:
    sample = LoadSample(
        intended_ns=np.array([0, 10, 20]) * MS,
        sent_ns=np.array([1, 10, 25]) * MS,
        done_ns=np.array([4 * MS, UNFINISHED, 26 * MS]),
        status=np.zeros(3, np.int16),
        error=np.array([0, 0, 1], np.int8),
        connection=np.zeros(3, np.int32),
        start_ns=0,
        end_ns=30 * MS,
        loop="open",
        errors=("", "reset"),
    )
    assert sample.answered.tolist() == [True, False, False]
    assert sample.response_ms.tolist() == [4.0, inf, inf]
    assert sample.service_ms.tolist() == [3.0, inf, inf]


def test_a_story_is_sorted_and_counted_from_its_first_event() -> None:
    finding = told(
        "lost",
        "ada",
        "it is gone",
        (9 * MS, "server", "dies"),
        (2 * MS, "ada", "pays"),
        (9 * MS, "ada", "asks"),
    )
    assert (finding.kind, finding.key, finding.says) == ("lost", "ada", "it is gone")
    assert [(each.t_ms, each.actor, each.says) for each in finding.witness] == [
        (0.0, "ada", "pays"), (7.0, "server", "dies"), (7.0, "ada", "asks"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="needs at least one event"):
        told("lost", "ada", "it is gone")


def test_an_assumption_is_named_by_its_words_unless_it_has_a_name() -> None:
    found = assume("the server was killed, once", False, 2)
    assert (found.id, found.held, found.measured, found.timed) == (
        "the_server_was_killed_once", False, "2", False,
    )  # fmt: skip
    assert assume("so", True, timed=True, name="steady").id == "steady"


def test_who_was_not_answered_is_counted() -> None:
    found = all_answered(HISTORY)
    assert (found.id, found.held, found.measured) == ("all_answered", False, "2 of 3")
    assert not all_answered(History(treatment={}, seed=1)).held, "nothing was asked"
