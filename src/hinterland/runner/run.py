"""A run: blocks of trials until every claim is decided or the budget is spent."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from hinterland.claims.declared import claims_of
from hinterland.claims.grounds.form import Form
from hinterland.claims.judge import awaited, decidable, judge
from hinterland.errors import HinterlandError, SetupError, UsageError, unpacked
from hinterland.model.experiment import Experiment, Level, show
from hinterland.model.levels import treatments as treatments_of
from hinterland.model.run import (
    BlockStarted,
    ClaimJudged,
    GustWaited,
    LeftOut,
    PlannedTrial,
    RunEvent,
    RunFinished,
    RunInfo,
    RunRecord,
    RunStarted,
    RunStatus,
    TrialFinished,
    TrialNoted,
    TrialStarted,
)
from hinterland.model.verdict import Outcome, TrialResult, Verdict
from hinterland.package import VERSION
from hinterland.rig.machine import description as machine
from hinterland.rig.machine.availability import availability
from hinterland.runner import plan
from hinterland.runner.interrupts import Interrupts
from hinterland.runner.keeper.connection import KeeperConnection
from hinterland.runner.machine_quiet import with_machine
from hinterland.runner.noise_bursts import Gusts
from hinterland.runner.record import folder as record
from hinterland.runner.record.folder import RunFolder
from hinterland.runner.trials import code
from hinterland.runner.trials.messages import Abort, Begin, Exited, Finished, Noted
from hinterland.store import default_store

HOPELESS_BLOCKS = 2
HANG_S = 60.0

OnEvent = Callable[[RunEvent], None]


class RunOptions(Struct, frozen=True):
    """What a person may ask of a run. `like` names an earlier run whose trials are repeated exactly.

    patience_s: how much longer than its budget a run may go on while noise keeps claims open.
    `pcap`: each link of each trial writes a packet capture into the run's folder.
    """

    set: dict[str, tuple[Level, ...]] = field(default_factory=dict)
    budget_s: float | None = None
    patience_s: float = 0.0
    blocks: int | None = None
    seed: int | None = None
    like: str | None = None
    store: Path | None = None
    pcap: bool = False


def run_experiment(
    experiment: Experiment, options: RunOptions | None = None, on_event: OnEvent = lambda event: None
) -> RunRecord:
    """Runs an experiment and returns its record; `on_event` sees every event as it is written.

    Raises UsageError for a wrong option, SetupError when something needed is missing or the store can't be
    written. Faults of the systems and of the experiment's own code end as `inconclusive` verdicts.
    """
    options = options or RunOptions()
    store = options.store or default_store()
    like = record.load(store, options.like) if options.like is not None else None
    info = _info(experiment, options, like)
    plan.require_one_block(experiment, info.treatments, info.budget_s)
    claims = claims_of(experiment)
    # What is wrong with its code is said before a folder is made.
    code.load(experiment)
    folder = RunFolder.create(store, experiment.id)
    info = replace(info, id=folder.id, machine=machine.describe(folder.path))
    folder.write("run.json", info)
    try:
        return _Run(experiment, info, claims, folder, on_event, like, pcap=options.pcap).run()
    finally:
        folder.close()


class _Run:
    """The loop of one run; its state is what the record holds."""

    def __init__(
        self,
        experiment: Experiment,
        info: RunInfo,
        claims: Mapping[str, Form],
        folder: RunFolder,
        on_event: OnEvent,
        like: RunRecord | None,
        *,
        pcap: bool,
    ) -> None:
        self.experiment = experiment
        self.info = info
        self.claims = claims
        self.folder = folder
        self.trials: list[TrialResult] = []
        self.verdicts: tuple[Verdict, ...] = ()
        self._on_event = on_event
        self._like = [e.trials for e in like.events if isinstance(e, BlockStarted)] if like else None
        self._began = time.monotonic()
        self._cause = ""
        self._pcap = pcap
        self._gusts = Gusts(info.budget_s + info.patience_s)

    def run(self) -> RunRecord:
        # Held until the last file is written: a Ctrl-C while that happens must not leave a record half made.
        with Interrupts() as interrupts:
            return self._run(interrupts)

    def _run(self, interrupts: Interrupts) -> RunRecord:
        status: RunStatus = "failed"
        try:
            started = RunStarted(
                0.0, self.info.id, self.experiment.id, len(self.info.treatments), self.info.budget_s
            )
            self._say(started)
            with KeeperConnection(self.experiment, self.folder.path, interrupts.wake) as keeper:
                if keeper.ready():
                    self._blocks(keeper, interrupts)
            status = "interrupted" if interrupts.asked else "finished"
            self._cause = "interrupted" if interrupts.asked else ""
        except HinterlandError as error:
            self._cause = error.says
            self._end(status)
            raise
        except KeyboardInterrupt:
            self._cause = "interrupted"
            self._end("interrupted")
            raise
        except BaseException as error:
            self._cause = f"{type(error).__name__}: {error}"
            self._end(status)
            raise
        self._end(status)
        return self.folder.record()

    def _blocks(self, keeper: KeeperConnection, interrupts: Interrupts) -> None:
        block = 0
        while True:
            block += 1
            trials = self._block(block)
            if not trials or not self._fits(trials, block):
                return
            self._say(BlockStarted(self._now(), block, trials))
            for trial in trials:
                self._wait_out_a_gust()
                result = self._trial(keeper, interrupts, trial)
                if self._deserves_another(result) and not interrupts.asked:
                    self._trial(keeper, interrupts, plan.again(trial))
                if interrupts.asked:
                    return
            self._judge(block)
            if block == HOPELESS_BLOCKS and all(trial.status == "failed" for trial in self.trials):
                # Nothing here works, and more of the same would only cost the reader's time.
                return

    def _block(self, block: int) -> tuple[PlannedTrial, ...]:
        """Returns the trials of the next block: those that an undecided claim rests on; none to stop."""
        if self._like is not None:
            return self._like[block - 1] if block <= len(self._like) else ()
        if self.info.blocks_limit is not None and block > self.info.blocks_limit:
            return ()
        treatments = self.info.treatments
        if block > 1 and self.info.blocks_limit is None:
            wanted = [
                awaited(self.claims[verdict.claim], verdict, treatments)
                for verdict in self.verdicts
                if decidable(self.claims[verdict.claim], treatments)
            ]
            treatments = tuple(each for each in treatments if any(each in open_ for open_ in wanted))
        return plan.block_of(treatments, seed=self.info.seed, block=block)

    def _fits(self, trials: Sequence[PlannedTrial], block: int) -> bool:
        """Decides whether the block can end within the budget, judging by the trials so far."""
        if block == 1 or self._like is not None or self.info.blocks_limit is not None:
            return True
        longest: dict[str, float] = {}
        for result in self.trials:
            key = str(result.treatment)
            longest[key] = max(longest.get(key, 0.0), result.duration_s)
        estimate_s = sum(longest.get(str(trial.treatment), self.experiment.trial_s) for trial in trials)
        return self._now() + estimate_s <= self._allowed_s()

    def _allowed_s(self) -> float:
        """Returns how long the run may take: longer than its budget where noise is why claims are open."""
        latest = self.trials[-1].block if self.trials else 0
        noisy = any(trial.disturbed for trial in self.trials if trial.block == latest)
        return self.info.budget_s + (self.info.patience_s if noisy else 0.0)

    def _wait_out_a_gust(self) -> None:
        waited_s = self._gusts.wait(self.trials[-1].weather if self.trials else None)
        if waited_s:
            self._say(GustWaited(self._now(), waited_s))

    def _deserves_another(self, result: TrialResult) -> bool:
        """Decides whether a trial is run once more: it was void, by no fault of its claim, and time is left.

        A void one leaves a hole in its block, and in the pair with it. It is run again at once, so that it
        keeps its place in the random order; whether it is void was decided without its metrics, so nothing is
        chosen by its outcome. One that noise disturbed leaves no hole, and is not run again.
        """
        return result.status == "void" and self._now() + result.duration_s <= self.info.budget_s

    def _trial(self, keeper: KeeperConnection, interrupts: Interrupts, trial: PlannedTrial) -> TrialResult:
        self._say(TrialStarted(self._now(), trial))
        began = time.monotonic()
        keeper.listen()
        timeout_s = max(HANG_S, 20 * self.experiment.trial_s)
        keeper.send(Begin(trial=trial, timeout_s=timeout_s, pcap=self._pcap))
        finished: Finished | None = None
        aborted = False
        while True:
            report = keeper.receive()
            if interrupts.asked and not aborted:
                keeper.send(Abort())
                aborted = True
            if isinstance(report, Noted):
                event = report.event
                noted = (trial.id, event.kind, event.name, event.target, event.stage)
                self._say(TrialNoted(self._now(), *noted))
            elif isinstance(report, Finished):
                finished = report
            elif isinstance(report, Exited):
                break
        if finished is None:
            why = report.ended or f"its process ended with status {report.status}: {keeper.last_words()}"
            result = _failed(trial, why)
        else:
            result = with_machine(finished.result, report.weather)
        result = replace(result, duration_s=time.monotonic() - began)
        self.trials.append(result)
        self._say(TrialFinished(self._now(), result))
        if finished is not None and finished.stop is not None:
            raise unpacked(finished.stop)
        return result

    def _judge(self, block: int, interrupted: str = "") -> None:
        before = {verdict.claim: verdict for verdict in self.verdicts}
        self.verdicts = judge(self.experiment, self.claims, self.trials, interrupted=interrupted)
        for verdict in self.verdicts:
            if before.get(verdict.claim) != verdict:
                self._say(ClaimJudged(self._now(), block, verdict))

    def _end(self, status: RunStatus) -> None:
        """Writes what the record needs to be whole. The store may be what failed: then it stays as it is."""
        ended = replace(self.info, status=status, cause=self._cause, ended_at=time.time())
        cut_short = "" if status == "finished" else self._cause
        steps: tuple[Callable[[], None], ...] = (
            lambda: self._judge(max((trial.block for trial in self.trials), default=0), cut_short),
            lambda: self.folder.write("verdicts.json", self.verdicts),
            lambda: self._say(RunFinished(self._now(), status, self._cause)),
            # Last, so that a run.json which says how the run ended has the whole of events.jsonl beside it.
            lambda: self.folder.write("run.json", ended),
        )
        for step in steps:
            try:
                step()
            except SetupError:
                # A full disk may still have room for the steps that write less.
                if status != "failed":
                    raise

    def _say(self, event: RunEvent) -> None:
        self.folder.append(event)
        self._on_event(event)

    def _now(self) -> float:
        return time.monotonic() - self._began


def _failed(trial: PlannedTrial, why: str) -> TrialResult:
    return TrialResult(
        id=trial.id,
        block=trial.block,
        treatment=trial.treatment,
        seed=trial.seed,
        status="failed",
        outcome=Outcome(),
        duration_s=0.0,
        cause=why,
    )


def _info(experiment: Experiment, options: RunOptions, like: RunRecord | None) -> RunInfo:
    """Returns what will run. Raises UsageError or SetupError when it can't."""
    if like is not None:
        asked = like.info
        if asked.experiment.id != experiment.id:
            raise UsageError(
                f"{options.like} is a run of {asked.experiment.id}, not of {experiment.id}.",
                f"hinterland run {asked.experiment.id} --like {options.like}",
            )
    unavailable, left_out = _left_out(experiment, options.set)
    treatments = like.info.treatments if like else treatments_of(experiment, options.set, unavailable)
    if not treatments:
        raise SetupError(
            f"{experiment.id}: no treatment is left that this machine can run.", "See: hinterland doctor"
        )
    return RunInfo(
        id="",
        experiment=experiment,
        seed=like.info.seed if like else options.seed if options.seed is not None else secrets.randbits(31),
        budget_s=options.budget_s or (like.info.budget_s if like else experiment.budget_s),
        patience_s=options.patience_s,
        started_at=time.time(),
        machine={},
        treatments=treatments,
        blocks_limit=options.blocks,
        set=like.info.set if like else options.set,
        like=like.info.id if like else "",
        left_out=left_out,
        pid=os.getpid(),
        version=VERSION,
    )


def _left_out(
    experiment: Experiment, chosen: Mapping[str, tuple[Level, ...]]
) -> tuple[dict[str, list[Level]], tuple[LeftOut, ...]]:
    """Returns the levels whose needs are missing. Raises SetupError for one that was asked for by name."""
    found = availability(experiment)
    for status in found.required:
        raise SetupError(
            f"{experiment.id} needs {status.need}, which is missing here.", f"Install it: {status.install}"
        )
    left_out = []
    for absent in found.absent:
        status = absent.needs[0]
        if absent.level in chosen.get(absent.factor, ()):
            raise SetupError(
                f"{experiment.id}: {absent.factor}={show(absent.level)} needs {status.need}, "
                "which is missing here.",
                f"Install it: {status.install}",
            )
        why = f"{status.need} is missing; install it: {status.install}"
        left_out.append(LeftOut(absent.factor, absent.level, why))
    return found.unavailable, tuple(left_out)
