"""Both loops over the lanes of any driver, in this process, and what came of it in words."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hinterland.load import arrivals, pacing
from hinterland.load.agenda import Agenda
from hinterland.load.failures import words_of
from hinterland.load.lanes import lanes
from hinterland.load.loop import FOREVER_NS
from hinterland.load.loops import ClosedLoop, OpenLoop
from hinterland.load.message import Request
from hinterland.load.outgoing import Constant, Outgoing, Requests
from hinterland.load.pool import Pool
from hinterland.load.recorder import Recorder
from hinterland.model.history import LoadSample
from hinterland.model.load import LoadPlan, Target

DUE = 40


@dataclass(frozen=True)
class Load:
    """errors: operations by the words of their error, `` for those that were answered; statuses likewise."""

    errors: dict[str, int]
    statuses: dict[int, int]
    sample: LoadSample
    pool: Pool


def plan_for(port: int, protocol: str = "http1", **changes: Any) -> LoadPlan:
    """Returns a plan against a port of this machine; `host` and `tls` are the target's."""
    target = Target(
        url="",
        protocol=protocol,  # type: ignore[arg-type]
        host=changes.pop("host", "127.0.0.1"),
        address=changes.pop("address", ""),
        port=port,
        tls=changes.pop("tls", False),
    )
    return LoadPlan(target=target, **{"connections": 4, "timeout_s": 0.2, **changes})


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


async def closed(plan: LoadPlan, outgoing: Outgoing | None = None, *, count: int = DUE) -> Load:
    """Returns what came of so many operations in a closed loop."""
    requests = Constant(outgoing or request(plan.target.port))
    recorder = Recorder(count)
    loop = ClosedLoop(recorder, requests, count=count)
    loop.pool = pool = _pool(plan, loop, requests)
    try:
        await pool.open_all()
        pool.watch_timeouts(recorder.sent)
        start_ns = time.monotonic_ns()
        loop.start(start_ns + FOREVER_NS)
        await loop.finished
    finally:
        await pool.close()
    return _load(recorder, loop.next, start_ns, "closed", pool)


async def opened(plan: LoadPlan, outgoing: Outgoing | None = None, *, count: int = DUE) -> Load:
    """Returns what came of so many operations due every millisecond."""
    requests = Constant(outgoing or request(plan.target.port))
    recorder = Recorder(count)
    schedule = arrivals.constant(1000, count / 1000)
    loop = OpenLoop(recorder, requests, Agenda(iter([schedule])))
    loop.pool = pool = _pool(plan, loop, requests)
    pacer = pacing.pacer(pacing.choose(), loop.look)
    try:
        await pool.open_all()
        pool.watch_timeouts(recorder.sent)
        start_ns = time.monotonic_ns() + 2_000_000
        loop.start(start_ns)
        pacer.start()
        await loop.finished
    finally:
        pacer.stop()
        await pool.close()
    return _load(recorder, loop.next, start_ns, "open", pool)


def _pool(plan: LoadPlan, loop: Any, requests: Requests) -> Pool:
    made = lanes(plan, plan.connections, listener=loop, requests=requests)
    return Pool(made, timeout_s=plan.timeout_s, listener=loop, lanes_each=len(made) // plan.connections)


def _load(recorder: Recorder, count: int, start_ns: int, loop: Any, pool: Pool) -> Load:
    assert not any(lane.alive for lane in pool.lanes), "a lane is still open after the load"
    sample = recorder.sample(count, start_ns=start_ns, end_ns=time.monotonic_ns(), loop=loop, detail={})
    errors = Counter(words_of(code) for code in sample.error.tolist())
    statuses = Counter(sample.status[sample.error == 0].tolist())
    assert sum(errors.values()) == count
    assert 0 not in statuses, "answered without a status"
    return Load(dict(errors), dict(statuses), sample, pool)


async def no_tasks_left() -> bool:
    """Returns whether nothing but the caller is still under way in the loop."""
    await asyncio.sleep(0)
    return len(asyncio.all_tasks()) == 1
