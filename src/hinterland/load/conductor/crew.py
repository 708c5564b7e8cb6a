"""The processes of a generator: how many, started, told when to begin, and heard until the last has ended."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from hinterland.clients import sources
from hinterland.errors import HinterlandError, InternalError, SetupError, unpacked
from hinterland.load.engine import pacing
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.worker import messages as frames
from hinterland.load.worker.fold import Part
from hinterland.load.worker.messages import (
    Broken,
    Counted,
    Frames,
    FromWorker,
    Go,
    Job,
    Ready,
    Stop,
    ToWorker,
)
from hinterland.model.secrecy import hidden
from hinterland.rig.link.host import Host
from hinterland.rig.processes.spawn import Place, launch_async, start_async

# What one process drives with room to spare, on a core of 2020; slower protocols spend more on each request.
CHAINED_RATE_PER_S = 20_000
FEWEST_CONNECTIONS = 8
"""A closed loop with fewer connections than that in each process would be spread too thin."""
OTHER_FILES = 200
HIGHER_LIMIT = "Raise the limit: `ulimit -Hn 65536` as root, or `nofile` in /etc/security/limits.conf."
# Between telling the processes when to start and the start.
LEAD_S = 0.05
LAST_WORDS_BYTES = 4000


class Share(Struct, frozen=True):
    """How a load is divided: connections of each process, how they wait, where connections come from."""

    connections: tuple[int, ...]
    scheduler: str
    addresses: tuple[str, ...]


def share(plan: LoadPlan, idle_cores: float = math.inf) -> Share:
    """Returns how the load is divided over processes.

    As many as its connections need files and its rate needs cores, unless the plan names a number.
    `idle_cores`: how many nobody else uses just now. Raises SetupError where a process would need more files
    than it may open.
    """
    files = _file_limit() - OTHER_FILES
    if files < 1:
        raise SetupError(
            f"A process of the generator needs more than {OTHER_FILES} open files; "
            f"this machine allows {files + OTHER_FILES:,}.",
            HIGHER_LIMIT,
        )
    needed = max(1, math.ceil(plan.connections / files))
    count = plan.processes or max(needed, min(_wanted(plan), pacing.cores() - 1, plan.connections))
    count = min(max(1, count), plan.connections)
    if math.ceil(plan.connections / count) > files:
        raise SetupError(
            f"{plan.connections:,} connections in {count} process{'es' if count > 1 else ''} need "
            f"{math.ceil(plan.connections / count) + OTHER_FILES:,} open files in each; "
            f"this machine allows {files + OTHER_FILES:,}.",
            f"Ask for --processes {needed}. Or: {HIGHER_LIMIT}",
        )
    least, more = divmod(plan.connections, count)
    host = plan.target.dialled[0]
    no_ports = plan.target.protocol == "udp" or bool(plan.target.unix_socket)
    return Share(
        tuple(least + (place < more) for place in range(count)),
        plan.scheduler or pacing.choose(count, idle_cores),
        () if no_ports else sources.addresses(host, plan.connections, plan.sources),
    )


def _wanted(plan: LoadPlan) -> int:
    """Returns how many processes the rate needs; a closed loop takes half of the cores."""
    if plan.subscribe or plan.scenario:
        return 1
    if plan.model == "closed":
        return max(1, min(pacing.cores() // 2, plan.connections // FEWEST_CONNECTIONS))
    arrivals = plan.arrivals
    highest = max(arrivals.rate_per_s, arrivals.to_per_s, *(rate for rate, _ in arrivals.steps), 0.0)
    if arrivals.shape == "trace":
        highest = 0.0
    a_process = plan.target.traits.rate_per_s
    if len(plan.mix) > 1 or any(len(visit.requests) > 1 for visit in plan.mix):
        a_process = min(a_process, CHAINED_RATE_PER_S)
    return math.ceil(highest / a_process)


def _file_limit() -> int:
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if highest == resource.RLIM_INFINITY else highest


class Crew:
    """The processes of one load. `async with` starts them, and ends whatever is left of them.

    `heard` is called with each part of the result and the number of its process. `through` is the host of a
    link that they live in.
    """

    def __init__(
        self,
        plan: LoadPlan,
        division: Share,
        operations: Path | None,
        heard: Callable[[Part, int], None],
        through: Host | None = None,
    ):
        self.kinds: tuple[str, ...] = ()
        self._jobs = [
            Job(
                plan,
                number,
                len(division.connections),
                connections,
                division.scheduler,
                division.addresses,
                "" if operations is None else str(operations / f"{number}.parquet"),
            )
            for number, connections in enumerate(division.connections)
        ]
        self._heard, self._through = heard, through
        self._members: list[_Member] = []

    async def __aenter__(self) -> Crew:
        try:
            for job in self._jobs:
                self._members.append(await _Member.start(job, self._heard, self._through))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def ready(self) -> None:
        """Returns when all have opened what they could. Raises what kept one of them from it."""
        for kinds in await asyncio.gather(*(asyncio.shield(member.ready) for member in self._members)):
            self.kinds = kinds

    def go(self) -> int:
        """Starts the load; returns the moment of it, in ns of CLOCK_MONOTONIC."""
        start_ns = time.monotonic_ns() + round(LEAD_S * 1e9)
        for member in self._members:
            member.say(Go(start_ns))
        return start_ns

    def stop(self) -> None:
        """Lets all of them end early."""
        for member in self._members:
            member.say(Stop())

    async def finished(self) -> None:
        """Returns when all have told the last they had. Raises what broke one of them.

        Whoever stops waiting may wait again.
        """
        await asyncio.gather(*(asyncio.shield(member.finished) for member in self._members))

    async def settled(self, within_s: float) -> None:
        """Returns when each of them has told the last it had, or broke, or `within_s` is over."""
        await asyncio.wait({member.finished for member in self._members}, timeout=within_s)

    async def _end(self) -> None:
        await asyncio.gather(*(member.end() for member in self._members))


def _handle_of(pid: int) -> int:
    """Returns a file descriptor that stands for a process, -1 where it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


