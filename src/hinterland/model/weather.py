"""The weather of a machine: what everything else on it did while a trial ran."""

from __future__ import annotations

from math import log

from msgspec import Struct

MOST_TAKEN_SHARE = 0.9
MEASURED_SHARE = 0.5
"""The share of a trial in which it measures: all that was stolen of it may have been stolen there."""


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
        """By how much theft stretched a trial that was on the processor all along alike, as a logarithm.

        A trial that computes loses the share stolen of what it wanted; one that mostly waits loses no more
        than was stolen at all while it ran, one processor's time after the other's.
        """
        return -log(1 - min(self.stolen_of_wanted, MOST_TAKEN_SHARE, self.cores * self.steal_share))

    @property
    def most_log_theft(self) -> float:
        """By how much theft may have stretched what was measured in a part of the trial, as a logarithm."""
        struck = self.cores * self.steal_share / MEASURED_SHARE
        return -log(1 - min(self.stolen_of_wanted, MOST_TAKEN_SHARE, struck))

    @property
    def log_taken(self) -> float:
        """By how much others may have stretched that work at most, as a logarithm."""
        foreign_share = self.foreign_cores / max(self.cores, 1)
        return -log(1 - min(MOST_TAKEN_SHARE, self.stolen_of_wanted + foreign_share))
