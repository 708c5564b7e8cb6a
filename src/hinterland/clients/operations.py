"""Operations of a correctness workload: each is timed, classified and recorded, whatever happens to it.

- `ok`: the answer says that it happened.
- `fail`: it certainly did not happen: never sent, or refused by the server.
- `unknown`: it may have happened: no answer, a cut connection, a server error on a write.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from hinterland.clients.http import NotSent, Unanswered
from hinterland.clients.message import Response
from hinterland.model.history import UNFINISHED, Operation, Outcome3

Answer = Response | tuple[Outcome3, Any]
"""What a call returns: a response to be classified, or the outcome and result it decided itself."""


class Planned(msgspec.Struct, frozen=True):
    """An operation to be performed. `call` gets the number of the client that performs it."""

    kind: str
    key: str
    call: Callable[[int], Awaitable[Answer]]
    argument: Any = None
    writes: bool = True


class Operations:
    """Performs operations and hands each to `record` when it ends. `clock` gives CLOCK_MONOTONIC in ns."""

    def __init__(
        self, record: Callable[[Operation], None], clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._record = record
        self._clock = clock

    async def perform(
        self,
        kind: str,
        key: str,
        *,
        client: int,
        call: Callable[[], Awaitable[Answer]],
        argument: Any = None,
        intended_ns: int | None = None,
        writes: bool = True,
    ) -> Operation:
        """Returns the operation after recording it; `intended_ns` defaults to now.

        `writes` says whether it changes anything: a server error leaves a write `unknown`, a read `fail`.
        An exception that is not about the connection is a bug of the call: the operation is recorded as
        `unknown`, then the exception goes on.
        """
        sent_ns = self._clock()
        done_ns, result, error = UNFINISHED, None, ""
        outcome: Outcome3 = "unknown"
        try:
            answer = await call()
            done_ns = self._clock()
            outcome, result = classify(answer, writes=writes) if isinstance(answer, Response) else answer
        except (NotSent, Unanswered, OSError) as failure:  # TimeoutError is an OSError.
            outcome, error = classify_failure(failure)
        except BaseException as failure:
            error = type(failure).__name__
            raise
        finally:
            operation = Operation(
                kind=kind,
                key=key,
                client=client,
                intended_ns=sent_ns if intended_ns is None else intended_ns,
                sent_ns=sent_ns,
                done_ns=done_ns,
                outcome=outcome,
                argument=argument,
                result=result,
                error=error,
            )
            self._record(operation)
        return operation

    async def all(self, plans: Iterable[Planned], *, clients: int = 8) -> list[Operation]:
        """Returns the operations in the order of `plans`, performed by `clients` at once.

        Each client takes the next plan as soon as its last one ended. The first exception of a call ends
        them all.
        """
        queue = enumerate(plans)
        performed: dict[int, Operation] = {}

        async def work(client: int) -> None:
            for place, plan in queue:
                performed[place] = await self.perform(
                    plan.kind,
                    plan.key,
                    client=client,
                    call=lambda plan=plan: plan.call(client),  # type: ignore[misc]
                    argument=plan.argument,
                    writes=plan.writes,
                )

        try:
            async with asyncio.TaskGroup() as group:
                for client in range(clients):
                    group.create_task(work(client))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [performed[place] for place in sorted(performed)]


def classify(response: Response, *, writes: bool = True) -> tuple[Outcome3, Any]:
    """Returns the outcome of an HTTP answer, and `{"status": int, "body": JSON value or text}` as its result.

    2xx and 3xx are `ok`, but for 307 and 308, which say that the request must go elsewhere: `fail`, as
    4xx is. 5xx is `unknown` for a write, which may have happened first, and `fail` for a read.
    """
    result = {"status": response.status, "body": _body(response)}
    if response.status >= 500:
        return ("unknown" if writes else "fail"), result
    if response.status >= 400 or response.status in (307, 308):
        return "fail", result
    return "ok", result


def classify_failure(failure: BaseException) -> tuple[Outcome3, str]:
    """Returns the outcome of an operation that ended without an answer, and the name of its error."""
    if isinstance(failure, NotSent):
        return "fail", failure.error
    if isinstance(failure, Unanswered):
        return "unknown", failure.error
    if isinstance(failure, ConnectionRefusedError):
        return "fail", "refused"
    if isinstance(failure, TimeoutError):
        return "unknown", "timeout"
    if isinstance(failure, ConnectionResetError | BrokenPipeError):
        return "unknown", "reset"
    return "unknown", type(failure).__name__


def _body(response: Response) -> Any:
    if "json" in response.headers.get("content-type", ""):
        try:
            return response.json()
        except msgspec.DecodeError:
            return response.text
    return response.text
