"""What an experiment's `trial(t)` sees, and how one trial is carried out in its own process."""

from __future__ import annotations

import asyncio
import math
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import msgspec
import uvloop
from msgspec.structs import replace

from hinterland.checkers.assumptions import automatic
from hinterland.clients.asking import Client
from hinterland.clients.dial import SocketMaker
from hinterland.clients.operations import Operations
from hinterland.errors import HinterlandError, SetupError, SystemFailure, packed
from hinterland.load.engine.arrivals import Schedule
from hinterland.model.experiment import Level
from hinterland.model.history import Event, History, LoadSample, Operation
from hinterland.model.packets import PacketLog
from hinterland.model.run import PlannedTrial
from hinterland.model.verdict import Outcome, TrialResult
from hinterland.rig.process import Process
from hinterland.rig.processes.command import Argument
from hinterland.rig.rig import Rig
from hinterland.rig.service import Service
from hinterland.runner.record import histories, packet_files
from hinterland.runner.trials.code import Code
from hinterland.runner.trials.messages import Finished
from hinterland.runner.trials.trial_status import standing


class _Port:
    """Stands in a command for a free port."""

    def __repr__(self) -> str:
        return "PORT"


PORT = _Port()
T = TypeVar("T")
Phase = Literal["prepare", "warm_up", "measure", "settle", "final"]


