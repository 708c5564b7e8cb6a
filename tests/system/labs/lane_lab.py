"""Lanes of any driver under the real loops, in this process, and what came of their operations in words."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from hinterland.clients.message import Request, Response
from hinterland.load.drivers.registry import lanes
from hinterland.load.drivers.transport.answer_room import ROOM
from hinterland.load.engine import arrivals, pacing
from hinterland.load.engine.agenda import Agenda
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.listening import Listening
from hinterland.load.engine.loop import FOREVER_NS, Loop
from hinterland.load.engine.loops import ClosedLoop, OpenLoop
from hinterland.load.engine.outgoing import Constant, Outgoing, Requests
from hinterland.load.engine.pool import Pool
from hinterland.load.engine.recorder import Columns, Recorder, ended
from hinterland.load.plan.plan import LoadPlan, Protocol, Target
from hinterland.model.history import UNFINISHED, LoadSample

DUE = 40
PATIENT_S = 30.0
"""Longer than any pause of a busy machine: a timeout is what a test asks for, never what happens to it."""
Judge = Callable[[Outgoing, Response], str]


class InTurn:
    """Visits that take one of several requests each, in turn; `judge` says what is wrong with an answer."""

    def __init__(self, *outgoings: Outgoing, judge: Judge = lambda outgoing, response: "") -> None:
        self.kinds = tuple(str(place) for place in range(len(outgoings)))
        self.any_status = (False,) * len(outgoings)
        self.constant = outgoings[0] if len(outgoings) == 1 else None
        self._outgoings = outgoings
        self._judge = judge
        for place, outgoing in enumerate(outgoings):
            outgoing.kind = place

    def begin(self, visit: int) -> Outgoing:
        return self._outgoings[visit % len(self._outgoings)]

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        return self._judge(outgoing, response)

    def then(self, outgoing: Outgoing) -> Outgoing | None:
        return None


class Driven(NamedTuple):
    """What a load came to. outcomes: how many operations ended how, `ok` or the words of their error."""

    outcomes: Counter[str]
    columns: Columns
    open_errors: Counter[str]
    opened_again: int
    surplus: int
    lasted_s: float

    def outcomes_of(self, kind: int) -> Counter[str]:
        return outcomes(self.columns, self.columns.kind == kind)


@dataclass(frozen=True)
class Load:
    """What a load of HTTP came to.

    errors: operations by the words of their error, `` for those that were answered; statuses likewise.
    """

    errors: dict[str, int]
    statuses: dict[int, int]
    sample: LoadSample
    pool: Pool


def outcomes(columns: Columns, chosen: np.typing.NDArray[np.bool_] | None = None) -> Counter[str]:
    errors = columns.error if chosen is None else columns.error[chosen]
    return Counter(words_of(int(error)) or "ok" for error in errors)


# What is asked for.


def target(protocol: Protocol, port: int, **more: object) -> Target:
    return Target(**{"url": "", "protocol": protocol, "host": "127.0.0.1", "port": port, **more})  # type: ignore[arg-type]


def plan_for(port: int, protocol: Protocol = "http1", **changes: Any) -> LoadPlan:
    """Returns a plan against a port of this machine; `host`, `address` and `tls` are the target's."""
    places = {name: changes.pop(name) for name in ("host", "address", "tls") if name in changes}
    return LoadPlan(
        target=target(protocol, port, **places), **{"connections": 4, "timeout_s": PATIENT_S, **changes}
    )


def request(port: int, method: str = "GET", *, reads: bool = False, **parts: Any) -> Outgoing:
    """Returns a request for any HTTP."""
    made = Request(method, **parts)
    return Outgoing(
        made.encode("127.0.0.1", port),
        method=method,
        path=made.path,
        headers=tuple(made.headers),
        body=made.body,
        reads=reads,
    )


def wires(*payloads: bytes | Sequence[object], reads: bool = False) -> InTurn:
    return InTurn(*(Outgoing(bytes(payload), reads=reads) for payload in payloads))  # type: ignore[arg-type]


def bodies(seen: list[bytes]) -> Judge:
    """Returns a judge that finds nothing wrong and notes the bodies."""

    def judge(outgoing: Outgoing, response: Response) -> str:
        seen.append(response.body)
        return ""

    return judge


# Loops.


async def drive(
    plan: LoadPlan, requests: InTurn, *, count: int, connections: int = 4, timeout_s: float = PATIENT_S
) -> Driven:
    """Returns what became of `count` operations of a closed loop. It never takes longer than `PATIENT_S`."""
    loop = ClosedLoop(Recorder(count), requests, count=count)
    pool = _pool(plan, loop, requests, connections, timeout_s)
    return _driven(loop, pool, await _closed(loop, pool))


