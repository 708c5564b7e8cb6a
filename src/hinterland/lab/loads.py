"""Drives an HTTP/1.1 server with one request over many connections and times every operation.

No task, coroutine or future is made for a request: answers arrive as callbacks, times go into arrays.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np

from hinterland.clients.dial import SocketMaker
from hinterland.clients.message import Request
from hinterland.errors import UsageError
from hinterland.load.drivers.http1.connection import Connection, Remembered
from hinterland.load.engine import arrivals, pacing
from hinterland.load.engine.agenda import Agenda
from hinterland.load.engine.arrivals import Schedule
from hinterland.load.engine.loop import FOREVER_NS, Loop
from hinterland.load.engine.loops import ClosedLoop, OpenLoop
from hinterland.load.engine.outgoing import Constant, Outgoing
from hinterland.load.engine.pacing import Pacing
from hinterland.load.engine.pool import Pool
from hinterland.load.engine.recorder import Recorder
from hinterland.load.engine.watch import Watch
from hinterland.model.history import LoadSample

__all__ = ["Request", "closed_loop", "open_loop"]

# Room for the rate that one core reaches; more is made when it is used up.
EXPECTED_RATE_PER_S = 200_000
# Between deciding the intended times and the first of them.
LEAD_NS = 2_000_000


async def closed_loop(
    host: str,
    port: int,
    request: Request,
    *,
    connections: int,
    duration_s: float | None = None,
    count: int | None = None,
    timeout_s: float = 10.0,
    drain_s: float | None = None,
    new_socket: SocketMaker | None = None,
) -> LoadSample:
    """Returns the operations of a loop in which each connection waits for its answer before it asks again.

    It offers load for `duration_s` or until `count` operations were sent, whichever comes first; then it
    waits at most `drain_s` (default: `timeout_s`) for the answers under way. An operation without an answer
    after `timeout_s` counts as `timeout`, and its connection is opened again. `new_socket` makes the sockets
    (`link.client.socket`: the load comes from that host of a link).
    """
    _check(connections, timeout_s, drain_s)
    if duration_s is None and count is None:
        raise UsageError("a closed loop needs an end.", "Give duration_s or count.")
    if (duration_s is not None and duration_s <= 0) or (count is not None and count <= 0):
        raise UsageError(f"duration_s={duration_s}, count={count} must be above 0.", "Give duration_s=2.")
    recorder = Recorder(round(EXPECTED_RATE_PER_S * (duration_s or 1)) if count is None else count)
    requests = _constant(request, host, port)
    loop = ClosedLoop(recorder, requests, count=count)
    loop.pool = pool = Pool(
        _connections(connections, (host, port), loop, requests, new_socket),
        timeout_s=timeout_s,
        listener=loop,
    )
    try:
        await pool.open_all()
        with Watch() as watch:
            pool.watch_timeouts(recorder.sent)
            start_ns = time.monotonic_ns()
            end_ns = start_ns + (FOREVER_NS if duration_s is None else round(duration_s * 1e9))
            loop.start(end_ns)
            patience_s = timeout_s if drain_s is None else drain_s
            await _finish(loop.finished, None if duration_s is None else end_ns, patience_s)
        loop.name_under_way()
    finally:
        await pool.close()
    return recorder.sample(
        loop.next,
        start_ns=start_ns,
        end_ns=min(end_ns, time.monotonic_ns()),
        loop="closed",
        detail={**_detail(pool), **watch.detail},
    )


async def open_loop(
    host: str,
    port: int,
    request: Request,
    *,
    schedule: Schedule,
    connections: int,
    timeout_s: float = 10.0,
    drain_s: float | None = None,
    pace: Pacing | None = None,
    new_socket: SocketMaker | None = None,
) -> LoadSample:
    """Returns the operations of a loop that sends on its schedule (`arrivals`), answered or not.

    An operation that is due while all connections are busy waits for one; its response time still counts from
    its intended moment. After the last is due the loop waits at most `drain_s` (default: `timeout_s`).
    `pace` is chosen by what this machine has (`pacing.choose`). `detail` says how late the generator itself
    was: `lateness_p50_us`, `lateness_p99_us`, `lateness_max_us`; and `waited`: how many operations found no
    free connection. `new_socket` makes the sockets (`link.client.socket`: the load comes from that host of a
    link).
    """
    _check(connections, timeout_s, drain_s)
    offsets = arrivals.check(schedule)
    recorder = Recorder(len(offsets))
    requests = _constant(request, host, port)
    loop = OpenLoop(recorder, requests, Agenda(iter([offsets])))
    loop.pool = pool = Pool(
        _connections(connections, (host, port), loop, requests, new_socket),
        timeout_s=timeout_s,
        listener=loop,
    )
    kind = pace or pacing.choose()
    pacer = pacing.pacer(kind, loop.look)
    try:
        await pool.open_all()
        with Watch() as watch:
            pool.watch_timeouts(recorder.sent)
            start_ns = time.monotonic_ns() + LEAD_NS
            loop.start(start_ns)
            end_ns = start_ns + int(offsets[-1])
            pacer.start()
            await _finish(loop.finished, end_ns, timeout_s if drain_s is None else drain_s)
        loop.name_under_way()
    finally:
        pacer.stop()
        await pool.close()
    loop.abandon()
    return recorder.sample(
        loop.next,
        start_ns=start_ns,
        end_ns=end_ns,
        loop="open",
        detail={"pacing": kind, **_lateness(loop), **_detail(pool), **watch.detail},
    )


def _constant(request: Request, host: str, port: int) -> Constant:
    return Constant(Outgoing(request.encode(host, port), method=request.method, path=request.path))


def _connections(
    count: int,
    address: tuple[str, int],
    loop: Loop,
    requests: Constant,
    new_socket: SocketMaker | None,
) -> list[Connection]:
    remembered = Remembered()
    return [
        Connection(
            number, address, listener=loop, requests=requests, remembered=remembered, new_socket=new_socket
        )
        for number in range(count)
    ]


async def _finish(finished: asyncio.Future[None], end_ns: int | None, drain_s: float) -> None:
    """Waits until all is finished, but no longer than `drain_s` after the end of the load."""
    if end_ns is None:
        await finished
        return
    await asyncio.wait({finished}, timeout=(end_ns - time.monotonic_ns()) / 1e9 + drain_s)


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


def _check(connections: int, timeout_s: float, drain_s: float | None) -> None:
    if connections < 1:
        raise UsageError(f"connections={connections} must be at least 1.", "Give a number such as 64.")
    if timeout_s <= 0 or (drain_s is not None and drain_s < 0):
        raise UsageError(f"timeout_s={timeout_s}, drain_s={drain_s} must be above 0.", "Give timeout_s=10.")
