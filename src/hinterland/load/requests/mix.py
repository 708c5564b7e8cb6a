"""The visits of a load: which one comes next, and the requests of each in turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from hinterland.clients.content_coding import NotDecoded, decoded
from hinterland.clients.message import Response
from hinterland.errors import UsageError
from hinterland.load.drivers.http2.grpc_status import STATUS, is_grpc, wrong_with
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.notation import shown_check
from hinterland.load.plan.plan import LoadPlan, RequestPlan, Weighted
from hinterland.load.requests import draws
from hinterland.load.requests.answers import decision, finding
from hinterland.load.requests.build import build, name_of
from hinterland.load.requests.contradictions import examine_headers
from hinterland.load.requests.foreign import examine
from hinterland.load.requests.parts import Fits
from hinterland.load.requests.route import Route, Step, Visit
from hinterland.load.requests.scope import Scope
from hinterland.load.requests.session import Session
from hinterland.load.requests.values import CHOICE, Names

MOST_KINDS = 256
WORST_GOOD_STATUS = 399


class MixedRequests:
    """The requests of a plan (`outgoing.Requests`).

    Which visit comes as number 17, and the values in it, depend on the plan and the seed alone, so that a
    load is the same whatever the number of processes.
    """

    def __init__(self, plan: LoadPlan, names: Names) -> None:
        compiler = _Compiler(plan, names)
        self.rows = names.rows
        self._routes = [compiler.route(visit) for visit in plan.mix]
        self._checks = compiler.steps
        self.kinds = tuple(compiler.kinds)
        self.any_status = tuple(compiler.any_status)
        self._only = self._routes[0] if len(self._routes) == 1 else None
        self.constant: Outgoing | None = self._only.constant if self._only else None
        self._choose = names.stream(CHOICE, draws.chosen([visit.weight for visit in plan.mix]))

    def begin(self, visit: int) -> Outgoing:
        """Returns the first request of a visit, numbered from 0 over all processes."""
        route = self._only or self._routes[self._choose(visit)]
        return route.begin(visit)

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        """Returns `check NAME`, `extract NAME` or what else is wrong with an answer, empty for a good one.

        A status of 400 or more is nobody's business here, unless the request has a check on it: it is no good
        answer anyway, and what it lacks is not what is wrong with it.
        """
        visit = outgoing.visit
        step = visit.route.steps[visit.place] if isinstance(visit, Visit) else self._checks[outgoing.kind]
        if isinstance(visit, Visit) and visit.session is not None:
            wrong = visit.session.answered(outgoing, response)
            if wrong or visit.session.is_led_on:
                return wrong
        if response.status > WORST_GOOD_STATUS and not step.any_status:
            return ""
        if step.wrong is not None and (wrong := step.wrong(response)):
            return wrong
        if step.looks_inside:
            try:
                response = decoded(response)
            except NotDecoded as failure:
                return str(failure)
        for name, decide in step.checks:
            if not decide(response):
                return f"check {name}"
        if isinstance(visit, Visit):
            for name, find, place, fits in step.found:
                value = find(response)
                if not value or not all(fit(value) for fit in fits):
                    return f"extract {name}"
                visit.values[place] = value
        return ""

    def then(self, outgoing: Outgoing) -> Outgoing | None:
        """Returns the request that follows a good answer in its visit, None when the visit is complete."""
        visit = outgoing.visit
        return visit.route.then(visit, outgoing) if isinstance(visit, Visit) else None


class _Compiler:
    """Makes the routes of a plan, and the list of its kinds."""

    def __init__(self, plan: LoadPlan, names: Names) -> None:
        self.kinds: list[str] = []
        self.any_status: list[bool] = []
        self.steps: list[Step] = []
        self._plan, self._target, self._names = plan, plan.target, names

    def route(self, visit: Weighted) -> Route:
        if not visit.requests:
            raise UsageError("a visit has no request.", "Give it one.")
        if not 0 < visit.weight < math.inf:
            raise UsageError(f"weight={visit.weight:g} must be above 0.", "Leave the visit out.")
        scope = Scope(self._names)
        session = self._session_of(visit)
        last = len(visit.requests) - 1
        steps = [
            self._step(request, scope, reads=session is not None and (self._plan.follow or place < last))
            for place, request in enumerate(visit.requests)
        ]
        return Route(steps, scope.drawn, scope.room, session)

    def _session_of(self, visit: Weighted) -> Callable[[], Session] | None:
        """Returns what makes the session of each such visit. One request needs none, unless it is led on."""
        chained = len(visit.requests) > 1
        if not self._target.traits.method_and_path or not (self._plan.follow or (chained and visit.cookies)):
            return None
        return partial(Session, self._target, keeps=visit.cookies, follows=self._plan.follow)

    def _step(self, request: RequestPlan, scope: Scope, *, reads: bool = False) -> Step:
        name = name_of(request, self._target)
        self._examine(request, name)
        checks = [(shown_check(check), decision(check)) for check in request.checks]
        any_status = any(check.of == "status" for check in request.checks)
        kind = self._kind(name, any_status)

        def resolve(asked: str, where: str, fits: Fits | None) -> tuple[int, bool]:
            return scope.resolve(asked, f"{name}, {where}", fits)

        # Checks of its status by the person take the place of what the protocol makes of it.
        calls = is_grpc(request.headers) and not any(check.name == STATUS for check in request.checks)
        reads = bool(reads or checks or request.extracts or calls)
        make, constant = build(request, self._target, resolve, kind=kind, reads=reads)
        inside = [check.of for check in request.checks] + [extract.source for extract in request.extracts]
        step = Step(
            make,
            checks,
            any_status=any_status,
            constant=constant,
            looks_inside=bool({"body", "length", "json", "pattern"} & set(inside)),
            wrong=wrong_with if calls else None,
        )
        for extract in request.extracts:
            place, fits = scope.extracted(extract.name)
            step.found.append((extract.name, finding(extract), place, fits))
        self.steps.append(step)
        return step

    def _examine(self, request: RequestPlan, name: str) -> None:
        """Raises UsageError for a request that would quietly become another one."""
        if self._target.traits.method_and_path:
            examine(request.path or self._target.path, f"{name}, path", is_path=True)
        for header, value in request.headers:
            examine(value, f"{name}, header {header}")
        if not request.body_file:
            examine(request.body, f"{name}, body")
        examine_headers(request, self._plan, name)

    def _kind(self, name: str, any_status: bool) -> int:
        """Returns a kind of its own for each request, so that its checks are found by it."""
        number, unique = 1, name
        while unique in self.kinds:
            number += 1
            unique = f"{name} ({number})"
        if len(self.kinds) >= MOST_KINDS:
            raise UsageError(
                f"the mix has more than {MOST_KINDS} requests.", "Tell them apart by data instead."
            )
        self.kinds.append(unique)
        self.any_status.append(any_status)
        return len(self.kinds) - 1