class _Member:
    """One process, and what it says."""

    def __init__(
        self, job: Job, process: asyncio.subprocess.Process, heard: Callable[[Part, int], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[tuple[str, ...]] = loop.create_future()
        self.finished: asyncio.Future[None] = loop.create_future()
        self._job, self._process, self._heard = job, process, heard
        self._last_words = b""
        # A name that can't come to mean another process, and that leaves the waiting to asyncio.
        self._handle = _handle_of(process.pid)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._read_last_words())]

    @classmethod
    async def start(cls, job: Job, heard: Callable[[Part, int], None], through: Host | None) -> _Member:
        command = [sys.executable, "-m", "hinterland.load.worker"]
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        pipe = asyncio.subprocess.PIPE
        # Ctrl-C goes to the processes of a terminal's foreground group: not to these.
        options: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "start_new_session": True}
        if through is None or not through.namespaces.entries():
            process = await start_async(command, env=env, **options)
        else:
            place = Place(os.getcwd(), namespaces=through.namespaces, with_parent=False)
            process = await launch_async(command, place, env, **options)
        member = cls(job, process, heard)
        member.say(job)
        return member

    def say(self, frame: ToWorker) -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            with contextlib.suppress(ConnectionError):
                pipe.write(frames.encode(frame))

    async def end(self) -> None:
        """Kills the process if it still runs, and waits for it."""
        if self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = -1
        await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for future in (self.ready, self.finished):
            # Nobody may ask any more: what is in it is not lost, it was raised by another.
            if future.done() and not future.cancelled():
                future.exception()

    async def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        parser = Frames(FromWorker)
        while data := await stream.read(1 << 16):
            for frame in parser.feed(data):
                self._take(frame)
        if not self.finished.done():
            await self._process.wait()
            await self._tasks[1]
            self._fail(self._died())

    def _take(self, frame: FromWorker) -> None:
        match frame:
            case Ready(kinds):
                if not self.ready.done():
                    self.ready.set_result(kinds)
            case Counted(part, last):
                self._heard(part, self._job.number)
                if last and not self.finished.done():
                    self.finished.set_result(None)
            case Broken(error):
                self._fail(unpacked(error, "a process of the generator"))

    def _fail(self, error: HinterlandError) -> None:
        for future in (self.ready, self.finished):
            if not future.done():
                future.set_exception(error)

    def _died(self) -> InternalError:
        words = hidden(self._last_words.decode("utf-8", "replace").strip())
        return InternalError(
            f"process {self._job.number} of the generator ended by itself "
            f"(status {self._process.returncode}).{words and chr(10)}{words}",
            "Report this as a bug, unless something killed it (out of memory?).",
        )

    async def _read_last_words(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        while data := await stream.read(1 << 12):
            self._last_words = (self._last_words + data)[-LAST_WORDS_BYTES:]