class Trial:
    """One trial as its experiment sees it: levels, a seed, a rig, and a history to fill.

    t["factor"] is the level of a factor. Everything recorded here is saved before it is judged.
    """

    def __init__(
        self,
        plan: PlannedTrial,
        *,
        scratch: Path,
        cache: Path,
        note: Callable[[Event], None],
        pcap_folder: Path | None = None,
        systems: Path | None = None,
    ) -> None:
        self._systems = systems or scratch
        self._clients = 0
        self.treatment: dict[str, Level] = plan.treatment
        self.seed = plan.seed
        self.random = random.Random(plan.seed)
        self.scratch = scratch
        self.cache = cache
        self._packets: dict[str, PacketLog] = {}
        self.rig = Rig(
            scratch=scratch,
            cache=cache,
            record=self.record,
            packets=self._packets.__setitem__,
            seed=plan.seed,
            pcap_folder=pcap_folder,
        )
        self.operations = Operations(self._operation)
        self._note = note
        self._operations: list[Operation] = []
        self._loads: dict[str, LoadSample] = {}
        self._events: list[Event] = []
        self._readings: dict[str, Any] = {}

    def __getitem__(self, factor: str) -> Any:
        return self.treatment[factor]

    @overload
    async def start(self, program: Service[T], /) -> T: ...

    @overload
    async def start(self, program: Argument, /, *words: Any, name: str = "", **options: Any) -> Process: ...

    async def start(self, program: Any, /, *words: Any, name: str = "", **options: Any) -> Any:
        """Starts a service (`redis()`), or a program with these words, and returns when it is ready.

        Options as for `rig.start_program`.
        A bare file name, first, is a program of this experiment's `systems/`, and the process has its name
        unless another is given. Where `PORT` stands in the command, the program gets a free port, and is
        ready when it listens there.
        """
        if isinstance(program, Service):
            return await self.rig.start(program)
        if any(word is PORT for word in words):
            options["port"] = self.rig.free_port()
        given = [self._program(program), *(options["port"] if word is PORT else word for word in words)]
        return await self.rig.start(given, name=name or Path(str(program)).stem, **options)

    def text(self, name: str) -> str:
        """Returns the text of a file of this experiment's `systems/`."""
        return (self._systems / name).read_text(encoding="utf-8")

    def client(self, port: int | None = None, **options: Any) -> Client:
        """Returns somebody who asks servers; what it asks is in the history. It ends with the trial."""
        self._clients += 1
        made = Client(self.operations, self._clients, port, **options)
        self.rig.at_end.append(made.close)
        return made

    async def all(self, doings: Iterable[Awaitable[T]], *, at_once: int = 8) -> list[T]:
        """Returns what each of these comes to, in their order; so many are under way at once.

        Each next one begins as soon as one has ended. The first exception ends them all.
        """
        queue = enumerate(doings)
        found: dict[int, T] = {}

        async def work() -> None:
            for place, doing in queue:
                found[place] = await doing

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            for _, doing in queue:
                if asyncio.iscoroutine(doing):
                    doing.close()
        return [found[place] for place in sorted(found)]

    def _program(self, word: Any) -> Any:
        own = self._systems / word if isinstance(word, str) else None
        return own if own is not None and own.is_file() else word

    def phase(self, name: Phase) -> None:
        """Says that the trial enters a phase. Links are judged by how punctual they are from `measure` on."""
        self.record(Event(t_ns=time.monotonic_ns(), kind="phase", name=name))
        if name == "measure":
            self.rig.measuring()

    def note(self, name: str, **detail: Any) -> None:
        """Records something worth seeing in the history; `detail` holds JSON values."""
        self.record(Event(t_ns=time.monotonic_ns(), kind="note", name=name, detail=detail))

    async def load(
        self,
        name: str,
        url: str | int,
        /,
        *,
        schedule: Schedule | None = None,
        new_socket: SocketMaker | None = None,
        **asked: Any,
    ) -> LoadSample:
        """Drives a load at a server of this trial, and records every operation of it under a name.

        `url` is what `hinterland load` takes, such as `redis://127.0.0.1:6379`, or the port of a server of
        HTTP on this machine; `asked` are its options (`rate=2000`, `closed=True`, `connections=64`,
        `duration_s=1`, `header=`, `body=` ...). `schedule`: offsets in ns of when operations are due, instead
        of a rate. `new_socket`: where they come from (`link.client.socket`). Raises UsageError for what can't
        be asked, and for an address that is not this machine's.
        """
        from hinterland.load.inline.sample import sampled
        from hinterland.load.options.declared import Asked
        from hinterland.load.options.planned import plan_here

        where = f"http://127.0.0.1:{url}/" if isinstance(url, int) else url
        plan = plan_here(
            where, Asked(**{"seed": self.seed % (1 << 31), **asked}), linked=new_socket is not None
        )
        sample = await sampled(plan, schedule=schedule, new_socket=new_socket)
        self.loaded(name, sample)
        return sample

    def loaded(self, name: str, sample: LoadSample) -> None:
        """Records the operations of a load that somebody else drove, under a name."""
        self._loads[name] = sample

    def reading(self, name: str, value: Any) -> None:
        """Records a final read or a measured fact, a JSON value."""
        self._readings[name] = value

    def record(self, event: Event) -> None:
        """Records an event; the rig calls this for faults, steps and processes."""
        self._events.append(event)
        if event.kind in ("phase", "fault", "process"):
            self._note(event)

    def _operation(self, operation: Operation) -> None:
        self._operations.append(operation)

    def history(self) -> History:
        """Returns all that was recorded so far; operations and events in the order of their time."""
        return History(
            treatment=self.treatment,
            seed=self.seed,
            operations=tuple(sorted(self._operations, key=lambda operation: operation.sent_ns)),
            loads=dict(self._loads),
            events=tuple(sorted(self._events, key=lambda event: event.t_ns)),
            readings=dict(self._readings),
            packets=dict(self._packets),
        )


