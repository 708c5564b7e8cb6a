"""What `async def visit(client)` of a scenario gets."""

from __future__ import annotations

import random
import sys
from collections.abc import Coroutine
from typing import Any, Protocol

from hinterland.clients.message import Response
from hinterland.load.scenario.requests import ScenarioRequests


class Visitor(Protocol):
    """What makes the requests of a visit operations."""

    async def ask(self, kind: int, method: str, path: str, options: dict[str, Any]) -> Response:
        """Returns the answer. Raises NotSent or Unanswered."""

    def fail(self, words: str) -> None:
        """Counts the last answer as bad."""


class Client:
    """What `visit` gets: requests, and what belongs to this visit.

    visit: its number. data: its row. random: a `random.Random` that the seed and the number decide.
    shared: what `setup` returned.
    """

    def __init__(self, visitor: Visitor, requests: ScenarioRequests, visit: int) -> None:
        self.visit = visit
        self.shared = requests.scenario.shared
        self.random = random.Random(f"{requests.seed}:{visit}")
        self.data = requests.row(visit)
        self._visitor, self._scenario = visitor, requests.scenario

    def get(self, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer to a GET; options as for `request`."""
        return self._ask("GET", path, options)

    def post(self, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer to a POST; options as for `request`."""
        return self._ask("POST", path, options)

    def put(self, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer to a PUT; options as for `request`."""
        return self._ask("PUT", path, options)

    def patch(self, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer to a PATCH; options as for `request`."""
        return self._ask("PATCH", path, options)

    def delete(self, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer to a DELETE; options as for `request`."""
        return self._ask("DELETE", path, options)

    def head(self, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer to a HEAD; options as for `request`."""
        return self._ask("HEAD", path, options)

    def request(self, method: str, path: str, **options: Any) -> Coroutine[Any, Any, Response]:
        """Returns the answer, whatever its status. Raises NotSent or Unanswered where there is none.

        headers, body (bytes), json: as of `HttpClient.request`. name: of its kind in the outputs. expect: the
        only status that is good; without it each below 400 is.
        """
        return self._ask(method, path, options)

    def check(self, name: str, condition: object) -> bool:
        """Counts the last request as `check NAME` if the condition is false; returns whether it is true.

        RuntimeError where anything else was awaited since its answer: it has been counted by then.
        """
        if not condition:
            self._visitor.fail(f"check {name}")
        return bool(condition)

    def _ask(self, method: str, path: str, options: dict[str, Any]) -> Coroutine[Any, Any, Response]:
        caller = sys._getframe(2)
        kind = self._scenario.kind_of(caller.f_code.co_filename, caller.f_lineno)
        options.pop("name", None)
        return self._visitor.ask(kind, method, path, options)
