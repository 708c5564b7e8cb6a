"""How long the quick verbs take, interpreter start included: median and worst of N, in milliseconds.

    python benchmarks/startup/run.py [N]

Fails (exit status 1) where a median is above LIMIT_MS.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LIMIT_MS = 250.0
VERBS = (["--version"], ["--help"], ["list"], ["list", "--json"], ["runs"], ["doctor"])
UNLIMITED = ("doctor",)
"""Asks every program for its version, so it may take longer."""


def measure(command: list[str], times: int) -> list[float]:
    """Returns the wall times of `command` in ms, one uncounted call first to warm the page cache."""
    found = []
    for number in range(times + 1):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if number:
            found.append((time.perf_counter() - began) * 1000)
    return found


def main() -> int:
    """Prints one line a verb and returns the exit status."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    bare = statistics.median(measure([sys.executable, "-c", "pass"], times))
    print(f"{'':<24}{'median ms':>10}{'worst ms':>10}")
    print(f"{'python -c pass':<24}{bare:>10.0f}")
    slow = []
    for verb in VERBS:
        found = measure([sys.executable, "-m", "hinterland", *verb], times)
        median = statistics.median(found)
        print(f"{'hinterland ' + ' '.join(verb):<24}{median:>10.0f}{max(found):>10.0f}")
        if median > LIMIT_MS and verb[0] not in UNLIMITED:
            slow.append(" ".join(verb))
    if slow:
        print(f"Above {LIMIT_MS:.0f} ms: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
