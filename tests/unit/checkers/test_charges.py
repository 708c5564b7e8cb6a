"""The payments checker on written histories: empty, definite, indefinite, and each finding with its story."""

from __future__ import annotations

from typing import Any

import pytest

from hinterland.checkers import charges
from hinterland.errors import InternalError
from hinterland.model.history import Event, History, Operation

MS = 1_000_000
NEVER_SENT = 0


def pay(
    sent_ms: int,
    order: str,
    answer: str | int | None,
    *,
    replayed: bool = False,
    key: str = "",
    tenant: str = "shop_a",
    about: str = "",
    error: str = "",
) -> Operation:
    """An attempt. `answer`: a charge id (201), a status, None for no answer, or NEVER_SENT."""
    result: Any = None
    outcome = "unknown"
    if isinstance(answer, str):
        body = {"charge": answer, "order": about or order, "amount_cents": 500}
        outcome, result = "ok", {"status": 201, "body": body, "replayed": replayed}
    elif answer == NEVER_SENT:
        outcome, error = "fail", "refused"
    elif answer is not None:
        outcome = "unknown" if answer >= 500 else "fail"
        result = {"status": answer, "body": {}, "replayed": False}
    return Operation(
        kind="pay",
        key=key or f"k-{order}",
        client=0,
        intended_ns=sent_ms * MS,
        sent_ns=sent_ms * MS,
        done_ns=-1 if result is None else (sent_ms + 1) * MS,
        outcome=outcome,  # type: ignore[arg-type]
        argument={"order": order, "tenant": tenant, "amount_cents": 500},
        result=result,
        error=error or ("timeout" if result is None else ""),
    )


def row(charge: str, order: str, tenant: str = "shop_a") -> dict[str, Any]:
    return {"id": charge, "tenant": tenant, "order": order, "amount_cents": 500}


def history(
    attempts: list[Operation], rows: list[dict[str, Any]], *events: Event, settled_ms: int = 100
) -> History:
    settle = Event(t_ns=settled_ms * MS, kind="phase", name="settle")
    return History(
        treatment={},
        seed=1,
        operations=tuple(attempts),
        events=(*events, settle),
        readings={"charges": rows},
    )


def killed(at_ms: int, step: str) -> tuple[Event, Event, Event]:
    return (
        Event(t_ns=at_ms * MS - 2, kind="note", name="held", detail={"step": step}),
        Event(t_ns=at_ms * MS - 1, kind="fault", name="kill", target="payments", stage="start"),
        Event(t_ns=at_ms * MS, kind="fault", name="kill", target="payments", stage="effect"),
    )


