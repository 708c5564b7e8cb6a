"""The way of a visit through its requests, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from hinterland.clients.message import Response
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.requests.answers import Decision, Finding
from hinterland.load.requests.parts import Fits, Make
from hinterland.load.requests.session import Session
from hinterland.load.requests.values import Value


class Step:
    """One request of a visit, made ready. `constant` is it where it has no values.

    `wrong`: what is wrong with an answer whose protocol says it apart from the status. `looks_inside`:
    whether a check or an extract needs its body. `found`: what later requests need, each as its name, how it
    is found, its place and what it must satisfy.
    """

    __slots__ = ("any_status", "checks", "constant", "found", "looks_inside", "make", "wrong")

    def __init__(
        self,
        make: Make,
        checks: list[tuple[str, Decision]],
        *,
        any_status: bool,
        constant: bool,
        looks_inside: bool = False,
        wrong: Callable[[Response], str] | None = None,
    ) -> None:
        self.looks_inside, self.wrong = looks_inside, wrong
        self.make, self.checks, self.any_status = make, checks, any_status
        self.constant = make(()) if constant else None
        self.found: list[tuple[str, Finding, int, list[Fits]]] = []


class Visit:
    """A visit under way whose requests need each other: what it knows, and how far it is."""

    __slots__ = ("number", "place", "route", "session", "values")

    def __init__(self, route: Route, number: int, values: list[str], session: Session | None = None) -> None:
        self.route, self.number, self.values, self.session = route, number, values, session
        self.place = 0


class Route:
    """The way of a visit through its requests. `drawn` fill some of its values, answers the rest.

    `session` makes what each visit keeps of its cookies and redirects; None where it keeps nothing.
    """

    __slots__ = ("_alone", "_drawn", "_fresh", "_room", "_session", "constant", "steps")

    def __init__(
        self,
        steps: list[Step],
        drawn: list[tuple[int, Value]],
        room: int,
        session: Callable[[], Session] | None = None,
    ) -> None:
        self.steps, self._room, self._session = steps, room, session
        self._drawn = [(place, value.draw) for place, value in drawn]
        self._fresh = [(place, value.draw) for place, value in drawn if value.fresh]
        self._alone = len(steps) == 1 and not steps[0].found and session is None
        self.constant = steps[0].constant if self._alone else None

    def begin(self, number: int) -> Outgoing:
        """Returns the first request of a visit."""
        if self.constant is not None:
            return self.constant
        if self._alone:  # Nothing is extracted, so that every value is drawn, in order.
            return self.steps[0].make([draw(number) for _, draw in self._drawn])
        values = [""] * self._room
        for place, draw in self._drawn:
            values[place] = draw(number)
        return self._sent(Visit(self, number, values, self._session and self._session()))

    def then(self, visit: Visit, before: Outgoing) -> Outgoing | None:
        """Returns the request of a visit that follows the one before it, None behind the last."""
        session = visit.session
        if session is not None and session.is_led_on:
            outgoing = session.led_on(before)
            outgoing.visit = visit
            return outgoing
        constant = self.steps[visit.place].constant
        if constant is not None and before.built is not None and before.headers is constant.headers:
            constant.built = before.built  # What a driver made of one copy serves the next.
        visit.place += 1
        if visit.place >= len(self.steps):
            return None
        for place, draw in self._fresh:
            visit.values[place] = draw(visit.number)
        return self._sent(visit)

    def _sent(self, visit: Visit) -> Outgoing:
        step = self.steps[visit.place]
        # A request without values is one object for all visits: this one needs a copy of its own.
        outgoing = step.make(visit.values) if step.constant is None else _copy(step.constant)
        outgoing.visit, outgoing.of_several = visit, len(self.steps) > 1
        if visit.session is not None:
            visit.session.arrived()
            visit.session.prepared(outgoing)
        return outgoing


def _copy(made: Outgoing) -> Outgoing:
    outgoing = Outgoing(
        made.wire,
        kind=made.kind,
        method=made.method,
        path=made.path,
        headers=made.headers,
        body=made.body,
        reads=made.reads,
    )
    outgoing.built = made.built
    return outgoing
