"""The weather of a machine: what everything else on it did while a trial ran."""

from __future__ import annotations

from math import log

from msgspec import Struct

MOST_TAKEN_SHARE = 0.9


class Weather(Struct, frozen=True):
    """What others took of the machine during a stretch of `wall_s` seconds.

    steal_share: share of all cores' time that the hypervisor gave to others. busy_share: share of it that
    was used here, by whomever. foreign_cores: how many cores other processes used. by, by_cores: the name of
    the busiest of them and what it used, empty and 0 where none stood out.
    """

    wall_s: float = 0.0
    cores: int = 1
    steal_share: float = 0.0
    busy_share: float = 0.0
    foreign_cores: float = 0.0
    by: str = ""
    by_cores: float = 0.0

    @property
    def stolen_of_wanted(self) -> float:
        """The share that the hypervisor took of the CPU time wanted here: it grows with what a trial uses."""
        wanted = self.steal_share + self.busy_share
        return min(MOST_TAKEN_SHARE, self.steal_share / wanted) if wanted > 0 else 0.0

    @property
    def taken_share(self) -> float:
        """The share of the machine that others took altogether."""
        return min(MOST_TAKEN_SHARE, self.steal_share + self.foreign_cores / max(self.cores, 1))

    @property
    def log_theft(self) -> float:
        """By how much theft alone may have stretched work that wants a processor, as a logarithm."""
        return -log(1 - self.stolen_of_wanted)

    @property
    def log_taken(self) -> float:
        """By how much others may have stretched that work at most, as a logarithm."""
        foreign_share = self.foreign_cores / max(self.cores, 1)
        return -log(1 - min(MOST_TAKEN_SHARE, self.stolen_of_wanted + foreign_share))
