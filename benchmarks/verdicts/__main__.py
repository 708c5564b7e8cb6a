"""`python -m benchmarks.verdicts`: how often a verdict is false, and how often a true difference is found."""

from __future__ import annotations

import argparse
import json
import os
import sys
from time import monotonic

from benchmarks.verdicts import pooled, real, simulate

# Runs for each weather and each kind of trial: 8 weathers and 3 kinds, so quick is 2,016 A/A runs in all.
QUICK_SEQUENCES, SEQUENCES = 84, 1000
QUICK_POWER, POWER = 200, 1000
# For each weather, kind of trial and way to scatter, 81 in all: 2,268 runs of a dozen treatments, or 24,300.
QUICK_POOLED, POOLED = 28, 300


def main() -> int:
    """Print the scores; return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4,284 simulated A/A runs instead of 48,300")
    parser.add_argument("--real", action="store_true", help="also run real trials, for up to 10 minutes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    start = monotonic()
    scores = simulate.false_verdicts(QUICK_SEQUENCES if asked.quick else SEQUENCES)
    runs = QUICK_POWER if asked.quick else POWER
    scores += simulate.power(runs) + simulate.sameness(runs)
    runs = QUICK_POOLED if asked.quick else POOLED
    scores += pooled.false_verdicts(simulate.WEATHERS, runs) + pooled.power(runs)
    if asked.real:
        scores += [real.false_verdicts(), real.power()]
    met = all(score.met for score in scores)
    seconds = monotonic() - start
    # Real runs on a machine that is busy with something else find less: the reader should see it.
    load, cores = os.getloadavg()[1], os.cpu_count()
    if asked.json:
        kept = {"met": met, "seconds": seconds, "load_average": load, "cores": cores}
        print(json.dumps({**kept, "scores": [score.as_dict() for score in scores]}))
        return 0 if met else 1
    print(
        f"Verdicts: judged after each block, {simulate.BLOCKS} blocks an A/A run, {pooled.LOOKS} a pooled "
        "one; 95 % binomial intervals."
    )
    for score in scores:
        print(score.as_line())
    word = "All targets met" if met else "A target was missed"
    print(f"{word}, after {seconds:.0f} s; load average over 5 minutes: {load:.1f} on {cores} cores.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
