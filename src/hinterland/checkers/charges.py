"""Payments under retries: does every order end in one charge, whatever was sent, cut off or answered?

- order: what a customer means to pay once. attempt: one request for it, with its idempotency key.
- charge: a row of the database, read directly when all was over.
- acknowledged: the answer to an attempt was `ok` and named a charge.

The history holds operations of kind `pay`: `key` is the idempotency key, `argument` is
`{"order", "tenant", "amount_cents"}`, `result` is `{"status", "body", "replayed"}` where an answer came,
with `{"charge", "order", "amount_cents"}` as the body of an `ok`. Its reading `charges` lists the rows
`{"id", "tenant", "order", "amount_cents"}`. The phase `settle` begins when the server runs again and
nothing more will happen to it: a key is judged stuck only by attempts from then on. A note `held` with the
detail `step` before a kill says where the server was held; it only makes the story better.

Findings, each about one order:

- `double_charge`: more than one charge.
- `lost_charge`: acknowledged, but the charge is not in the database.
- `stuck_key`: an attempt was cut off, and all attempts since the server settled, three at least, got 409.
- `wrong_replay`: an answer for another order or tenant, or a replay unlike the answer given before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hinterland.errors import InternalError
from hinterland.model.history import Event, History, Operation
from hinterland.model.verdict import Finding, WitnessEvent

KINDS = ("double_charge", "lost_charge", "stuck_key", "wrong_replay")
PATIENCE = 3
"""So many 409 in a row after the server settled make a key stuck; fewer prove nothing."""

IN_FLIGHT = 409
Charge = Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """One order: its attempts in the order they were sent, and its charges in the database."""

    tenant: str
    name: str
    attempts: list[Operation] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)


def check(history: History) -> tuple[Finding, ...]:
    """Returns the findings, by order of first attempt; at most one of each kind an order.

    Raises InternalError when the final read of the charges is missing: without it nothing can be said.
    """
    charges = final_charges(history)
    settled_ns = settled_at(history)
    found: list[Finding] = []
    for order in orders(history):
        findings = (
            double_charge(order, history),
            lost_charge(order, charges, history),
            stuck_key(order, settled_ns, history),
            wrong_replay(order, charges, history),
        )
        found += [finding for finding in findings if finding is not None]
    return tuple(found)


def exposed(history: History) -> dict[str, tuple[str, ...]]:
    """Returns for each kind of finding the orders to which it could have happened.

    A double charge can happen to an order that was sent more than once; a lost charge to one that was
    acknowledged; a stuck key to one with an attempt cut off, tried again after the server settled; a wrong
    replay to one that got a replay, or that came with a key which another order had used before.
    """
    settled_ns = settled_at(history)
    first_owner: dict[str, tuple[str, str]] = {}
    could: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for order in orders(history):
        me = (order.tenant, order.name)
        owners = [first_owner.setdefault(attempt.key, me) for attempt in order.attempts]
        cut = any(attempt.outcome == "unknown" for attempt in order.attempts)
        facts = {
            "double_charge": len(order.attempts) > 1,
            "lost_charge": any(acknowledged(attempt) for attempt in order.attempts),
            "stuck_key": cut and any(attempt.sent_ns >= settled_ns for attempt in order.attempts),
            "wrong_replay": any(owner != me for owner in owners) or any(map(replayed, order.attempts)),
        }
        for kind, could_be in facts.items():
            if could_be:
                could[kind].append(order.name)
    return {kind: tuple(names) for kind, names in could.items()}


def orders(history: History) -> list[Order]:
    """Returns every order that was tried, by first attempt. An attempt that was never sent doesn't count."""
    charged = defaultdict(list)
    for charge in final_charges(history):
        charged[charge["tenant"], charge["order"]].append(charge)
    found: dict[tuple[str, str], Order] = {}
    for attempt in sorted(history.operations, key=lambda operation: operation.sent_ns):
        if attempt.kind != "pay" or never_arrived(attempt):
            continue
        me = (attempt.argument["tenant"], attempt.argument["order"])
        if me not in found:
            found[me] = Order(*me, charges=charged[me])
        found[me].attempts.append(attempt)
    return list(found.values())


