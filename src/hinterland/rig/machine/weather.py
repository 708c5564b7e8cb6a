"""Measures the machine's weather: what others did on it between two readings."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from hinterland.model.weather import Weather
from hinterland.rig.probes.pressure import IDLE, IOWAIT, STEAL, USED, cpu_ticks, own_cpu_s
from hinterland.rig.probes.sampler import cpu_ns
from hinterland.rig.processes.process_table import TICKS_PER_S, descendants, scan

LEAST_NAMED_CORES = 0.05
"""A process that used less is not named: everybody has some of those."""

ProcessKey = tuple[int, int]


@dataclass(frozen=True)
class Reading:
    """The machine's counters at one moment. `others` holds the CPU time of each process that isn't ours."""

    at_s: float
    ticks: tuple[int, ...]
    ours_s: float
    others_ns: dict[ProcessKey, int] = field(default_factory=dict)

    @classmethod
    def now(cls, *, ours_s: float | None = None, named: bool = False) -> Reading:
        """Reads the counters; `named` reads every process as well, so that the busiest can be told.

        ours_s: the CPU time of what belongs to the caller, that of its own descendants without it.
        """
        ours = own_cpu_s() if ours_s is None else ours_s
        return cls(time.monotonic(), tuple(cpu_ticks()), ours, _others_ns() if named else {})

    def weather_until(self, now: Reading) -> Weather:
        """Returns what others did between this reading and a later one."""
        wall_s = max(now.at_s - self.at_s, 1e-3)
        used = [later - earlier for later, earlier in zip(now.ticks[:USED], self.ticks[:USED], strict=True)]
        cores = os.cpu_count() or 1
        whole_s = wall_s * cores
        busy_s = (sum(used) - used[IDLE] - used[IOWAIT] - used[STEAL]) / TICKS_PER_S
        foreign_s = max(0.0, busy_s - (now.ours_s - self.ours_s))
        by, by_cores = _busiest(self.others_ns, now.others_ns, wall_s)
        return Weather(
            wall_s=wall_s,
            cores=cores,
            steal_share=min(1.0, max(0.0, used[STEAL] / TICKS_PER_S / whole_s)),
            busy_share=min(1.0, max(0.0, busy_s / whole_s)),
            foreign_cores=foreign_s / wall_s,
            by=by,
            by_cores=by_cores,
        )


def watch(over_s: float) -> Weather:
    """Returns the weather of the next `over_s` seconds, the busiest process named. Blocks that long."""
    before = Reading.now(named=True)
    time.sleep(over_s)
    return before.weather_until(Reading.now(named=True))


def _others_ns() -> dict[ProcessKey, int]:
    table = scan()
    ours = {os.getpid(), *(each.pid for each in descendants(table, [os.getpid()]))}
    ours |= _ancestors(os.getpid(), {pid: each.parent for pid, each in table.items()})
    return {(pid, each.start_ticks): cpu_ns(pid) for pid, each in table.items() if pid not in ours}


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    """Who started us waits for us, or shows what we do: no stranger."""
    found: set[int] = set()
    while (pid := parents.get(pid, 0)) and pid not in found:
        found.add(pid)
    return found


def _busiest(before: dict[ProcessKey, int], after: dict[ProcessKey, int], wall_s: float) -> tuple[str, float]:
    """Returns the name of the others' busiest program and the cores it used; one that is new counts whole."""
    by_name: dict[str, float] = {}
    for key, cpu in after.items():
        cores = (cpu - before.get(key, 0)) / 1e9 / wall_s
        if cores > LEAST_NAMED_CORES / 5:
            name = _name(key[0])
            by_name[name] = by_name.get(name, 0.0) + cores
    name = max(by_name, key=lambda each: by_name[each], default="")
    return (name, by_name[name]) if name and by_name[name] >= LEAST_NAMED_CORES else ("", 0.0)


def _name(pid: int) -> str:
    """Returns a process's name; of an interpreter the script it runs, which says more than `python3`."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a process that has ended"
    if name.startswith(("python", "node", "java", "perl", "ruby")):
        script = next((word for word in words[1:] if word and not word.startswith("-")), "")
        return f"{name} {Path(script).name}".strip()
    return name
