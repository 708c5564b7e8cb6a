"""How long the quick verbs take, interpreter start included, and how many times Python's own start that is.

    python benchmarks/startup/run.py [N]

The commands take turns, N rounds (20) after one that is not counted, so that what else the machine does falls
on all alike. Compiled files may be written, as on most machines. Prints median and worst in milliseconds, and
the ratio of the medians to that of `python -c pass`. Fails (exit status 1) where one is above its limit.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

PYTHON = (sys.executable, "-c", "pass")
LIMITS = {
    ("--version",): 12.0,
    ("--help",): 12.0,
    ("list",): 12.0,
    ("list", "--json"): 12.0,
    ("runs",): None,
    ("doctor",): None,
}
"""Verbs, and how many times as long as Python alone they may take; None: it asks many programs or files."""


def measure(commands: list[tuple[str, ...]], rounds: int) -> dict[tuple[str, ...], list[float]]:
    """Returns the wall times of each command in ms, one a round."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found: dict[tuple[str, ...], list[float]] = {command: [] for command in commands}
    for number in range(rounds + 1):
        for command in commands:
            began = time.perf_counter()
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                env=environment,
            )
            if number:
                found[command].append((time.perf_counter() - began) * 1000)
    return found


def main() -> int:
    """Prints one line a command and returns the exit status."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    verbs = {(sys.executable, "-m", "hinterland", *verb): limit for verb, limit in LIMITS.items()}
    times_ms = measure([PYTHON, *verbs], rounds)
    bare_ms = statistics.median(times_ms[PYTHON])
    print(f"{'':<24}{'median ms':>10}{'worst ms':>10}{'times':>8}{'limit':>8}")
    print(f"{'python -c pass':<24}{bare_ms:>10.0f}{max(times_ms[PYTHON]):>10.0f}{1:>8}")
    above = []
    for command, limit in verbs.items():
        median_ms = statistics.median(times_ms[command])
        name = " ".join(("hinterland", *command[3:]))
        ratio, bound = median_ms / bare_ms, "" if limit is None else f"{limit:g}"
        print(f"{name:<24}{median_ms:>10.0f}{max(times_ms[command]):>10.0f}{ratio:>8.1f}{bound:>8}")
        if limit is not None and ratio > limit:
            above.append(name)
    if above:
        print(f"Above its limit: {', '.join(above)}", file=sys.stderr)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