def final_charges(history: History) -> list[Charge]:
    """Returns the rows of the database at the end of the trial."""
    if "charges" not in history.readings:
        raise InternalError(
            "the history has no reading `charges`.", "A trial must read the charges when all is over."
        )
    rows: list[Charge] = history.readings["charges"]
    return rows


def settled_at(history: History) -> int:
    """Returns when the phase `settle` began; 0 in a history without one, where nothing was ever unsettled."""
    return max((event.t_ns for event in phases(history) if event.name == "settle"), default=0)


def phases(history: History) -> list[Event]:
    return [event for event in history.events if event.kind == "phase"]


def never_arrived(attempt: Operation) -> bool:
    """Tells whether no server can have seen the attempt: it failed without an answer."""
    return attempt.outcome == "fail" and attempt.result is None


def acknowledged(attempt: Operation) -> bool:
    return attempt.outcome == "ok"


def replayed(attempt: Operation) -> bool:
    return acknowledged(attempt) and bool(attempt.result.get("replayed"))


def status(attempt: Operation) -> int | None:
    return attempt.result["status"] if attempt.result else None


# The four findings.


def double_charge(order: Order, history: History) -> Finding | None:
    """Decides whether an order was charged more than once."""
    if len(order.charges) < 2:
        return None
    ids = " and ".join(charge["id"] for charge in order.charges[:3])
    says = f"order {order.name} was charged {len(order.charges)} times: {ids}"
    # The first attempt, and the one that charged again: the first that got or may have got past the key.
    first, *others = order.attempts
    again = next((one for one in others if not refused(one) and not replayed(one)), None)
    told = [first, again] if again is not None else [first, *others[-1:]]
    last_ns = max(ended(attempt) for attempt in told)
    end = f"holds {len(order.charges)} charges for order {order.name}: {ids}"
    return Finding("double_charge", order.name, says, story(told, history, until_ns=last_ns, end=end))


def lost_charge(order: Order, charges: Iterable[Charge], history: History) -> Finding | None:
    """Decides whether an answer promised a charge that the database doesn't have."""
    known = {charge["id"] for charge in charges}
    for attempt in order.attempts:
        if acknowledged(attempt) and attempt.result["body"]["charge"] not in known:
            missing = attempt.result["body"]["charge"]
            says = (
                f"order {order.name} was acknowledged as charge {missing}, which the database does not have"
            )
            told = [attempt] if attempt is order.attempts[0] else [order.attempts[0], attempt]
            end = f"has no charge {missing}, and {len(order.charges)} for order {order.name}"
            return Finding("lost_charge", order.name, says, story(told, history, end=end))
    return None


def stuck_key(order: Order, settled_ns: int, history: History) -> Finding | None:
    """Decides whether a key answers 409 though nothing is in flight any more."""
    cut = [attempt for attempt in order.attempts if attempt.outcome == "unknown"]
    since = [attempt for attempt in order.attempts if attempt.sent_ns >= settled_ns]
    if not cut or len(since) < PATIENCE or any(status(attempt) != IN_FLIGHT for attempt in since):
        return None
    waited_ms = (ended(since[-1]) - settled_ns) / 1e6
    says = f"the key of order {order.name} still answers 409, {waited_ms:.0f} ms after the server settled"
    end = f"holds {charges_in_words(order)} for order {order.name}; {len(since)} attempts got 409"
    return Finding("stuck_key", order.name, says, story([cut[0], since[0], since[-1]], history, end=end))


