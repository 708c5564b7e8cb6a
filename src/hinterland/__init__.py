"""Hinterland: an executable atlas of backend engineering.

Everything the command line does stands here. Names are imported when first used, so that
`import hinterland` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "Trial": "hinterland.runner.trial",
    "History": "hinterland.model.history",
    "Operation": "hinterland.model.history",
    "LoadSample": "hinterland.model.history",
    "Outcome": "hinterland.model.verdict",
    "Finding": "hinterland.model.verdict",
    "Assumption": "hinterland.model.verdict",
    "WitnessEvent": "hinterland.model.verdict",
    "never": "hinterland.model.claims",
    "ratio_at_least": "hinterland.model.claims",
    "difference_within": "hinterland.model.claims",
    "crossover": "hinterland.model.claims",
    "matches": "hinterland.model.claims",
    "experiments": "hinterland.catalogue",
    "find": "hinterland.catalogue",
    "RunOptions": "hinterland.runner.run",
    "run_experiment": "hinterland.runner.run",
    "recheck": "hinterland.runner.recheck",
    "load_run": "hinterland.runner.record",
    "list_runs": "hinterland.runner.record",
}
_NAMED_ELSEWHERE = {
    "never": "Never",
    "ratio_at_least": "RatioAtLeast",
    "difference_within": "DifferenceWithin",
    "crossover": "Crossover",
    "matches": "Matches",
    "load_run": "load",
}

__all__ = [
    "Assumption",
    "Finding",
    "History",
    "LoadSample",
    "Operation",
    "Outcome",
    "RunOptions",
    "Trial",
    "WitnessEvent",
    "crossover",
    "difference_within",
    "experiments",
    "find",
    "list_runs",
    "load_run",
    "matches",
    "never",
    "ratio_at_least",
    "recheck",
    "run_experiment",
]

if TYPE_CHECKING:
    from hinterland.catalogue import experiments as experiments
    from hinterland.catalogue import find as find
    from hinterland.model.claims import Crossover as crossover  # noqa: N813
    from hinterland.model.claims import DifferenceWithin as difference_within  # noqa: N813
    from hinterland.model.claims import Matches as matches  # noqa: N813
    from hinterland.model.claims import Never as never  # noqa: N813
    from hinterland.model.claims import RatioAtLeast as ratio_at_least  # noqa: N813
    from hinterland.model.history import History as History
    from hinterland.model.history import LoadSample as LoadSample
    from hinterland.model.history import Operation as Operation
    from hinterland.model.verdict import Assumption as Assumption
    from hinterland.model.verdict import Finding as Finding
    from hinterland.model.verdict import Outcome as Outcome
    from hinterland.model.verdict import WitnessEvent as WitnessEvent
    from hinterland.runner.recheck import recheck as recheck
    from hinterland.runner.record import list_runs as list_runs
    from hinterland.runner.record import load as load_run
    from hinterland.runner.run import RunOptions as RunOptions
    from hinterland.runner.run import run_experiment as run_experiment
    from hinterland.runner.trial import Trial as Trial


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'hinterland' has no attribute {name!r}")
    module = importlib.import_module(_WHERE[name])
    return getattr(module, _NAMED_ELSEWHERE.get(name, name))
