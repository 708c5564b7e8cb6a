"""Events as operations: whose time counts, and what is missing."""

from __future__ import annotations

import pytest

from hinterland.load.drivers import subscription
from hinterland.load.drivers.subscription import (
    GAP_MOST,
    LOST,
    NO_TIME,
    NOT_AN_EVENT,
    NOT_IN_TURN,
    NOT_NEW,
    OTHER_CLOCK,
    Subscription,
)
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.lane import Lane
from hinterland.model.history import UNFINISHED

NOW_NS = 10_000_000_000_000
WALL_NS = 1_700_000_000_123_456_789


class Told:
    """A listener that notes what it was told: (ns from sending to receipt, or None; what was wrong)."""

    def __init__(self) -> None:
        self.records: list[tuple[int | None, str]] = []

    def record(
        self, lane: Lane, *, kind: int, intended_ns: int, sent_ns: int, done_ns: int, status: int, error: int
    ) -> None:
        assert intended_ns == sent_ns
        took = None if done_ns == UNFINISHED else done_ns - sent_ns
        self.records.append((took, words_of(error)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    class Clock:
        monotonic_ns = staticmethod(lambda: NOW_NS)
        time_ns = staticmethod(lambda: WALL_NS)

    monkeypatch.setattr(subscription, "time", Clock)
    return Told()


def subscribed(told: Told) -> Subscription:
    made = Subscription(None, told)  # type: ignore[arg-type]  # It only hands them on.
    made.joined()
    return made


@pytest.mark.parametrize(
    ("event", "took", "wrong"),
    [
        (f'{{"sent_ns": {NOW_NS - 250}}}', 250, ""),
        (f'{{"t_ns": {NOW_NS - 250}, "text": "more", "deep": [{{}}]}}', 250, ""),
        (f'{{"sent_ns": {NOW_NS - 1}, "t_ns": 7}}', 1, ""),
        # To the ms, and a fraction of one.
        ('{"ts": 1700000000122}', 1_456_789, ""),
        ('{"ts": 1700000000123.0}', 456_789, ""),
        # Rounded up: not from the future.
        ('{"ts": 1700000000124}', 0, ""),
        ('{"ts": 1700000000130}', 0, OTHER_CLOCK),
        # Seconds instead of ms.
        ('{"ts": 1700000000}', 0, OTHER_CLOCK),
        ('{"sent_ns": 5}', 0, OTHER_CLOCK),
        (f'{{"sent_ns": {NOW_NS + 2_000_000}}}', 0, OTHER_CLOCK),
        ("{}", 0, NO_TIME),
        ('{"id": 3}', 0, NO_TIME),
        ("hello", 0, NOT_AN_EVENT),
        ("[1, 2]", 0, NOT_AN_EVENT),
        ('{"sent_ns": "soon"}', 0, NOT_AN_EVENT),
        (b"\xff\xfe", 0, NOT_AN_EVENT),
        ('{"ts": 1e999}', 0, NOT_AN_EVENT),
    ],
)
def test_an_event_lasts_from_its_time_to_now(told: Told, event: str | bytes, took: int, wrong: str) -> None:
    subscribed(told).event(event)
    ((lasted, says),) = told.records
    assert says == wrong
    assert lasted is not None
    # A double holds ms since 1970 to a fraction of a microsecond.
    assert abs(lasted - took) < 300


def numbered(*ids: int | str) -> list[str]:
    return [f'{{"sent_ns": {NOW_NS}, "id": {f"{each!r}".replace(chr(39), chr(34))}}}' for each in ids]


@pytest.mark.parametrize(
    ("ids", "wrong"),
    [
        ((1, 2, 3), ["", "", ""]),
        ((7, 8), ["", ""]),
        ((1, 4, 5), ["", LOST, LOST, "", ""]),
        (("1", "3"), ["", LOST, ""]),
        ((3, 3, 2, 4), ["", NOT_NEW, NOT_NEW, ""]),
        ((1, 2 + GAP_MOST), ["", *[LOST] * GAP_MOST, ""]),
        ((1, 3 + GAP_MOST, 4 + GAP_MOST), ["", NOT_IN_TURN, ""]),
        (("a", "c", ""), ["", "", ""]),
        ((-2, -1, 1), ["", "", LOST, ""]),
    ],
)
def test_numbers_left_out_are_lost_events(told: Told, ids: tuple[int | str, ...], wrong: list[str]) -> None:
    made = subscribed(told)
    for event in numbered(*ids):
        made.event(event)
    assert [says for _, says in told.records] == wrong
    assert all((took is None) == (says == LOST) for took, says in told.records)


def test_an_event_without_a_time_is_not_lost(told: Told) -> None:
    made = subscribed(told)
    made.event(numbered(1)[0])
    made.event('{"id": 2}')
    made.event(numbered(3)[0])
    assert [says for _, says in told.records] == ["", NO_TIME, ""]


def test_the_stream_may_give_the_number(told: Told) -> None:
    made = subscribed(told)
    for stream_id in ("1", "", "x", "3"):
        made.event(f'{{"sent_ns": {NOW_NS}}}', stream_id)
    assert [says for _, says in told.records] == ["", "", "", LOST, ""]


def test_what_was_missed_between_two_connections_is_lost(told: Told) -> None:
    made = subscribed(told)
    for event in numbered(1, 2):
        made.event(event)
    made.joined()
    for event in numbered(5, 6):
        made.event(event)
    assert [says for _, says in told.records] == ["", "", LOST, LOST, "", ""]


def test_a_server_that_was_started_anew_may_count_from_one_again(told: Told) -> None:
    made = subscribed(told)
    for event in numbered(10, 11):
        made.event(event)
    made.joined()
    for event in numbered(1, 2, 4):
        made.event(event)
    assert [says for _, says in told.records] == ["", "", "", "", LOST, ""]


def test_a_subscription_that_breaks_is_an_operation_without_an_answer(told: Told) -> None:
    subscribed(told).cut_off(5)
    assert told.records == [(None, "closed")]
