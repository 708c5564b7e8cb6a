"""Takes the processors away in bursts: a program of its own.

    thief.py stolen|stalls SECONDS SEED PARENT [ordinary]

`stolen`: a fifth of each core, in bursts of 5 to 40 ms, each core by its own schedule, as a hypervisor does.
`stalls`: all cores at once for 50 to 300 ms, every 3 s or so.

One process spins on each core under SCHED_FIFO, which no ordinary program can push aside. Without the right
to that (or with `ordinary`) ten ordinary processes spin on each core, and leave whoever else wants it an
eleventh. The kernel keeps a SCHED_FIFO process from taking more than 95 % of a second; here no burst is
longer than 0.3 s.

It says what it is in one line of JSON, and when it ends what it took in a second. It ends when its standard
input does, after SECONDS, and with PARENT.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import sys
import time
from collections.abc import Iterator

from hinterland.rig.processes.supervision import die_with_parent

STOLEN_SHARE = 0.2
STOLEN_BURST_S = (0.005, 0.040)
STALL_S = (0.050, 0.300)
BETWEEN_STALLS_S = (2.0, 4.0)
PRIORITY = 20
ORDINARY_A_CORE = 10
# So that all of them are there before the first burst.
START_S = 0.1


def main() -> None:
    """Fork the spinning processes, wait for them, and say what they took."""
    kind, seconds, seed, parent = sys.argv[1], float(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    die_with_parent(parent)
    fifo = "ordinary" not in sys.argv[5:] and _may_be_first()
    cores = sorted(os.sched_getaffinity(0))
    begin_s = time.monotonic() + START_S
    me = os.getpid()
    workers = []
    for core in cores:
        # A stall strikes all cores at once: one schedule for all.
        schedule = seed if kind == "stalls" else f"{seed}/{core}"
        for _ in range(1 if fifo else ORDINARY_A_CORE):
            pid = os.fork()
            if pid == 0:
                _work(me, core, fifo, bursts(kind, random.Random(schedule)), begin_s, begin_s + seconds)
            workers.append(pid)
    ordinary = f"{ORDINARY_A_CORE} ordinary processes a core: no right to SCHED_FIFO"
    how = "SCHED_FIFO, one process a core" if fifo else ordinary
    print(json.dumps({"how": how, "processes": workers}), flush=True)
    for pid in workers:
        os.waitpid(pid, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {"wall_s": time.monotonic() - begin_s, "cpu_s": used.ru_utime + used.ru_stime}
    print(json.dumps(took), flush=True)


def bursts(kind: str, draw: random.Random) -> Iterator[tuple[float, float]]:
    """Yields pauses and the bursts after them, in seconds, without end."""
    while True:
        if kind == "stalls":
            yield draw.uniform(*BETWEEN_STALLS_S), draw.uniform(*STALL_S)
        else:
            burst_s = draw.uniform(*STOLEN_BURST_S)
            yield burst_s * (1 - STOLEN_SHARE) / STOLEN_SHARE * draw.uniform(0.5, 1.5), burst_s


def _may_be_first() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


def _work(
    parent: int, core: int, fifo: bool, plan: Iterator[tuple[float, float]], begin_s: float, end_s: float
) -> None:
    """Spins by the plan, in a process of its own, until the end or until standard input ends."""
    try:
        die_with_parent(parent)
        # Where the kernel shares processor time among sessions (autogroup), each counts by itself.
        os.setsid()
        os.sched_setaffinity(0, {core})
        if fifo:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        at_s = begin_s
        for pause_s, burst_s in plan:
            at_s += pause_s
            if _ended_by(min(at_s, end_s)) or at_s >= end_s:
                break
            at_s += burst_s
            while time.monotonic() < at_s:
                pass
    finally:
        os._exit(0)


def _ended_by(at_s: float) -> bool:
    """Waits until then, or until standard input ends; says whether it did."""
    return bool(select.select([sys.stdin], [], [], max(0.0, at_s - time.monotonic()))[0])


if __name__ == "__main__":
    main()
