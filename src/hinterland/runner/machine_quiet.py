"""The assumption that nobody else used the machine while a trial ran."""

from __future__ import annotations

import os

from hinterland.model.verdict import Assumption, TrialResult
from hinterland.runner.messages import Exited
from hinterland.runner.trial_status import with_assumptions

MOST_FOREIGN_CORES = 0.5
MOST_STEAL_SHARE = 0.05


def most_foreign_cores() -> float:
    """Returns how many cores other processes may use. $HINTERLAND_BUSY_CORES raises it on a busy machine."""
    return float(os.environ.get("HINTERLAND_BUSY_CORES") or MOST_FOREIGN_CORES)


def with_machine(result: TrialResult, exited: Exited) -> TrialResult:
    """Returns the result with the assumption `machine_quiet` judged; void when it broke."""
    limit = most_foreign_cores()
    held = exited.foreign_cores <= limit and exited.steal_share <= MOST_STEAL_SHARE
    quiet = Assumption(
        id="machine_quiet",
        says=f"others keep under {limit:g} cores busy, the hypervisor takes under {MOST_STEAL_SHARE:.0%}",
        held=held,
        measured=f"other processes {exited.foreign_cores:.2f} cores, steal {exited.steal_share:.1%}",
    )
    return with_assumptions(result, quiet)
