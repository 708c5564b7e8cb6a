"""A request that is one message made ready: of WebSocket, TCP, UDP, Redis, PostgreSQL."""

from __future__ import annotations

from hinterland.errors import UsageError
from hinterland.load.drivers.postgresql.statement import Bound
from hinterland.load.drivers.redis import resp
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import RequestPlan
from hinterland.load.requests import places
from hinterland.load.requests.never import refuse_endless, refuse_undoable
from hinterland.load.requests.parts import Body, Make, Resolve, slots_of
from hinterland.load.requests.template import Values, parse, renderer


def message(plan: RequestPlan, resolve: Resolve, *, kind: int, reads: bool) -> tuple[Make, bool]:
    """Returns what makes a message of a visit's values, and whether it is the same for all of them.

    Path and headers are those of a WebSocket's handshake, and have no values.
    """
    body = Body(plan, resolve)

    def make(values: Values) -> Outgoing:
        return Outgoing(body.render(values), kind=kind, path=plan.path, headers=plan.headers, reads=reads)

    return make, body.fixed is not None


def redis_command(plan: RequestPlan, resolve: Resolve, *, kind: int, reads: bool) -> tuple[Make, bool]:
    """Returns the same for a command; its words are told apart before values come: none becomes two."""
    split = resp.split(plan.body)
    refuse_endless(split)
    words = [parse(word.decode()) for word in split]
    slots = [slots_of(word, resolve, "command") for word in words]
    renders = [renderer(word.literals, each) for word, each in zip(words, slots, strict=True)]

    def make(values: Values) -> Outgoing:
        wire = resp.command([render(values).encode() for render in renders])
        return Outgoing(wire, kind=kind, reads=reads)

    return make, not any(slots)


def statement(plan: RequestPlan, resolve: Resolve, *, kind: int, reads: bool) -> tuple[Make, bool]:
    """Returns the same for SQL; its values are parameters."""
    if not plan.body.strip():
        raise UsageError("a PostgreSQL load has no statement.", "Give one, such as SELECT 1.")
    text = parse(plan.body)
    slots = slots_of(text, resolve, "statement")
    refuse_undoable(plan.body, has_values=bool(slots))
    if not slots:
        return lambda values: Outgoing(text.text.encode(), kind=kind, reads=reads), True
    sql = places.parameters(text).encode()
    columns = [slot.place for slot in slots]

    def make(values: Values) -> Outgoing:
        outgoing = Outgoing(sql, kind=kind, reads=reads)
        outgoing.built = Bound(sql, tuple([values[place].encode() for place in columns]))
        return outgoing

    return make, False