TABLE: dict[str, tuple[list[Operation], list[dict[str, Any]], list[tuple[str, str]]]] = {
    "nothing happened": ([], [], []),
    "one click": ([pay(0, "o", "c1")], [row("c1", "o")], []),
    "answered, then replayed": (
        [pay(0, "o", "c1"), pay(5, "o", "c1", replayed=True)],
        [row("c1", "o")],
        [],
    ),
    "409 while in flight, then replayed": (
        [pay(0, "o", "c1"), pay(0, "o", 409), pay(5, "o", "c1", replayed=True)],
        [row("c1", "o")],
        [],
    ),
    "no answer, charged once: it may have happened": ([pay(0, "o", None)], [row("c1", "o")], []),
    "no answer, not charged: it may not have": ([pay(0, "o", None)], [], []),
    "server error, charged: it may have happened": ([pay(0, "o", 500)], [row("c1", "o")], []),
    "cut off, tried again, charged once": (
        [pay(0, "o", None), pay(150, "o", "c2")],
        [row("c2", "o")],
        [],
    ),
    "two clicks, two charges": (
        [pay(0, "o", "c1"), pay(5, "o", "c2")],
        [row("c1", "o"), row("c2", "o")],
        [("double_charge", "o")],
    ),
    "one click cut off, its successor charged too": (
        [pay(0, "o", None), pay(150, "o", "c2")],
        [row("c1", "o"), row("c2", "o")],
        [("double_charge", "o")],
    ),
    "the same order number at two shops": (
        [pay(0, "o", "c1"), pay(5, "o", "c2", tenant="shop_b")],
        [row("c1", "o"), row("c2", "o", "shop_b")],
        [],
    ),
    "acknowledged, not in the database": ([pay(0, "o", "c1")], [], [("lost_charge", "o")]),
    "a promise replayed, not in the database": (
        [pay(0, "o", None), pay(150, "o", "c1", replayed=True)],
        [],
        [("lost_charge", "o")],
    ),
    "409 for ever after a cut": (
        [pay(0, "o", None), *(pay(150 + 10 * n, "o", 409) for n in range(4))],
        [],
        [("stuck_key", "o")],
    ),
    "409 twice after a cut: too few to say": (
        [pay(0, "o", None), pay(150, "o", 409), pay(160, "o", 409)],
        [],
        [],
    ),
    "409 only before the server settled": (
        [pay(0, "o", None), *(pay(20 + 10 * n, "o", 409) for n in range(4))],
        [],
        [],
    ),
    "409 until a lock expired": (
        [pay(0, "o", None), *(pay(150 + 10 * n, "o", 409) for n in range(4)), pay(200, "o", "c1")],
        [row("c1", "o")],
        [],
    ),
    "409 without any attempt cut off: someone else's matter": (
        [pay(150 + 10 * n, "o", 409) for n in range(4)],
        [],
        [],
    ),
    "another payload refused": (
        [pay(0, "o", "c1", key="k"), pay(5, "p", 422, key="k")],
        [row("c1", "o")],
        [],
    ),
    "another payload gets the first one's answer": (
        [pay(0, "o", "c1", key="k"), pay(5, "p", "c1", key="k", about="o", replayed=True)],
        [row("c1", "o")],
        [("wrong_replay", "p")],
    ),
    "another shop sees the first one's answer": (
        [pay(0, "o", "c1", key="k"), pay(5, "o", "c1", key="k", tenant="shop_b", replayed=True)],
        [row("c1", "o")],
        [("wrong_replay", "o")],
    ),
    "replayed unlike the answer": (
        [pay(0, "o", "c1"), pay(5, "o", "c2", replayed=True)],
        [row("c1", "o"), row("c2", "o")],
        [("double_charge", "o"), ("wrong_replay", "o")],
    ),
    "two replays that differ, the original lost": (
        [pay(0, "o", None), pay(5, "o", "c1", replayed=True), pay(9, "o", "c2", replayed=True)],
        [row("c1", "o"), row("c2", "o")],
        [("double_charge", "o"), ("wrong_replay", "o")],
    ),
    "two answers, one replayed: no replay is wrong": (
        [pay(0, "o", "c1"), pay(0, "o", "c2"), pay(5, "o", "c2", replayed=True)],
        [row("c1", "o"), row("c2", "o")],
        [("double_charge", "o")],
    ),
    "attempts that never left the client": (
        [
            pay(0, "o", NEVER_SENT),
            pay(150, "o", NEVER_SENT),
            pay(151, "o", NEVER_SENT),
            pay(152, "o", NEVER_SENT),
        ],
        [],
        [],
    ),
    "other kinds of operation": (
        [Operation("look", "k", 0, 0, 0, 1, "ok")],
        [],
        [],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_findings(name: str) -> None:
    attempts, rows, expected = TABLE[name]
    found = charges.check(history(attempts, rows))
    assert [(finding.kind, finding.key) for finding in found] == expected
    for finding in found:
        assert 2 <= len(finding.witness) <= 5
        assert [line.t_ms for line in finding.witness] == sorted(line.t_ms for line in finding.witness)
        assert finding.key in finding.says


def test_without_the_final_read_nothing_is_said() -> None:
    with pytest.raises(InternalError, match="charges"):
        charges.check(History(treatment={}, seed=1, operations=(pay(0, "o", "c1"),)))


def test_the_story_of_a_kill_names_the_step() -> None:
    attempts = [pay(0, "o", None, error="reset"), pay(150, "o", "c2")]
    events = (*killed(10, "charged"), *killed(60, "noted"))
    [finding] = charges.check(history(attempts, [row("c1", "o"), row("c2", "o")], *events))
    assert [line.actor for line in finding.witness] == ["client 0", "payments", "client 0", "the database"]
    assert "no answer (reset)" in finding.witness[0].says
    assert "after its step `charged`" in finding.witness[1].says
    assert finding.witness[1].t_ms == 10
    assert finding.witness[-1].says == "holds 2 charges for order o: c1 and c2"


def test_the_story_leaves_out_the_409_between() -> None:
    attempts = [pay(0, "o", None), pay(10, "o", 409), pay(20, "o", "c2")]
    [finding] = charges.check(history(attempts, [row("c1", "o"), row("c2", "o")]))
    assert [line.t_ms for line in finding.witness] == [0, 20, 21]


def test_what_could_have_happened() -> None:
    attempts = [
        pay(0, "never_left", NEVER_SENT),
        pay(0, "once", "c1"),
        pay(1, "cut", None),
        pay(2, "cut_and_left", None),
        pay(3, "twice", "c2", key="k"),
        pay(4, "twice", "c2", key="k", replayed=True),
        pay(5, "borrower", 422, key="k"),
        pay(150, "cut", 409),
    ]
    could = charges.exposed(history(attempts, [row("c1", "once"), row("c2", "twice")]))
    assert could == {
        "double_charge": ("cut", "twice"),
        "lost_charge": ("once", "twice"),
        "stuck_key": ("cut",),
        "wrong_replay": ("twice", "borrower"),
    }


def test_nothing_could_have_happened_in_an_empty_history() -> None:
    assert charges.exposed(history([], [])) == dict.fromkeys(charges.KINDS, ())
