"""One process's share of a load: its lanes, its loop, and what it tells of both twice a second."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from msgspec import structs

from hinterland.clients.sources import socket_maker
from hinterland.errors import UsageError
from hinterland.load.engine import arrivals, pacing
from hinterland.load.engine.agenda import AHEAD_NS, Agenda
from hinterland.load.engine.failures import notes, reasons, words_of
from hinterland.load.engine.listening import Listening
from hinterland.load.engine.loops import ClosedLoop, OpenLoop
from hinterland.load.engine.outgoing import Requests
from hinterland.load.engine.pacing import Pacer
from hinterland.load.engine.pool import Pool
from hinterland.load.engine.recorder import Columns, Recorder
from hinterland.load.plan.plan import Scheduler
from hinterland.load.result.result import GeneratorProcess
from hinterland.load.worker.equipment import lanes_of
from hinterland.load.worker.fold import Part, Window, fold
from hinterland.load.worker.messages import Job
from hinterland.load.worker.pulse import Pulse
from hinterland.load.worker.vitals import Vitals
from hinterland.statistics.histogram import counts_of

if TYPE_CHECKING:
    from hinterland.load.worker.operations_file import OperationsFile

# A fold costs some 2 ms, nearly as much for few operations as for many: time in which nothing is sent.
FOLD_S = 0.5
# Room for what one core does between two folds; more is made where it is not enough.
CAPACITY = 1 << 17
# Counting the bytes of more lanes than this takes too long to do it while the load runs.
FEW_LANES = 256
FOLDS_A_COLLECTION = (8, 128)


class Drive:
    """Opens the lanes, runs the load from a given moment, and reports parts of its result.

    `report` gets each part, and whether it is the last. `stop` ends the load early.
    """

    def __init__(self, job: Job, requests: Requests, report: Callable[[Part, bool], None]) -> None:
        plan = job.plan
        self._job, self._plan, self._requests, self._report = job, plan, requests, report
        self._recorder = Recorder(CAPACITY)
        self._loop = self._make_loop()
        made = lanes_of(plan)(
            plan,
            job.connections,
            listener=self._loop,
            requests=requests,
            new_socket=socket_maker(job.addresses),
        )
        self._loop.pool = self._pool = Pool(made, timeout_s=plan.timeout_s, listener=self._loop)
        self._stopping = asyncio.Event()
        self._vitals = Vitals()
        self._pacer: Pacer | None = None
        self._idle_turn_ns = 0.0
        self._turns_before, self._turns_held = 0, -1
        self._operations = self._waited = self._bytes = self._folds = 0
        self._in_flight = self._samples = 0
        self._stages: deque[Callable[[], None]] = deque()
        self._file = self._open_file()
        self._failure: UsageError | None = None

    def stop(self) -> None:
        """Ends the load now: what is under way counts as unfinished."""
        self._stopping.set()

    async def open(self) -> None:
        """Opens the lanes; one that fails is left for the operation that needs it."""
        await self._pool.open_all()
        if isinstance(self._loop, OpenLoop) and self._job.scheduler == "spin":
            self._idle_turn_ns = await pacing.idle_turn_ns()
        # Now, not when the load begins: with many lanes it takes longer than the first may be late.
        gc.collect()

    async def run(self, start_ns: int) -> None:
        """Runs the load and returns when all that it began has ended, or its drain has."""
        plan = self._plan
        measured_ns = start_ns + round(plan.warm_up_s * 1e9)
        self._window = Window(start_ns, measured_ns, measured_ns + round(plan.duration_s * 1e9))
        self._pulse = Pulse(self._loop, self._window, self._job.number)
        self._pool.watch_timeouts(self._recorder.sent)
        gc.freeze()
        gc.disable()
        loop = asyncio.get_running_loop()
        timers = [
            loop.call_later((measured_ns - time.monotonic_ns()) / 1e9, self._mark),
            loop.call_later((self._window.end_ns - time.monotonic_ns()) / 1e9, self._hold),
            loop.call_later(FOLD_S, self._fold_again),
        ]
        self._timer = timers[-1]
        self._pulse.start()
        try:
            await self._begin()
            await self._until_over()
        finally:
            self._loop.stop()
            for timer in (*timers, self._timer):
                timer.cancel()
            self._pulse.stop()
            if self._pacer is not None:
                self._pacer.stop()
            gc.unfreeze()
            gc.enable()

    async def close(self, *, broken: bool = False) -> None:
        """Reports the rest, closes the lanes, and ends the file.

        `broken`: something else went wrong, so that no part is reported as the last. Raises UsageError where
        the file could not be written.
        """
        while self._stages:
            self._stages.popleft()()
        rest, columns = self._loop.drain(), self._loop.last()
        for found in (rest, columns):
            self._keep(found)
        if self._file is not None:
            self._writing(self._file.close)
        self._tell(self._count(rest), last=False)
        # Whoever hears that it was the last may end this process: the file must be whole by then.
        self._tell(self._count(columns), last=not broken and self._failure is None)
        await self._pool.close()
        if self._failure is not None:
            raise self._failure

    def _keep(self, columns: Columns) -> None:
        if self._file is not None and self._failure is None:
            self._writing(partial(self._file.add, columns))

    def _writing(self, write: Callable[[], None]) -> None:
        """Writes to the file; the load ends where that can't be done."""
        try:
            write()
        except UsageError as error:
            self._failure = self._failure or error
            self.stop()

    # Making it.

    def _make_loop(self) -> ClosedLoop | OpenLoop | Listening:
        job, plan = self._job, self._plan
        share = {"first_visit": job.number, "step": job.of}
        if plan.subscribe:
            return Listening(self._recorder, self._requests)
        if plan.model == "closed":
            count = None
            if plan.count is not None:
                count = plan.count // job.of + (job.number < plan.count % job.of)
            return ClosedLoop(self._recorder, self._requests, count=count, **share)
        schedule = arrivals.chunks(
            plan.arrivals,
            plan.duration_s,
            warm_up_s=plan.warm_up_s,
            seed=plan.seed,
            count=plan.count,
            number=job.number,
            of=job.of,
        )
        return OpenLoop(self._recorder, self._requests, Agenda(schedule), **share)

    def _open_file(self) -> OperationsFile | None:
        if not self._job.operations:
            return None
        # pyarrow takes 30 MB, which a load that keeps no operations need not have.
        from hinterland.load.worker.operations_file import OperationsFile

        return OperationsFile(Path(self._job.operations), self._requests.kinds, {})

    # Running it.

    async def _begin(self) -> None:
        start_ns, end_ns = self._window.start_ns, self._window.end_ns
        run = self._loop
        if isinstance(run, OpenLoop):
            run.start(start_ns)
            run.agenda.fill(start_ns + AHEAD_NS)
            self._pacer = pacing.pacer(cast(Scheduler, self._job.scheduler), run.look)
            self._pacer.start()
            return
        # A timer of the loop may fire half a millisecond early, and what is sent then would not count.
        await asyncio.sleep((start_ns - time.monotonic_ns()) / 1e9)
        while time.monotonic_ns() < start_ns:
            pass
        if isinstance(run, Listening):
            run.start(start_ns, end_ns)
        else:
            run.start(end_ns)

    async def _until_over(self) -> None:
        plan = self._plan
        drain_s = plan.timeout_s if plan.drain_s is None else plan.drain_s
        stopping = asyncio.ensure_future(self._stopping.wait())
        left_s = (self._window.end_ns - time.monotonic_ns()) / 1e9
        if plan.subscribe:
            # What was published in time may still come; an empty stream gives no sign of its end.
            drain_s = min(drain_s, 0.5)
        try:
            both: set[asyncio.Future[Any]] = {self._loop.finished, stopping}
            await asyncio.wait(both, timeout=left_s + drain_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    def _mark(self) -> None:
        """The measured window begins."""
        self._vitals.mark()
        self._turns_before = 0 if self._pacer is None else self._pacer.turns

    def _hold(self) -> None:
        """The measured window is over: an idle wait for the last answers must not dilute its figures."""
        self._vitals.hold()
        self._turns_held = 0 if self._pacer is None else self._pacer.turns

    # Telling.

    def _fold_again(self) -> None:
        """Counts what has ended, in stages: between two of them the loop sends what has become due."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(FOLD_S, self._fold_again)
        if isinstance(self._loop, OpenLoop):
            self._loop.agenda.fill(time.monotonic_ns() + AHEAD_NS)
        columns = self._loop.drain()
        self._keep(columns)
        self._stages += (partial(self._count_apart, columns), self._collect)
        loop.call_soon(self._next_stage)

    def _next_stage(self) -> None:
        if self._stages:
            self._stages.popleft()()
            asyncio.get_running_loop().call_soon(self._next_stage)

    def _count_apart(self, columns: Columns) -> None:
        part = self._count(columns)
        self._stages.appendleft(partial(self._tell, part, last=False))

    def _collect(self) -> None:
        self._folds += 1
        # With the collector off, mostly what was made since the last time is looked through, and is little.
        gc.collect(sum(self._folds % often == 0 for often in FOLDS_A_COLLECTION))

    def _count(self, columns: Columns) -> Part:
        part = fold(columns, self._window, self._requests.any_status)
        self._operations += sum(kind.operations for kind in part.kinds.values())
        return part

    def _tell(self, part: Part, *, last: bool) -> None:
        self._report(self._with_own(part, last), last)

    def _with_own(self, part: Part, last: bool) -> Part:
        """Returns the part with what the process measured of itself."""
        lateness, waited = None, 0
        visits = np.zeros(0, np.int64)
        if isinstance(self._loop, OpenLoop):
            noticed = self._loop.agenda.forget()
            measured = noticed.due_ns >= self._window.measured_ns
            lateness, visits = counts_of(noticed.late_ns[measured]), noticed.due_ns[measured]
            waited, self._waited = self._loop.waited - self._waited, self._loop.waited
        in_flight, self._in_flight = self._pulse.in_flight - self._in_flight, self._pulse.in_flight
        samples, self._samples = self._pulse.samples - self._samples, self._pulse.samples
        connect_ns = np.array(self._pool.connect_ns, dtype=np.int64)
        del self._pool.connect_ns[:]
        open_errors = {words_of(code): count for code, count in self._pool.open_errors.items()}
        self._pool.forget_errors()
        return structs.replace(
            part,
            lateness=lateness,
            visits=len(visits),
            first_visit_ns=int(visits.min()) - self._window.start_ns if len(visits) else -1,
            last_visit_ns=int(visits.max()) - self._window.start_ns if len(visits) else -1,
            waited=waited,
            in_flight=in_flight,
            samples=samples,
            connect=counts_of(connect_ns),
            open_errors=open_errors,
            bytes_received=self._new_bytes(last),
            stalls=self._pulse.take_stalls(),
            process=self._process(),
            first_exception=getattr(self._requests, "first_exception", ""),
            surplus_answers=self._pool.surplus_answers if last else 0,
            reasons=reasons() if last else {},
            notes=notes() if last else {},
        )

    def _new_bytes(self, last: bool) -> int:
        if not last and len(self._pool.lanes) > FEW_LANES:
            return 0
        total = sum(lane.bytes_received for lane in self._pool.lanes)
        new, self._bytes = total - self._bytes, total
        return new

    def _process(self) -> GeneratorProcess:
        used = self._vitals.used()
        busy = used.cpu_share
        if self._idle_turn_ns and self._pacer is not None:
            turns = self._pacer.turns if self._turns_held < 0 else self._turns_held
            idle_ns = (turns - self._turns_before) * self._idle_turn_ns
            busy = max(0.0, busy - idle_ns / used.elapsed_ns)
        return GeneratorProcess(
            number=self._job.number,
            operations=self._operations,
            connections=self._job.connections,
            cpu_share=used.cpu_share,
            run_delay_share=used.run_delay_share,
            busy_share=min(1.0, busy),
            max_rss_bytes=used.max_rss_bytes,
            scheduler="" if self._pacer is None else self._job.scheduler,
        )