def carry_out(
    code: Code,
    plan: PlannedTrial,
    *,
    folder: Path,
    scratch: Path,
    cache: Path,
    note: Callable[[Event], None],
    pcap: bool = False,
) -> Finished:
    """Runs one trial, saves its history, then judges it. Never raises for the experiment's faults.

    `pcap`: its links write packet captures into the run's folder.
    """
    began = time.monotonic()
    pcap_folder = folder / packet_files.FOLDER / plan.id if pcap else None
    trial, cause, log = _run(
        code,
        lambda: Trial(
            plan,
            scratch=scratch,
            cache=cache,
            note=note,
            pcap_folder=pcap_folder,
            systems=code.folder / "systems",
        ),
    )
    history = trial.history()
    stop = None
    try:
        histories.save(folder, plan.id, history)
    except SetupError as error:
        stop = packed(error)
        cause = cause or f"its history could not be saved: {error.says}"
    except (TypeError, ValueError, OverflowError) as error:
        # A reading, a detail or a result that JSON can't hold: the experiment's mistake, so its trial failed.
        cause = cause or f"its history could not be saved: {error}"
    duration_s = time.monotonic() - began
    result = judged(code, plan, history, cause=cause, log=log, duration_s=duration_s)
    return Finished(result=result, stop=stop)


def judged(
    code: Code,
    plan: PlannedTrial,
    history: History,
    *,
    cause: str = "",
    log: tuple[str, ...] = (),
    duration_s: float = 0.0,
) -> TrialResult:
    """Returns what a recorded history comes to; pure but for running the experiment's `outcome`.

    status `failed` when the trial had a cause or its checker raised, `void` when an assumption broke that is
    not about time alone.
    """
    outcome = Outcome()
    disturbed = ""
    status: Literal["done", "void", "failed"] = "done"
    if not cause:
        try:
            outcome = plain(code.outcome(history))
        except Exception as error:
            cause = f"the checker raised {type(error).__name__}: {error}"
            log = tuple(traceback.format_exc().splitlines()[-8:])
    if cause:
        status = "failed"
    else:
        assumptions = automatic(history) + outcome.assumptions
        outcome = replace(outcome, assumptions=assumptions)
        found = standing(outcome)
        status, cause, disturbed = found.status, found.cause, found.disturbed
    return TrialResult(
        id=plan.id,
        block=plan.block,
        treatment=plan.treatment,
        seed=plan.seed,
        status=status,
        outcome=outcome,
        duration_s=duration_s,
        cause=cause,
        log=log,
        disturbed=disturbed,
    )


def plain(outcome: Outcome) -> Outcome:
    """Returns the outcome with NumPy's numbers as Python's. Raises TypeError for what JSON can't hold."""
    if not isinstance(outcome, Outcome):
        raise TypeError(f"outcome(h) must return an Outcome, not {type(outcome).__name__}")
    metrics = {name: float(value) for name, value in outcome.metrics.items()}
    tries = {name: int(value) for name, value in outcome.tries.items()}
    series = {name: [(float(x), float(y)) for x, y in curve] for name, curve in outcome.series.items()}
    numbers = [
        *metrics.items(),
        *((name, y) for name, curve in series.items() for point in curve for y in point),
    ]
    numbers += [(each.id, each.late_ms) for each in outcome.assumptions]
    for name, value in numbers:
        # JSON writes these as null, which no reader of the record takes for a number.
        if not math.isfinite(value):
            raise TypeError(f"{name} is {value}, which a record can't hold: leave it out")
    plain = replace(outcome, metrics=metrics, tries=tries, series=series)
    msgspec.json.encode(plain)
    return plain


def _run(code: Code, make: Callable[[], Trial]) -> tuple[Trial, str, tuple[str, ...]]:
    """Runs the experiment's trial with a rig around it. Returns the trial, why it failed, and log lines."""

    async def inside() -> tuple[Trial, str, tuple[str, ...]]:
        # Made in the loop: the rig belongs to the thread that runs it.
        trial = make()
        try:
            async with trial.rig:
                await code.trial(trial)
        except SystemFailure as error:
            return trial, error.says, error.log
        except HinterlandError as error:
            return trial, str(error), ()
        except (Exception, SystemExit) as error:
            where = traceback.format_exc().splitlines()[-8:]
            return trial, f"the trial raised {type(error).__name__}: {error}", tuple(where)
        return trial, "", ()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(inside())
