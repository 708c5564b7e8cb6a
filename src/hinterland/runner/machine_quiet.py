"""The assumption that nobody else used the machine while a trial ran."""

from __future__ import annotations

import os

from msgspec.structs import replace

from hinterland.model.verdict import Assumption, TrialResult
from hinterland.model.weather import Weather
from hinterland.runner.trials.trial_status import with_assumptions

MOST_FOREIGN_CORES = 0.5
MOST_STEAL_SHARE = 0.05


def most_foreign_cores() -> float:
    """Returns how many cores other processes may use. $HINTERLAND_BUSY_CORES raises it on a busy machine."""
    return float(os.environ.get("HINTERLAND_BUSY_CORES") or MOST_FOREIGN_CORES)


def is_quiet(weather: Weather) -> bool:
    """Decides whether others took so little of the machine that it does not count."""
    return weather.foreign_cores <= most_foreign_cores() and weather.steal_share <= MOST_STEAL_SHARE


def with_machine(result: TrialResult, weather: Weather) -> TrialResult:
    """Returns the result with its weather, and the assumption `machine_quiet` judged by it."""
    limit = most_foreign_cores()
    busiest = f", most of it {weather.by} with {weather.by_cores:.2f}" if weather.by else ""
    others = f"other processes {weather.foreign_cores:.2f} cores{busiest}"
    quiet = Assumption(
        id="machine_quiet",
        says=f"others keep under {limit:g} cores busy, the hypervisor takes under {MOST_STEAL_SHARE:.0%}",
        held=is_quiet(weather),
        measured=f"{others}, steal {weather.steal_share:.1%}",
        timed=True,
    )
    return replace(with_assumptions(result, quiet), weather=weather)
