"""Looks at the clock every 2 ms on each core, from a process of its own: who took the core shows as a gap.

    python -I -S canary.py CORE [CORE ...]

Says `ready`, looks until its input ends, and then writes the gaps as one line of JSON: pairs of ns of
CLOCK_MONOTONIC, each from the last moment at which a core was seen to run until it was seen to run again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time

PERIOD_S = 0.002
GAP_NS = 6_000_000
"""A gap is no standstill before it is three periods long: a core that is shared is given back within that."""

Gaps = list[tuple[int, int]]


def look(core: int, over: threading.Event, gaps: Gaps, watching: threading.Barrier) -> None:
    """Adds the gaps that one core shows until it is over."""
    with contextlib.suppress(OSError):  # A core that was taken offline: then it looks from another.
        os.sched_setaffinity(0, {core})  # This thread alone.
    watching.wait()
    last = time.monotonic_ns()
    while not over.is_set():
        time.sleep(PERIOD_S)
        now = time.monotonic_ns()
        if now - last > GAP_NS:
            gaps.append((last, now))
        last = now


def main(cores: list[int]) -> None:
    """Looks on these cores until standard input ends."""
    over, watching = threading.Event(), threading.Barrier(len(cores) + 1)
    found: list[Gaps] = [[] for _ in cores]
    threads = [
        threading.Thread(target=look, args=(core, over, gaps, watching))
        for core, gaps in zip(cores, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    watching.wait()
    os.write(1, b"ready\n")
    sys.stdin.buffer.read()
    over.set()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps(sorted(gap for gaps in found for gap in gaps)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
