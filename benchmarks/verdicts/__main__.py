"""`python -m benchmarks.verdicts`: how often a verdict is false, and how often a true difference is found."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic

from benchmarks.verdicts import pooled, real, rows, simulate
from benchmarks.verdicts.score import Score

# Runs for each weather and each kind of trial: 8 weathers and 3 kinds, so quick is 2,016 A/A runs in all.
QUICK_SEQUENCES, SEQUENCES = 84, 1000
QUICK_POWER, POWER = 200, 1000
# For each weather, kind of trial and way to scatter, 81 in all: 1,620 runs of a dozen treatments, or 24,300.
QUICK_POOLED, POOLED = 20, 300


def main() -> int:
    """Print the scores; return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3,636 simulated A/A runs instead of 48,300")
    parser.add_argument("--real", action="store_true", help="also run real trials, for up to 10 minutes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    if not asked.json:
        print(
            f"Verdicts: judged after each block, {simulate.BLOCKS} blocks an A/A run, {pooled.LOOKS} a "
            "pooled one; 95 % binomial intervals.",
            flush=True,
        )
    start, scores = monotonic(), []
    for some in parts(quick=asked.quick, real_too=asked.real):
        scores += some
        if not asked.json:
            # At once, so that who ends it early keeps what is counted.
            print("\n".join(score.as_line() for score in some), flush=True)
    met = all(score.met for score in scores)
    seconds = monotonic() - start
    # Real runs on a machine that is busy with something else find less: the reader should see it.
    load = os.getloadavg()[1]
    if asked.json:
        kept = {"met": met, "seconds": seconds, "load_average": load, "cores": os.cpu_count()}
        print(json.dumps({**kept, "scores": [score.as_dict() for score in scores]}))
        return 0 if met else 1
    word = "All targets met" if met else "A target was missed"
    print(
        f"{word}, after {seconds:.0f} s; load average over 5 minutes: {load:.1f} on {os.cpu_count()} cores."
    )
    return 0 if met else 1


def parts(*, quick: bool, real_too: bool) -> Iterator[list[Score]]:
    """Yields the scores of each part when it is counted, the simulated ones from all cores."""
    with ProcessPoolExecutor(rows.cores(), get_context("spawn")) as processes:
        count = rows.by(processes)
        yield simulate.false_verdicts(QUICK_SEQUENCES if quick else SEQUENCES, count=count)
        runs = QUICK_POWER if quick else POWER
        yield simulate.power(runs, count=count)
        yield simulate.sameness(runs, count=count)
        runs = QUICK_POOLED if quick else POOLED
        yield pooled.false_verdicts(simulate.WEATHERS, runs, count=count)
        yield pooled.power(runs, count=count)
    if real_too:
        yield [real.false_verdicts(), real.power()]


if __name__ == "__main__":
    sys.exit(main())
