"""What the test of an experiment uses: the experiment with its kept trials, and a real block of it.

HERE = experiment_of(__file__)

def test_a_trial_that_lost_an_answer_is_no_evidence() -> None:
    assert HERE.recorded.broken(HERE.recorded.trial("lost")) == ["all_answered"]

@pytest.mark.system
def test_what_real_systems_do(one_block: OneBlock) -> None:
    trials = one_block(HERE)
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest

from hinterland.catalogue.manifest import read
from hinterland.claims.declared import claims_of
from hinterland.claims.judge import judge
from hinterland.lab.recorded import Recorded, broken, history, packets
from hinterland.model.experiment import Experiment, Level
from hinterland.model.history import History
from hinterland.model.levels import treatments
from hinterland.model.packets import HEAD_BYTES
from hinterland.model.run import RunRecord
from hinterland.model.verdict import Outcome, TrialResult, Verdict
from hinterland.rig import Rig
from hinterland.rig.link.pipe.shape import parse_drops
from hinterland.rig.machine.needs import check
from hinterland.runner.plan import settings
from hinterland.runner.record import packet_files
from hinterland.runner.record.folder import load as load_run
from hinterland.runner.run import RunOptions, run_experiment
from hinterland.runner.trials.code import Code, load

__all__ = [
    "HEAD_BYTES",
    "OneBlock",
    "Recorded",
    "Rig",
    "RunOptions",
    "RunRecord",
    "TrialResult",
    "UnderTest",
    "Verdict",
    "broken",
    "check",
    "claims_of",
    "experiment_of",
    "history",
    "judge",
    "load_run",
    "one_block",
    "packet_files",
    "packets",
    "parse_drops",
    "require",
    "run_experiment",
    "settings",
    "treatments",
]

BUSY_CORES = "64"
"""What a test looks at is no matter of how busy the machine is: trials are not disturbed by others."""


@dataclass(frozen=True)
class UnderTest:
    """An experiment under test: its folder, its manifest, its code, and the trials that it keeps."""

    folder: Path
    experiment: Experiment
    code: Code
    recorded: Recorded

    def outcome(self, history: History) -> Outcome:
        """Returns what its `outcome` makes of a history."""
        return self.code.outcome(history)

    @property
    def source(self) -> Any:
        """Its `experiment.py` as a module."""
        return sys.modules[self.code.trial.__module__]

    def recorded_as(
        self,
        read_history: Callable[[dict[str, Any]], History] = history,
        outcome: Callable[[History], Outcome] | None = None,
    ) -> Recorded:
        """Returns the trials that it keeps, where they are kept in a form of their own or judged in part."""
        return Recorded(self.folder, outcome or self.code.outcome, read_history)

    def module(self, name: str) -> Any:
        """Returns a program of the experiment's `systems/` as a module, made anew."""
        path = self.folder / "systems" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"{self.experiment.name}_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        made: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made


def experiment_of(test_file: str | Path) -> UnderTest:
    """Returns the experiment in whose folder a test stands. Raises UsageError where it is not sound."""
    folder = Path(test_file).parent
    experiment = read(folder)
    code = load(experiment)
    return UnderTest(folder, experiment, code, Recorded(folder, code.outcome))


class OneBlock(Protocol):
    """Runs one block, and returns its trials: those of the default design, or with these levels.

    needs: what else must be here, or the test is skipped (in CI it fails): the experiment's own needs are
    asked for anyhow, but not its optional ones and those of its levels.
    """

    def __call__(
        self, here: UnderTest, *needs: str, **levels: Sequence[Level]
    ) -> tuple[TrialResult, ...]: ...


def need_or_skip(need: str) -> None:
    """Skips the test when a need is missing; in CI a missing one is a failure."""
    status = check(need)
    if status.available:
        return
    says = f"{need} is not here. Install it: {status.install}"
    if os.environ.get("CI") == "true":
        pytest.fail(says)
    pytest.skip(says)


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """Returns a function that skips the test when a need is missing; in CI a missing one is a failure."""
    return need_or_skip


@pytest.fixture(scope="session")
def one_block(tmp_path_factory: pytest.TempPathFactory) -> OneBlock:
    """Returns what runs one real block of an experiment, always with the same seed; no trial may fail."""

    def run(here: UnderTest, *needs: str, **levels: Sequence[Level]) -> tuple[TrialResult, ...]:
        for need in (*here.experiment.needs, *needs):
            if not need.endswith("?"):
                need_or_skip(need)
        options = RunOptions(
            set={name: tuple(chosen) for name, chosen in levels.items()},
            blocks=1,
            store=tmp_path_factory.mktemp("runs"),
            seed=1,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HINTERLAND_BUSY_CORES", BUSY_CORES)
            trials = run_experiment(here.experiment, options).trials
        assert [(one.cause, one.log) for one in trials if one.status == "failed"] == []
        return trials

    return run
