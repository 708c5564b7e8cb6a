"""The documents that `--json` prints. docs/reference/cli.md is made from these classes.

Keys are only ever added. Times are Unix seconds, durations end in `_s`.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from hinterland.model.experiment import Experiment, Level
from hinterland.model.run import LeftOut, RunStatus
from hinterland.model.verdict import Verdict
from hinterland.model.weather import Weather

Runs = Literal["all", "some", "no"]


class MissingNeed(Struct, frozen=True):
    """A need that is not met and the command that installs it."""

    need: str
    install: str


class AbsentLevel(Struct, frozen=True):
    """A level that this machine can't run."""

    factor: str
    level: Level


class ListedExperiment(Struct, frozen=True):
    """One entry of `list --json`. `runs` says whether all, some or no levels run here."""

    id: str
    region: str
    title: str
    question: str
    budget_s: float
    runs: Runs
    missing: tuple[MissingNeed, ...]
    left_out: tuple[AbsentLevel, ...]
    folder: str


class ShownExperiment(Struct, frozen=True):
    """The document of `show --json`: the manifest, and what of it runs here."""

    experiment: Experiment
    runs: Runs
    missing: tuple[MissingNeed, ...]
    left_out: tuple[AbsentLevel, ...]


class RunDocument(Struct, frozen=True):
    """The document of `run --json`, `report --json` and `recheck --json`.

    `exit_status` is the command's own. `changed` names the claims whose verdict `recheck` changed.
    `trials_lost` counts trials that gave no evidence, `trials_disturbed` those that noise added time to;
    `weather` is what others did on the machine meanwhile, `noise` a sentence on it and on what would help.
    """

    run: str
    experiment: str
    status: RunStatus
    cause: str
    exit_status: int
    verdicts: tuple[Verdict, ...]
    learned: str
    blocks: int
    trials: int
    trials_lost: int
    left_out: tuple[LeftOut, ...]
    seed: int
    budget_s: float
    started_at: float
    ended_at: float | None
    folder: str
    report: str
    changed: tuple[str, ...] = ()
    trials_disturbed: int = 0
    weather: Weather | None = None
    noise: str = ""


class ListedRun(Struct, frozen=True):
    """One entry of `runs --json`. `verdicts` counts the claims by verdict.

    A load has no `experiment`; its `load` is the URL, and `says` what it came to. `from_elsewhere`: it was
    taken in from another machine, and is no run of this one.
    """

    run: str
    experiment: str
    status: RunStatus
    cause: str
    verdicts: dict[str, int]
    started_at: float
    ended_at: float | None
    folder: str
    load: str = ""
    says: str = ""
    from_elsewhere: bool = False


class TourStop(Struct, frozen=True):
    """One experiment of a tour: its run, or the reason why there is none."""

    experiment: str
    exit_status: int
    run: RunDocument | None = None
    error: str = ""


class TourDocument(Struct, frozen=True):
    """The document of `tour --json`. `exit_status` is the worst of the stops'."""

    exit_status: int
    stops: tuple[TourStop, ...]


class NeedFound(Struct, frozen=True):
    """One need of some experiment and what it unlocks: an id alone, or an id with a level."""

    need: str
    available: bool
    version: str
    where: str
    install: str
    unlocks: tuple[str, ...]


class Fact(Struct, frozen=True):
    """Something about the machine; `advice` says what to do where it is not `good`."""

    name: str
    value: str
    good: bool = True
    advice: str = ""


class DoctorDocument(Struct, frozen=True):
    """The document of `doctor --json`. `ready` is true if some experiment can run."""

    ready: bool
    experiments: dict[str, Runs]
    needs: tuple[NeedFound, ...]
    facts: tuple[Fact, ...]
    machine: dict[str, Any]
    store: str
    broken_manifests: tuple[str, ...]


class NewDocument(Struct, frozen=True):
    """The document of `new --json`."""

    id: str
    folder: str
    files: tuple[str, ...]


PRINTED_BY: dict[str, type[Struct]] = {
    "list": ListedExperiment,
    "show": ShownExperiment,
    "run": RunDocument,
    "tour": TourDocument,
    "runs": ListedRun,
    "report": RunDocument,
    "recheck": RunDocument,
    "doctor": DoctorDocument,
    "new": NewDocument,
}
"""Which document each verb prints; `list` and `runs` print a list of them."""


class LinkDocument(Struct, frozen=True):
    """The document of `link --json`. `audit` is what the link measured of itself.

    `exit_status` is the command's; `left_running` counts the processes that it left behind, now ended.
    """

    exit_status: int
    command: str
    tier: str
    seed: int
    audit: dict[str, Any]
    left_running: int