def wrong_replay(order: Order, charges: Iterable[Charge], history: History) -> Finding | None:
    """Decides whether an answer belongs to another order or tenant, or contradicts an earlier one."""
    owner = {charge["id"]: charge["tenant"] for charge in charges}
    given: list[Operation] = []
    for attempt in order.attempts:
        if not acknowledged(attempt):
            continue
        body = attempt.result["body"]
        asked = attempt.argument
        whose = owner.get(body["charge"], order.tenant)
        if (body["order"], body["amount_cents"], whose) != (order.name, asked["amount_cents"], order.tenant):
            says = (
                f"order {order.name} of {order.tenant} was answered with charge {body['charge']}, "
                f"which belongs to order {body['order']} of {whose}"
            )
            end = f"holds {charges_in_words(order)} for order {order.name} of {order.tenant}"
            return Finding("wrong_replay", order.name, says, story(lent(attempt, history), history, end=end))
        if replayed(attempt) and given and all(body != before.result["body"] for before in given):
            first = given[0].result["body"]["charge"]
            says = f"order {order.name} was answered with charge {first}, then replayed as {body['charge']}"
            end = f"holds {charges_in_words(order)} for order {order.name}"
            return Finding("wrong_replay", order.name, says, story([given[0], attempt], history, end=end))
        given.append(attempt)
    return None


def refused(attempt: Operation) -> bool:
    return attempt.outcome == "fail"


def lent(attempt: Operation, history: History) -> list[Operation]:
    """Returns the first acknowledged use of the attempt's key, and the attempt."""
    uses = [one for one in history.operations if one.kind == "pay" and one.key == attempt.key]
    first = next((one for one in uses if acknowledged(one) and one.sent_ns < attempt.sent_ns), None)
    return [first, attempt] if first is not None else [attempt]


# The witness: what happened, as a story of two to five events.


def story(
    attempts: list[Operation], history: History, *, until_ns: int | None = None, end: str = ""
) -> tuple[WitnessEvent, ...]:
    """Returns the attempts, the kill that cut the first of them, if one did, and what the database says."""
    last_ns = until_ns if until_ns is not None else max(ended(attempt) for attempt in attempts)
    lines = [(attempt.sent_ns, f"client {attempt.client}", in_words(attempt)) for attempt in attempts]
    first = attempts[0]
    if first.outcome == "unknown":
        lines += [line for line in kills(history) if first.sent_ns <= line[0] <= last_ns][:1]
    lines.sort(key=lambda line: line[0])
    if end:
        lines.append((max(last_ns, lines[-1][0]), "the database", end))
    began_ns = lines[0][0]
    return tuple(WitnessEvent(round((t_ns - began_ns) / 1e6, 3), actor, says) for t_ns, actor, says in lines)


def kills(history: History) -> list[tuple[int, str, str]]:
    """Returns every confirmed kill as a line of a story, with the step after which the server was held."""
    lines = []
    step = ""
    for event in sorted(history.events, key=lambda event: event.t_ns):
        if event.kind == "note" and event.name == "held":
            step = str(event.detail["step"])
        if event.kind == "fault" and event.name == "kill" and event.stage == "effect":
            after = f" after its step `{step}`" if step else ""
            lines.append((event.t_ns, event.target, f"is killed with SIGKILL{after}"))
            step = ""
    return lines


def in_words(attempt: Operation) -> str:
    """Returns an attempt and its answer as one clause."""
    asked = f"pays order {attempt.argument['order']} of {attempt.argument['tenant']} with key {attempt.key}"
    if attempt.result is None:
        return f"{asked}; no answer ({attempt.error or 'cut off'})"
    if not acknowledged(attempt):
        return f"{asked}; answer {status(attempt)}"
    again = ", replayed" if replayed(attempt) else ""
    body = attempt.result["body"]
    return f"{asked}; answer {status(attempt)}{again}: charge {body['charge']} for order {body['order']}"


def charges_in_words(order: Order) -> str:
    return {0: "no charge", 1: "1 charge"}.get(len(order.charges), f"{len(order.charges)} charges")


def ended(attempt: Operation) -> int:
    return max(attempt.done_ns, attempt.sent_ns)
