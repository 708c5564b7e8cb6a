"""`run_load`: carries a plan out and returns what it came to."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from hinterland.errors import HinterlandError, UsageError
from hinterland.load.conductor.consent import admitted
from hinterland.load.conductor.crew import Crew, share
from hinterland.load.conductor.idle_cores import idle_cores
from hinterland.load.conductor.server_cpu import ServerCpu
from hinterland.load.conductor.tally import Tally
from hinterland.load.judging.audit import judge
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.result.result import LoadResult
from hinterland.load.worker.fold import Part
from hinterland.rig.link.host import Host

WATCH_S = 0.25
# How long the processes may take to tell the rest once they were told to stop.
STOPPED_WITHIN_S = 5.0

Watch = Callable[[LoadResult], None]


async def run_load(
    plan: LoadPlan,
    *,
    watch: Watch | None = None,
    operations: Path | None = None,
    through: Host | None = None,
) -> LoadResult:
    """Returns the result of a load, judged.

    `watch` gets what there is by then about four times a second. `operations` is a folder, made where it is
    not there, that gets all operations as Parquet, one file a process. `through` is the host of a link from
    which the load comes; it goes to a host of the same link. A cancelled load returns what was
    measured until then, marked as partial, and so does one of whose processes one fails in the middle.
    Raises UsageError or SetupError where it can't be carried out as asked, InternalError where a process of
    the generator fails before anything was measured.
    """
    check(plan)
    plan = await admitted(plan, through=through)
    if operations is not None:
        _make(operations)
    return await _Run(plan, watch, through).result(operations)


def check(plan: LoadPlan) -> None:
    """Raises UsageError for numbers that no load can have."""
    rules = (
        ("connections", plan.connections, plan.connections >= 1, "at least 1"),
        ("multiplexed", plan.multiplexed, plan.multiplexed >= 1, "at least 1"),
        ("duration_s", plan.duration_s, plan.duration_s > 0, "above 0"),
        ("timeout_s", plan.timeout_s, plan.timeout_s > 0, "above 0"),
        ("warm_up_s", plan.warm_up_s, plan.warm_up_s >= 0, "at least 0"),
        ("drain_s", plan.drain_s, plan.drain_s is None or plan.drain_s >= 0, "at least 0"),
        ("count", plan.count, plan.count is None or plan.count >= 1, "at least 1"),
        ("processes", plan.processes, plan.processes >= 0, "at least 0 (0: as many as it needs)"),
        ("sources", plan.sources, plan.sources >= 1, "at least 1"),
    )
    for name, value, holds, rule in rules:
        if not holds:
            raise UsageError(f"{name}={value} must be {rule}.", "See: hinterland load --help")


class _Run:
    """One load under way."""

    def __init__(self, plan: LoadPlan, watch: Watch | None, through: Host | None) -> None:
        self._plan, self._watch, self._through = plan, watch, through
        self._tally = Tally()
        self._server: ServerCpu | None = None
        self._started = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._start_ns: int | None = None
        self._stopped_ns: int | None = None
        self._heard_ns: dict[int, int] = {}
        self._partial = self._failure = ""

    async def result(self, operations: Path | None) -> LoadResult:
        plan = self._plan
        paced = plan.model == "open" and not plan.subscribe and plan.scheduler is None
        try:
            division = share(plan, await idle_cores() if paced else math.inf)
            async with Crew(plan, division, operations, self._hear, self._through) as crew:
                await self._measure(crew)
        except asyncio.CancelledError:
            if self._partial:
                raise
            # Before all processes had started: there is nothing that they could tell.
            self._partial = "interrupted"
        result = self._so_far(over=True)
        busy = None if self._server is None else self._server.busiest_share()
        return structs.replace(
            result,
            generator=judge(result, server_cpu_share=busy),
            first_exception=result.first_exception or self._failure,
        )

    async def _measure(self, crew: Crew) -> None:
        try:
            await crew.ready()
            self._tally.name(crew.kinds)
            self._server = _server_cpu(self._plan)
            self._started = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._start_ns = crew.go()
            await self._watched(crew)
        except asyncio.CancelledError:
            self._partial = "interrupted"
            await self._wind_up(crew)
        except HinterlandError as failure:
            await self._wind_up(crew)
            if not self._tally.operations:
                raise
            self._partial, self._failure = _one_line(failure.says), failure.says

    def _hear(self, part: Part, process: int) -> None:
        self._tally.add(part, process)
        self._heard_ns[process] = time.monotonic_ns()

    async def _watched(self, crew: Crew) -> None:
        finished = asyncio.ensure_future(crew.finished())
        try:
            while not (await asyncio.wait({finished}, timeout=WATCH_S))[0]:
                if self._watch is not None and time.monotonic_ns() > (self._start_ns or 0):
                    self._watch(self._so_far(over=False))
            finished.result()
        finally:
            finished.cancel()

    async def _wind_up(self, crew: Crew) -> None:
        """Lets the processes tell what they have."""
        self._stopped_ns = time.monotonic_ns()
        if self._start_ns is None:
            return
        crew.stop()
        await crew.settled(STOPPED_WITHIN_S)

    def _so_far(self, *, over: bool) -> LoadResult:
        plan = self._plan
        window_s = plan.duration_s
        # What is counted while it runs is what had been told by then, by the one that told last.
        until_ns = self._stopped_ns if over else min(self._heard_ns.values(), default=self._start_ns)
        if until_ns is not None:
            gone_s = 0.0
            if self._start_ns is not None:
                gone_s = (until_ns - self._start_ns) / 1e9 - plan.warm_up_s
            window_s = min(window_s, max(0.0, gone_s))
        return self._tally.result(
            plan, started=self._started, window_s=window_s, partial=self._partial, over=over
        )


def _one_line(says: str) -> str:
    """Returns a message without the traceback between its first line and its last."""
    first, *more = says.strip().splitlines()
    return f"{first.rstrip(':')}: {more[-1].strip()}" if more else first


def _server_cpu(plan: LoadPlan) -> ServerCpu | None:
    """Returns what watches the server of a closed loop, which may be the limit as well as the generator; None
    for one on another machine.
    """
    with contextlib.suppress(ValueError):
        if plan.model == "closed" and ipaddress.ip_address(plan.target.address).is_loopback:
            return ServerCpu(plan.target.dialled[1])
    return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: the operations can't be written there: {error.strerror}.",
            "Name a folder that is yours.",
        ) from None
