"""Lanes driven by the real loops against real servers, and what became of their operations, in words."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hinterland.load.failures import words_of
from hinterland.load.lanes import lanes
from hinterland.load.listening import Listening
from hinterland.load.loop import FOREVER_NS, Loop
from hinterland.load.loops import ClosedLoop
from hinterland.load.message import Response
from hinterland.load.outgoing import Outgoing
from hinterland.load.pool import Pool
from hinterland.load.recorder import Columns, Recorder, ended
from hinterland.model.load import LoadPlan, Protocol, Target

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


def outcomes(columns: Columns, chosen: np.typing.NDArray[np.bool_] | None = None) -> Counter[str]:
    errors = columns.error if chosen is None else columns.error[chosen]
    return Counter(words_of(int(error)) or "ok" for error in errors)


def target(protocol: Protocol, port: int, **more: object) -> Target:
    return Target(url="", protocol=protocol, host="127.0.0.1", port=port, **more)  # type: ignore[arg-type]


async def looked_until(holds: Callable[[], bool]) -> None:
    """Looks again and again until `holds`; the caller limits the time."""
    while not holds():  # noqa: ASYNC110  # What is waited for tells nobody.
        await asyncio.sleep(0.002)


async def drive(
    plan: LoadPlan, requests: InTurn, *, count: int, connections: int = 4, timeout_s: float = 5.0
) -> Driven:
    """Returns what became of `count` operations of a closed loop. It never takes longer than 20 s."""
    recorder = Recorder(count)
    loop = ClosedLoop(recorder, requests, count=count)
    pool = _pool(plan, loop, requests, connections, timeout_s)
    start_ns = time.monotonic_ns()
    try:
        async with asyncio.timeout(20):
            await pool.open_all()
            pool.watch_timeouts(recorder.sent)
            loop.start(start_ns + FOREVER_NS // 2)
            await loop.finished
    finally:
        await pool.close()
    return _driven(loop, pool, start_ns)


async def subscribe(
    plan: LoadPlan, requests: InTurn, *, connections: int, until: Callable[[Loop], bool]
) -> Driven:
    """Returns what subscribers received `until` enough came."""
    loop = Listening(Recorder(100), requests)
    pool = _pool(plan, loop, requests, connections, 5.0)
    start_ns = time.monotonic_ns()
    # A test may have made its events before.
    loop.start(0, FOREVER_NS)
    try:
        async with asyncio.timeout(20):
            await pool.open_all()
            await looked_until(lambda: until(loop))
    finally:
        loop.stop()
        await pool.close()
    return _driven(loop, pool, start_ns)


def _pool(plan: LoadPlan, loop: Loop, requests: InTurn, connections: int, timeout_s: float) -> Pool:
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


def bodies(seen: list[bytes]) -> Judge:
    """Returns a judge that finds nothing wrong and notes the bodies."""

    def judge(outgoing: Outgoing, response: Response) -> str:
        seen.append(response.body)
        return ""

    return judge


def wires(*payloads: bytes | Sequence[object], reads: bool = False) -> InTurn:
    return InTurn(*(Outgoing(bytes(payload), reads=reads) for payload in payloads))  # type: ignore[arg-type]
