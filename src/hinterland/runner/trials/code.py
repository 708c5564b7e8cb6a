"""An experiment's code, loaded only to run it: `trial` and `outcome` of its experiment.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hinterland.errors import SetupError, UsageError
from hinterland.model.experiment import Experiment
from hinterland.model.history import History
from hinterland.model.verdict import Outcome

if TYPE_CHECKING:
    from hinterland.runner.trials.trial import Trial


@dataclass(frozen=True)
class Code:
    """What an experiment.py must define. `outcome` is pure, so that a record can be judged again."""

    trial: Callable[[Trial], Awaitable[None]]
    outcome: Callable[[History], Outcome]
    folder: Path


def load(experiment: Experiment) -> Code:
    """Imports `experiment.py` of the experiment's folder.

    Raises UsageError when it lacks one of the two names.
    """
    path = Path(experiment.folder) / "experiment.py"
    name = "hinterland_experiment_" + experiment.id.replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise UsageError(f"{path} does not exist: an experiment needs it.", "See: hinterland new --help")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise SetupError(
            f"{path} needs {error.name or error}, which can't be imported: {error}.",
            "See: hinterland doctor",
        ) from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} can't be imported: {type(error).__name__}: {error}.") from error
    for wanted in ("trial", "outcome"):
        if not hasattr(module, wanted):
            raise UsageError(f"{path} must define {wanted}.", "It needs: async def trial(t), def outcome(h)")
    return Code(trial=module.trial, outcome=module.outcome, folder=path.parent)
