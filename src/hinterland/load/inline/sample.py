"""Drives a plan in this process and returns every operation: what a trial needs of a load.

No task, coroutine or future is made for a request: answers arrive as callbacks, times go into arrays.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
from msgspec.structs import replace

from hinterland.clients.dial import SocketMaker
from hinterland.clients.sources import addresses, socket_maker
from hinterland.errors import UsageError
from hinterland.load.engine import arrivals, pacing
from hinterland.load.engine.agenda import Agenda
from hinterland.load.engine.arrivals import Schedule
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.loop import FOREVER_NS, Loop
from hinterland.load.engine.loops import ClosedLoop, OpenLoop
from hinterland.load.engine.pool import Pool
from hinterland.load.engine.recorder import ERRORS, Recorder
from hinterland.load.engine.watch import Watch
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.worker.equipment import lanes_of, requests_of
from hinterland.model.history import LoadSample

# Room for the rate that one core reaches; more is made when it is used up.
EXPECTED_RATE_PER_S = 200_000
# Between deciding the intended times and the first of them.
LEAD_NS = 2_000_000


async def sampled(
    plan: LoadPlan,
    *,
    schedule: Schedule | None = None,
    drain_s: float | None = None,
    new_socket: SocketMaker | None = None,
) -> LoadSample:
    """Returns the operations of a load, in order of the moments at which they were due.

    A closed loop ends after `plan.duration_s` or `plan.count` operations, whichever comes first; an open one
    sends on its schedule, `schedule` if there is one (`arrivals`), answered or not. Then it waits at most
    `drain_s` (default: the timeout) for the answers under way. An operation without an answer after the
    timeout counts as `timeout`, and its connection is opened again. `detail` says how late the generator
    itself was: `lateness_p50_us`, `lateness_p99_us`, `lateness_max_us`; and `waited`: how many operations
    found no free connection. `new_socket` makes the sockets (`link.client.socket`: the load comes from that
    host of a link). Raises UsageError for a plan that listens: an audience does that.
    """
    if plan.subscribe:
        raise UsageError("a load of a trial asks and is answered; this one listens.", "Use Audiences for it.")
    if drain_s is None:
        drain_s = plan.timeout_s if plan.drain_s is None else plan.drain_s
    if new_socket is None:
        new_socket = socket_maker(addresses(plan.target.host, plan.connections, plan.sources))
    if plan.model == "closed":
        return await _closed(plan, drain_s, new_socket)
    return await _open(plan, _schedule(plan) if schedule is None else schedule, drain_s, new_socket)


async def _closed(plan: LoadPlan, drain_s: float, new_socket: SocketMaker | None) -> LoadSample:
    expected = plan.count or round(EXPECTED_RATE_PER_S * min(plan.duration_s, 10.0))
    recorder, requests = Recorder(expected), requests_of(plan)
    loop = ClosedLoop(recorder, requests, count=plan.count)
    pool = _pool(plan, loop, requests, new_socket)
    try:
        await pool.open_all()
        with Watch() as watch:
            pool.watch_timeouts(recorder.sent)
            start_ns = time.monotonic_ns()
            end_ns = start_ns + min(FOREVER_NS, round(plan.duration_s * 1e9))
            loop.start(end_ns)
            await _finish(loop.finished, end_ns, drain_s)
        loop.name_under_way()
    finally:
        await pool.close()
    sample = recorder.sample(
        loop.next,
        start_ns=start_ns,
        end_ns=min(end_ns, time.monotonic_ns()),
        loop="closed",
        detail={**_detail(pool), **watch.detail},
    )
    return _in_words(sample)


async def _open(
    plan: LoadPlan, schedule: Schedule, drain_s: float, new_socket: SocketMaker | None
) -> LoadSample:
    offsets = arrivals.check(schedule)
    recorder, requests = Recorder(len(offsets)), requests_of(plan)
    loop = OpenLoop(recorder, requests, Agenda(iter([offsets])))
    pool = _pool(plan, loop, requests, new_socket)
    kind = plan.scheduler or pacing.choose()
    pacer = pacing.pacer(kind, loop.look)
    try:
        await pool.open_all()
        with Watch() as watch:
            pool.watch_timeouts(recorder.sent)
            start_ns = time.monotonic_ns() + LEAD_NS
            loop.start(start_ns)
            end_ns = start_ns + int(offsets[-1])
            pacer.start()
            await _finish(loop.finished, end_ns, drain_s)
        loop.name_under_way()
    finally:
        pacer.stop()
        await pool.close()
    loop.abandon()
    sample = recorder.sample(
        loop.next,
        start_ns=start_ns,
        end_ns=end_ns,
        loop="open",
        detail={"pacing": kind, **_lateness(loop), **_detail(pool), **watch.detail},
    )
    return _in_words(sample)


def _schedule(plan: LoadPlan) -> Schedule:
    pieces = arrivals.chunks(
        plan.arrivals, plan.duration_s, warm_up_s=plan.warm_up_s, seed=plan.seed, count=plan.count
    )
    return np.concatenate(list(pieces))


def _pool(plan: LoadPlan, loop: Loop, requests: Any, new_socket: SocketMaker | None) -> Pool:
    made = lanes_of(plan)(plan, plan.connections, listener=loop, requests=requests, new_socket=new_socket)
    loop.pool = Pool(made, timeout_s=plan.timeout_s, listener=loop)
    return loop.pool


async def _finish(finished: asyncio.Future[None], end_ns: int, drain_s: float) -> None:
    """Waits until all is finished, but no longer than `drain_s` after the end of the load."""
    await asyncio.wait({finished}, timeout=(end_ns - time.monotonic_ns()) / 1e9 + drain_s)


def _in_words(sample: LoadSample) -> LoadSample:
    """Returns the sample with words for what a driver said of its own failures."""
    codes = max(len(ERRORS), int(sample.error.max(initial=0)) + 1)
    return replace(sample, errors=tuple(words_of(code) for code in range(codes)))


def _lateness(loop: OpenLoop) -> dict[str, Any]:
    late_us = np.frombuffer(loop.agenda.late, np.int64, loop.agenda.noticed) / 1e3
    if not len(late_us):
        return {"waited": loop.waited}
    p50, p99 = np.percentile(late_us, (50, 99))
    return {
        "lateness_p50_us": float(p50),
        "lateness_p99_us": float(p99),
        "lateness_max_us": float(late_us.max()),
        "waited": loop.waited,
    }


def _detail(pool: Pool) -> dict[str, Any]:
    return {
        "connections": len(pool.lanes),
        "opened_again": pool.opened_again,
        "open_failures": pool.open_failures,
        "surplus_answers": pool.surplus_answers,
    }
