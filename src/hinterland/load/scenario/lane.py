"""Visits of a scenario file as the load's visits: each is a task of its own, its requests are operations.

The first request of a visit is due when the visit was, each other when the visit asks for it. An answer below
400 is good, unless `expect=` names the status that is, or a check says no. Requests go over HTTP/1.1, one
connection a lane. A request costs about as much as one of any asyncio client, so a core drives thousands a
second, not a hundred thousand: what needs more is a mix (`requests`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from hinterland.clients.content_coding import NotDecoded, decoded
from hinterland.clients.dial import SocketMaker
from hinterland.clients.http import HttpClient, NotSent, Unanswered
from hinterland.clients.message import Response
from hinterland.load.drivers.transport.tls import authority, context_of
from hinterland.load.engine.connection_failures import code_at_end, code_for
from hinterland.load.engine.failures import because, code_of
from hinterland.load.engine.lane import IDLE, Lane, Listener, Stateless
from hinterland.load.engine.outgoing import Outgoing, Requests
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, REFUSED, RESET, TIMEOUT
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.requests import known_secrets
from hinterland.load.requests.contradictions import examine_sent
from hinterland.load.requests.session import Session
from hinterland.load.scenario.client import Client
from hinterland.load.scenario.requests import ScenarioRequests
from hinterland.model.history import UNFINISHED

WORST_GOOD_STATUS = 399
NO_REQUEST = "no request"
_CODES = {"refused": REFUSED, "timeout": TIMEOUT, "reset": RESET, "closed": CLOSED, "protocol": PROTOCOL}


class ScenarioLane(Stateless):
    """A visitor (`lane.Lane`): one visit at a time, over a connection of its own."""

    connects = True

    def __init__(
        self,
        number: int,
        plan: LoadPlan,
        listener: Listener,
        requests: ScenarioRequests,
        *,
        http: HttpClient,
    ) -> None:
        self.number = number
        self.operation = IDLE
        self.ready = self.alive = False
        self.surplus_answers = self.bytes_received = 0
        self._plan, self._listener, self._requests, self._http = plan, listener, requests, http
        self._session = Session(plan.target, keeps=False, follows=False)
        self._host = authority(plan.target)
        self._task: asyncio.Task[None] | None = None
        self._outgoing: Outgoing | None = None
        self._asked = False
        self._waiting: Outgoing | None = None
        self._answer: tuple[int, int] | None = None
        self._error = self._reason = 0
        self._secrets: list[Callable[[], Iterable[str]]] = []

    async def open(self, timeout_s: float) -> int:
        """Runs the scenario's setup if nobody did, and connects. Returns 0 or the code of the error."""
        await self._requests.scenario.make_ready()
        try:
            await self._http.connect(timeout_s)
        except NotSent as failure:
            return _code(failure)
        self.ready = self.alive = True
        return 0

    def send(self, outgoing: Outgoing) -> None:
        """Begins the visit; its first request says when it is sent."""
        self._outgoing = outgoing
        self._asked, self._waiting = False, None
        self._reason = 0
        self._session = Session(self._plan.target, keeps=True, follows=self._plan.follow)
        self._secrets.clear()
        self._task = asyncio.get_running_loop().create_task(self._visit(outgoing))

    def end(self, error: int) -> None:
        """Gives up the visit under way."""
        if self._task is not None:
            self._reason = error
            self._task.cancel()

    def abort(self) -> None:
        """Closes the connection; a visit under way goes no further."""
        self.ready = self.alive = False
        self.end(CLOSED)
        self._http.close()

    async def ask(self, kind: int, method: str, path: str, options: dict[str, Any]) -> Response:
        """Makes a request of the visit under way an operation; returns its answer."""
        if self._waiting is not None or self._outgoing is None:
            raise RuntimeError("a visit awaits one request at a time, and none after its end")
        expect = options.pop("expect", None)
        self._settle()
        outgoing = self._outgoing = self._waiting = Outgoing(b"", kind=kind, method=method, path=path)
        session = self._session
        self._asked = True
        self._listener.goes_on(self, outgoing)
        if not self._requests.first_exception:
            self._secrets.append(partial(known_secrets.of_options, path, dict(options)))
        headers = dict(options.pop("headers", None) or {})
        examine_sent(headers, _length(options))
        outgoing.headers = tuple(headers.items())
        headers = dict(session.prepared(outgoing).headers)
        if not any(name.lower() == "host" for name in headers):
            headers["Host"] = self._host
        try:
            response = await self._http.request(method, path, headers=headers, **options)
        except (NotSent, Unanswered) as failure:
            if self._came_back(outgoing):
                self._listener.passed(self, done_ns=UNFINISHED, status=0, error=_code(failure))
            raise
        # What can't be decoded is the scenario's as it came.
        with contextlib.suppress(NotDecoded):
            response = decoded(response)
        wrong = session.answered(outgoing, response)
        if self._came_back(outgoing):
            self._answered(response, None if session.is_led_on else expect)
            if wrong:
                self.fail(wrong)
        if not session.is_led_on:
            session.arrived()
            return response
        further = session.led_on(outgoing)
        if further.method != method:
            options = {}
        options = {**options, "headers": dict(further.headers), "expect": expect}
        return await self.ask(kind, further.method, further.path, options)

    def _came_back(self, outgoing: Outgoing) -> bool:
        """Notes the end of a request; returns whether its visit was there for it, and did not end before."""
        if self._waiting is not outgoing:
            return False
        self._waiting = None
        return True

    def fail(self, words: str) -> None:
        """Counts the last answer as bad."""
        if self._answer is None:
            raise RuntimeError(f"{words}: a check comes right behind its request, with no await between")
        self._error = self._error or code_of(words)

    def _answered(self, response: Response, expect: int | None) -> None:
        """Keeps the answer until the visit has looked at it: until its next await, or its end."""
        status = response.status
        self._answer, self._error = (time.monotonic_ns(), status), 0
        if not self._requests.first_exception:
            self._secrets.append(partial(known_secrets.of_answer, response))
        self.bytes_received += len(response.body)
        if expect is not None and status != expect:
            self._error = code_of(f"check status = {expect}")
        elif expect is None and status > WORST_GOOD_STATUS:
            self._error = code_of(f"status {status}")
        # The visit goes on in this turn of the event loop; what is called soon comes after it.
        asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        """Tells the loop how the last request ended, once."""
        if self._answer is None:
            return
        (done_ns, status), self._answer = self._answer, None
        self._listener.passed(self, done_ns=done_ns, status=status, error=self._error)

    async def _visit(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing.visit, int)
        client = Client(self, self._requests, outgoing.visit)
        error = 0
        try:
            await self._requests.scenario.visit(client)
            error = 0 if self._asked else code_of(NO_REQUEST)
        except asyncio.CancelledError:
            error = self._reason or code_of("CancelledError")
        except (NotSent, Unanswered):
            # It was counted where it was raised; the visit just did not want to go on without an answer.
            error = 0
        except Exception as failure:
            error = code_of(self._requests.scenario.explain(failure, self._secrets_of(outgoing.visit)))
        self._over(error)

    def _secrets_of(self, visit: int) -> set[str]:
        """Returns what the visit sent, was answered and had of the data that nobody shall read."""
        sent = {secret for found in self._secrets for secret in found()}
        return sent | known_secrets.of_row(self._requests.row(visit))

    def _over(self, error: int) -> None:
        """The visit is over. An exception is its last request's, or an operation more if that was counted."""
        last, self._outgoing, self._task, self._waiting = self._outgoing, None, None, None
        if not self.alive or last is None:
            return
        if self._answer is not None:
            self._error = self._error or error
            self._settle()
        elif error:
            if self.operation < 0:
                self._listener.goes_on(self, last)
            self._listener.passed(self, done_ns=UNFINISHED, status=0, error=error)
        self._listener.freed(self)


def _length(options: dict[str, Any]) -> int | None:
    """Returns the length of a request's body, None where it is made later."""
    return None if options.get("json") is not None else len(options.get("body", b""))


def _code(failure: NotSent | Unanswered) -> int:
    """Returns the code of why there is no answer, with the reason of the system where there is one."""
    reason = failure.__context__
    if failure.error == "connect" and isinstance(reason, OSError):
        return code_for(reason)
    if isinstance(failure.__cause__, OSError):
        return code_at_end(failure.__cause__)
    code = _CODES.get(failure.error, CLOSED)
    return because(code, str(failure)) if failure.error == "protocol" else code


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each connection: so many visits are under way at once, at most."""
    assert isinstance(requests, ScenarioRequests)
    target = plan.target
    tls = context_of(plan, "http/1.1")
    return [
        ScenarioLane(
            number,
            plan,
            listener,
            requests,
            http=HttpClient(
                *target.dialled,
                persistent=plan.mode != "new",
                timeout_s=plan.timeout_s,
                tls=tls,
                server_name=target.host,
                new_socket=new_socket,
            ),
        )
        for number in range(connections)
    ]
