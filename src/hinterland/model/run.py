"""A run and the events it appends to `events.jsonl`. The live view and the replay read the same file."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from hinterland.model.experiment import Experiment, Level
from hinterland.model.verdict import TrialResult, Verdict

RunStatus = Literal["running", "finished", "interrupted", "failed"]


class PlannedTrial(Struct, frozen=True):
    """One trial of the plan. `id` is `b001-t02`: block 1, second in its random order (both from 1).

    `b001-t02r` took the place of b001-t02, which was void.
    """

    id: str
    block: int
    treatment: dict[str, Level]
    seed: int


class LeftOut(Struct, frozen=True):
    """A level that this machine can't run, and why."""

    factor: str
    level: Level
    why: str


class RunInfo(Struct, frozen=True):
    """The content of `run.json`: what was asked, the machine, versions and status. Times are Unix seconds.

    format: 2 has the claims' forms in the manifest, 1 has only their words.
    """

    id: str
    experiment: Experiment
    seed: int
    budget_s: float
    started_at: float
    machine: dict[str, Any]
    treatments: tuple[dict[str, Level], ...]
    status: RunStatus = "running"
    blocks_limit: int | None = None
    set: dict[str, tuple[Level, ...]] = field(default_factory=dict)
    like: str = ""
    left_out: tuple[LeftOut, ...] = ()
    ended_at: float | None = None
    cause: str = ""
    pid: int = 0
    version: str = ""
    format: int = 2
    patience_s: float = 0.0


class RunStarted(Struct, frozen=True, tag="run_started"):
    t_s: float
    run: str
    experiment: str
    treatments: int
    budget_s: float


class BlockStarted(Struct, frozen=True, tag="block_started"):
    t_s: float
    block: int
    trials: tuple[PlannedTrial, ...]


class TrialStarted(Struct, frozen=True, tag="trial_started"):
    t_s: float
    trial: PlannedTrial


class GustWaited(Struct, frozen=True, tag="gust_waited"):
    """The run waited for others to be done before its next trial."""

    t_s: float
    waited_s: float


class TrialNoted(Struct, frozen=True, tag="trial_noted"):
    """A phase, fault, step or process event of the trial under way."""

    t_s: float
    trial: str
    kind: str
    name: str
    target: str = ""
    stage: str = ""


class TrialFinished(Struct, frozen=True, tag="trial_finished"):
    t_s: float
    result: TrialResult


class ClaimJudged(Struct, frozen=True, tag="claim_judged"):
    """A claim's state after a block; the last one of a run is its verdict."""

    t_s: float
    block: int
    verdict: Verdict


class RunFinished(Struct, frozen=True, tag="run_finished"):
    t_s: float
    status: RunStatus
    cause: str = ""


RunEvent = (
    RunStarted
    | BlockStarted
    | GustWaited
    | TrialStarted
    | TrialNoted
    | TrialFinished
    | ClaimJudged
    | RunFinished
)


class RunRecord(Struct, frozen=True):
    """A run as its folder holds it, finished or not."""

    info: RunInfo
    trials: tuple[TrialResult, ...]
    verdicts: tuple[Verdict, ...]
    events: tuple[RunEvent, ...]
    folder: str