async def closed(plan: LoadPlan, outgoing: Outgoing | None = None, *, count: int = DUE) -> Load:
    """Returns what came of so many operations in a closed loop. It never takes longer than `PATIENT_S`."""
    requests = Constant(outgoing or request(plan.target.port))
    loop = ClosedLoop(Recorder(count), requests, count=count)
    pool = _pool(plan, loop, requests, plan.connections, plan.timeout_s)
    return _load(loop, count, await _closed(loop, pool), "closed")


async def opened(plan: LoadPlan, outgoing: Outgoing | None = None, *, count: int = DUE) -> Load:
    """Returns what came of so many operations due every millisecond."""
    requests = Constant(outgoing or request(plan.target.port))
    schedule = arrivals.constant(1000, count / 1000)
    loop = OpenLoop(Recorder(count), requests, Agenda(iter([schedule])))
    pool = _pool(plan, loop, requests, plan.connections, plan.timeout_s)
    pacer = pacing.pacer(pacing.choose(), loop.look)
    try:
        await pool.open_all()
        pool.watch_timeouts(loop.recorder.sent)
        start_ns = time.monotonic_ns() + 2_000_000
        loop.start(start_ns)
        pacer.start()
        await loop.finished
    finally:
        pacer.stop()
        await pool.close()
    return _load(loop, count, start_ns, "open")


async def subscribe(
    plan: LoadPlan, requests: InTurn, *, connections: int, until: Callable[[Loop], bool]
) -> Driven:
    """Returns what subscribers received `until` enough came."""
    loop = Listening(Recorder(100), requests)
    pool = _pool(plan, loop, requests, connections, PATIENT_S)
    start_ns = time.monotonic_ns()
    # A test may have made its events before, and some may come while others still join: all of them count.
    loop.pool = Pool([], timeout_s=PATIENT_S, listener=loop)
    loop.start(0, FOREVER_NS)
    loop.pool = pool
    try:
        async with asyncio.timeout(PATIENT_S):
            await pool.open_all()
            # Only now is it known who was refused, and has to join again.
            loop.start(0, FOREVER_NS)
            await looked_until(lambda: until(loop))
    finally:
        loop.stop()
        await pool.close()
    return _driven(loop, pool, start_ns)


async def looked_until(holds: Callable[[], bool]) -> None:
    """Looks again and again until `holds`; the caller limits the time."""
    while not holds():  # noqa: ASYNC110  # What is waited for tells nobody.
        await asyncio.sleep(0.002)


async def no_tasks_left() -> bool:
    """Returns whether nothing but the caller is still under way in the loop."""
    await asyncio.sleep(0)
    return len(asyncio.all_tasks()) == 1


async def _closed(loop: ClosedLoop, pool: Pool) -> int:
    """Drives a closed loop to its end; returns when it began."""
    start_ns = time.monotonic_ns()
    try:
        async with asyncio.timeout(PATIENT_S):
            await pool.open_all()
            pool.watch_timeouts(loop.recorder.sent)
            start_ns = time.monotonic_ns()
            loop.start(start_ns + FOREVER_NS // 2)
            await loop.finished
    finally:
        await pool.close()
    return start_ns


def _pool(plan: LoadPlan, loop: Loop, requests: Requests, connections: int, timeout_s: float) -> Pool:
    made = lanes(plan, connections, listener=loop, requests=requests)
    loop.pool = pool = Pool(made, timeout_s=timeout_s, listener=loop)
    return pool


def _driven(loop: Loop, pool: Pool, start_ns: int) -> Driven:
    columns = ended(loop.recorder.columns(loop.next))
    return Driven(
        outcomes(columns),
        columns,
        Counter({words_of(code): count for code, count in pool.open_errors.items()}),
        pool.opened_again,
        pool.surplus_answers,
        (time.monotonic_ns() - start_ns) / 1e9,
    )


def _load(loop: Loop, count: int, start_ns: int, kind: Literal["open", "closed"]) -> Load:
    assert not any(lane.alive for lane in loop.pool.lanes), "a lane is still open after the load"
    assert ROOM.taken == 0, "room is kept for answers that have ended"
    sample = loop.recorder.sample(count, start_ns=start_ns, end_ns=time.monotonic_ns(), loop=kind, detail={})
    errors = Counter(words_of(code) for code in sample.error.tolist())
    statuses = Counter(sample.status[sample.error == 0].tolist())
    assert sum(errors.values()) == count
    assert 0 not in statuses, "answered without a status"
    without_answer = (sample.error != 0) & (sample.status == 0)
    assert (sample.done_ns[without_answer] == UNFINISHED).all(), "done without an answer"
    return Load(dict(errors), dict(statuses), sample, loop.pool)
