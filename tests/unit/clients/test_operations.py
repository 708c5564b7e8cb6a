"""Operations: timed, classified and recorded whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from hinterland.clients.http import NotSent, Unanswered
from hinterland.clients.message import Response
from hinterland.clients.operations import Answer, Operations, Planned, classify
from hinterland.model.history import Operation


def make() -> tuple[Operations, list[Operation]]:
    recorded: list[Operation] = []
    ticks = count(100)
    return Operations(recorded.append, lambda: next(ticks)), recorded


def returns(answer: Answer) -> Callable[[], Awaitable[Answer]]:
    async def call() -> Answer:
        return answer

    return call


def raises(error: BaseException) -> Callable[[], Awaitable[Answer]]:
    async def call() -> Answer:
        raise error

    return call


def response(status: int, body: bytes = b"", kind: str = "text/plain") -> Response:
    return Response(status, {"content-type": kind}, body)


def test_a_call_may_decide_its_outcome() -> None:
    operations, recorded = make()
    done = asyncio.run(
        operations.perform("charge", "k1", client=3, call=returns(("ok", {"id": 7})), argument={"amount": 5})
    )
    assert recorded == [done]
    assert done == Operation(
        kind="charge", key="k1", client=3, intended_ns=100, sent_ns=100, done_ns=101, outcome="ok",
        argument={"amount": 5}, result={"id": 7},
    )  # fmt: skip


def test_the_intended_moment_may_be_earlier() -> None:
    operations, _ = make()
    done = asyncio.run(operations.perform("read", "k", client=0, call=returns(("ok", None)), intended_ns=40))
    assert (done.intended_ns, done.sent_ns) == (40, 100)


@pytest.mark.parametrize(
    ("status", "writes", "outcome"),
    [
        (200, True, "ok"),
        (201, True, "ok"),
        (303, True, "ok"),
        (304, False, "ok"),
        (307, True, "fail"),
        (400, True, "fail"),
        (409, True, "fail"),
        (500, True, "unknown"),
        (503, True, "unknown"),
        (500, False, "fail"),
    ],
)
def test_http_answers_are_classified(status: int, writes: bool, outcome: str) -> None:
    operations, _ = make()
    done = asyncio.run(
        operations.perform("w", "k", client=0, call=returns(response(status, b"x")), writes=writes)
    )
    assert done.outcome == outcome
    assert done.result == {"status": status, "body": "x"}
    assert done.done_ns == 101


def test_json_bodies_are_results() -> None:
    assert classify(response(200, b'{"a": [1]}', "application/json"))[1] == {
        "status": 200,
        "body": {"a": [1]},
    }
    assert classify(response(200, b"{broken", "application/json"))[1] == {"status": 200, "body": "{broken"}


@pytest.mark.parametrize(
    ("error", "outcome", "name"),
    [
        (NotSent("refused"), "fail", "refused"),
        (NotSent("timeout"), "fail", "timeout"),
        (Unanswered("timeout"), "unknown", "timeout"),
        (Unanswered("reset"), "unknown", "reset"),
        (ConnectionRefusedError(), "fail", "refused"),
        (ConnectionResetError(), "unknown", "reset"),
        (BrokenPipeError(), "unknown", "reset"),
        (TimeoutError(), "unknown", "timeout"),
        (OSError("disk"), "unknown", "OSError"),
    ],
)
def test_failures_are_classified(error: BaseException, outcome: str, name: str) -> None:
    operations, recorded = make()
    done = asyncio.run(operations.perform("w", "k", client=0, call=raises(error)))
    assert (done.outcome, done.error, done.done_ns) == (outcome, name, -1)
    assert recorded == [done]


def test_a_bug_of_the_call_is_recorded_and_goes_on() -> None:
    operations, recorded = make()
    with pytest.raises(KeyError):
        asyncio.run(operations.perform("w", "k", client=0, call=raises(KeyError("no"))))
    assert [(op.outcome, op.error) for op in recorded] == [("unknown", "KeyError")]


def test_a_cancelled_operation_is_unknown() -> None:
    operations, recorded = make()

    async def scenario() -> None:
        begun = asyncio.Event()

        async def never() -> Answer:
            begun.set()
            await asyncio.Event().wait()
            return ("ok", None)

        task = asyncio.create_task(operations.perform("w", "k", client=0, call=never))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert [(op.outcome, op.error) for op in recorded] == [("unknown", "CancelledError")]


def test_all_runs_as_many_at_once_as_there_are_clients() -> None:
    operations, recorded = make()
    running, most = 0, 0

    async def call(client: int) -> Answer:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return ("ok", client)

    done = asyncio.run(operations.all([Planned("w", str(i), call, argument=i) for i in range(20)], clients=4))
    assert [op.key for op in done] == [str(i) for i in range(20)]
    assert most == 4
    assert {op.client for op in done} == {0, 1, 2, 3}
    assert all(op.result == op.client for op in done)
    assert len(recorded) == 20


def test_all_stops_at_the_first_bug() -> None:
    operations, recorded = make()

    async def broken(_: int) -> Answer:
        raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        asyncio.run(operations.all([Planned("w", "k", broken) for _ in range(50)], clients=2))
    assert len(recorded) < 50
