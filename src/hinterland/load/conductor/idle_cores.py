"""How much of this machine's cores nobody uses just now, from /proc/stat."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping, Set
from pathlib import Path

STAT = Path("/proc/stat")
OVER_S = 0.15
# Places in a line of /proc/stat: user nice system idle iowait ...; guest time is in user already.
IDLE, IOWAIT, COUNTED = 3, 4, 8


async def idle_cores(over_s: float = OVER_S) -> float:
    """Returns how many of the cores that this process may use stood idle, watched for so long: 0 to all.

    Infinite where it can't be known.
    """
    cores = os.sched_getaffinity(0)
    before = read()
    await asyncio.sleep(over_s)
    return idle_between(before, read(), cores)


def read() -> dict[int, tuple[int, int]]:
    """Returns (idle, all) ticks of each core since the start of the machine; empty where it can't be read."""
    try:
        return parsed(STAT.read_text())
    except OSError:
        return {}


def parsed(text: str) -> dict[int, tuple[int, int]]:
    """Returns (idle, all) ticks of each core from the text of /proc/stat."""
    found = {}
    for line in text.splitlines():
        name, *words = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            ticks = [int(word) for word in words[:COUNTED]]
            found[int(name[3:])] = (ticks[IDLE] + ticks[IOWAIT], sum(ticks))
    return found


def idle_between(
    before: Mapping[int, tuple[int, int]], after: Mapping[int, tuple[int, int]], cores: Set[int]
) -> float:
    """Returns the idle share of each of these cores between two readings, summed; infinite without any.

    A core that counted no tick was asleep.
    """
    shares = []
    for core in cores & before.keys() & after.keys():
        idle, total = (new - old for new, old in zip(after[core], before[core], strict=True))
        shares.append(min(1.0, max(0.0, idle / total)) if total > 0 else 1.0)
    return sum(shares) if shares else math.inf
