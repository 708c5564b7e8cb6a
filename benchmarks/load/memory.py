"""How much memory an hour at 20,000 a second takes: measured for two minutes, and reckoned on from there.

What a load keeps is bounded but for one thing: the histogram of each second, in the process that merges. So
memory grows by a straight line once all buffers have been used: the line is fitted to what the processes
held in the second half of the run, and drawn on to an hour. Rows of that histogram are wider the more the
times differ; a server with a longer tail than nginx costs more.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from benchmarks.load.bench import Bench
from benchmarks.load.row import Row, judged
from hinterland.load.plan.plan import Arrivals
from hinterland.load.result.result import LoadResult
from hinterland.rig.processes.process_table import children_of

GROUP = "memory"
RATE_PER_S, HOUR_S, TARGET_MB = 20_000, 3600.0, 300.0


async def rows(bench: Bench, duration_s: float) -> AsyncIterator[Row]:
    """Yields what is held at the end of the run, and what would be after an hour."""
    held: list[tuple[float, int]] = []
    others = {*bench.pids, *children_of(os.getpid())}
    began_s = time.monotonic()

    def look(_: LoadResult) -> None:
        pids = [os.getpid(), *(pid for pid in children_of(os.getpid()) if pid not in others)]
        held.append((time.monotonic() - began_s, sum(resident_bytes(pid) for pid in pids)))

    asked = bench.plan(arrivals=Arrivals(rate_per_s=RATE_PER_S), duration_s=duration_s, scheduler="timerfd")
    result, delays = await bench.load(asked, watch=look)
    # The last samples may be of processes that have ended by then.
    moments, sizes = np.array(held[:-2], float).T
    later = moments > moments[-1] / 2
    growth_per_s = max(0.0, float(np.polyfit(moments[later], sizes[later], 1)[0]))
    now_mb = float(sizes[-1]) / 1e6
    hour_mb = now_mb + growth_per_s * (HOUR_S - duration_s) / 1e6
    most = max(process.max_rss_bytes for process in result.generator.processes) / 1e6
    yield Row(
        GROUP,
        f"held after {duration_s:g} s",
        f"{now_mb:.0f} MB in all; a process of the engine {most:.0f} MB",
    )
    yield Row(
        GROUP,
        f"after an hour at {RATE_PER_S:,}/s",
        f"{hour_mb:.0f} MB ({growth_per_s * 60 / 1e6:.2f} MB a minute; {result.operations:,} operations)",
        f"at most {TARGET_MB:g} MB",
        judged(hour_mb <= TARGET_MB, void=delays.void),
        {"now_mb": now_mb, "growth_bytes_per_s": growth_per_s, "generator_delay": delays.generator},
    )


def resident_bytes(pid: int) -> int:
    """Returns the memory of a process that is in use, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError):
        return 0
