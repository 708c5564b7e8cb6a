"""Hinterland: an executable atlas of backend engineering.

Everything the command line does stands here. Names are imported when first used, so that
`import hinterland` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "__version__": "hinterland.package",
    "Trial": "hinterland.runner.trials.trial",
    "History": "hinterland.model.history",
    "Operation": "hinterland.model.history",
    "LoadSample": "hinterland.model.history",
    "Outcome": "hinterland.model.verdict",
    "Finding": "hinterland.model.verdict",
    "Assumption": "hinterland.model.verdict",
    "WitnessEvent": "hinterland.model.verdict",
    "experiments": "hinterland.catalogue",
    "find": "hinterland.catalogue",
    "RunOptions": "hinterland.runner.run",
    "run_experiment": "hinterland.runner.run",
    "recheck": "hinterland.runner.recheck",
    "load_run": "hinterland.runner.record.folder",
    "list_runs": "hinterland.runner.record.folder",
    "run_load": "hinterland.load.runs",
    "run_load_async": "hinterland.load.runs",
    "find_capacity": "hinterland.load.runs",
    "LoadRun": "hinterland.load.runs",
    "link": "hinterland.rig.link.opening",
    "star": "hinterland.rig.link.opening",
    "Link": "hinterland.rig.link.link",
    "Host": "hinterland.rig.link.host",
    "HostLink": "hinterland.rig.link.kernel.plan",
    "HostSettings": "hinterland.rig.link.kernel.settings",
    "Shape": "hinterland.rig.link.pipe.shape",
    "Burst": "hinterland.rig.link.pipe.shape",
}
_NAMED_ELSEWHERE = {
    "__version__": "VERSION",
    "load_run": "load",
}

__all__ = [
    "Assumption",
    "Burst",
    "Finding",
    "History",
    "Host",
    "HostLink",
    "HostSettings",
    "Link",
    "LoadRun",
    "LoadSample",
    "Operation",
    "Outcome",
    "RunOptions",
    "Shape",
    "Trial",
    "WitnessEvent",
    "experiments",
    "find",
    "find_capacity",
    "link",
    "list_runs",
    "load_run",
    "recheck",
    "run_experiment",
    "run_load",
    "run_load_async",
    "star",
]

if TYPE_CHECKING:
    from hinterland.catalogue import experiments as experiments
    from hinterland.catalogue import find as find
    from hinterland.load.runs import LoadRun as LoadRun
    from hinterland.load.runs import find_capacity as find_capacity
    from hinterland.load.runs import run_load as run_load
    from hinterland.load.runs import run_load_async as run_load_async
    from hinterland.model.history import History as History
    from hinterland.model.history import LoadSample as LoadSample
    from hinterland.model.history import Operation as Operation
    from hinterland.model.verdict import Assumption as Assumption
    from hinterland.model.verdict import Finding as Finding
    from hinterland.model.verdict import Outcome as Outcome
    from hinterland.model.verdict import WitnessEvent as WitnessEvent
    from hinterland.package import VERSION as __version__  # noqa: F401, N811
    from hinterland.rig.link.host import Host as Host
    from hinterland.rig.link.kernel.plan import HostLink as HostLink
    from hinterland.rig.link.kernel.settings import HostSettings as HostSettings
    from hinterland.rig.link.link import Link as Link
    from hinterland.rig.link.opening import link as link
    from hinterland.rig.link.opening import star as star
    from hinterland.rig.link.pipe.shape import Burst as Burst
    from hinterland.rig.link.pipe.shape import Shape as Shape
    from hinterland.runner.recheck import recheck as recheck
    from hinterland.runner.record.folder import list_runs as list_runs
    from hinterland.runner.record.folder import load as load_run
    from hinterland.runner.run import RunOptions as RunOptions
    from hinterland.runner.run import run_experiment as run_experiment
    from hinterland.runner.trials.trial import Trial as Trial


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'hinterland' has no attribute {name!r}")
    module = importlib.import_module(_WHERE[name])
    return getattr(module, _NAMED_ELSEWHERE.get(name, name))
