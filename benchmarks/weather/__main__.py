"""Makes weather and measures verdicts in it.

    python -m benchmarks.weather [--weather stolen] [--part aa] [--quick]
    python -m benchmarks.weather --part experiment --experiment protocols/handshake
    python -m benchmarks.weather --report

Weathers: quiet, neighbour, stolen, stalls. Parts: aa, known, tour, rest; experiment takes one more look at
one. Each may be given more than once; without them all weathers and all parts run, for hours. What is
measured is kept, and --report prints the table of it. Exit status 1: a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import monotonic

from benchmarks.weather.kept import FOLDER, Keeper, Line, parts
from benchmarks.weather.makers import WEATHERS
from benchmarks.weather.measure import EXPERIMENT, PARTS, planned, results
from benchmarks.weather.table import missed, report


def main() -> int:
    """Runs what is asked, or prints the table; returns 1 when a target is missed."""
    asked = arguments()
    if asked.report:
        kept = list(parts(asked.results))
        print(report(kept))
        return ended(missed(kept))
    fresh = [
        (weather, run_part(weather, part, asked))
        for weather in asked.weather or WEATHERS
        for part in asked.part or PARTS
    ]
    kept = [part for part in parts(asked.results) if (part.weather, part.part) in fresh]
    print("\n" + report(kept))
    return ended(missed(kept))


def run_part(weather: str, part: str, asked: argparse.Namespace) -> str:
    """Runs one part in one weather and keeps it. Returns the name under which it is kept."""
    runs = planned(part, experiment=asked.experiment or "", quick=asked.quick, runs=asked.runs)
    name = f"{EXPERIMENT}-{asked.experiment}" if part == EXPERIMENT else part
    keeper = Keeper(asked.results, weather, name, quick=asked.quick)
    began_s = monotonic()
    for number, line in enumerate(results(weather, runs), start=1):
        keeper.add(line)
        print(f"{weather} {part} {number}/{len(runs)}: {told(line)}", flush=True)
    print(f"{weather} {part}: {monotonic() - began_s:.0f} s", flush=True)
    return name


def told(line: Line) -> str:
    """Returns one run in a line."""
    if "error" in line:
        return f"{line['experiment']} did not run: {line['error']}"
    course = (
        f"{line['experiment']}, {line['seconds']:.0f} s, {line['blocks']} blocks, "
        f"{line['disturbed']} of {line['trials']} trials disturbed"
    )
    if "claims" in line:
        return f"{course}; " + ", ".join(f"{claim['id']} {claim['verdict']}" for claim in line["claims"])
    false = sum(bool(pair["false"]) for pair in line["pairs"])
    found = sum("slower_s" in pair for pair in line["pairs"])
    return f"{course}; {false} of {len(line['pairs'])} pairs falsely judged, {found} found slower"


def ended(targets: list[str]) -> int:
    """Says which targets were missed and returns the exit status."""
    for target in targets:
        print(f"missed: {target}", file=sys.stderr)
    return 1 if targets else 0


def arguments() -> argparse.Namespace:
    """Returns the command line; ends with status 2 where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.weather",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    told = "\n".join(f"{name}: {says}" for name, says in WEATHERS.items())
    parser.add_argument("--weather", action="append", choices=list(WEATHERS), help=told.replace("%", "%%"))
    told = "\n".join(f"{name}: {says}" for name, says in PARTS.items())
    parser.add_argument("--part", action="append", choices=[*PARTS, EXPERIMENT], help=told.replace("%", "%%"))
    parser.add_argument("--experiment", metavar="ID", help="which one, for --part experiment")
    parser.add_argument("--runs", type=int, metavar="N", help="how many runs of aa and known, or tours")
    parser.add_argument("--results", type=Path, default=FOLDER, metavar="DIR", help="where results are kept")
    parser.add_argument(
        "--report", action="store_true", help="print the table of what is kept, and run nothing"
    )
    parser.add_argument("--quick", action="store_true", help="a short version, to see that it works")
    asked = parser.parse_args()
    if (EXPERIMENT in (asked.part or ())) != bool(asked.experiment):
        parser.error("--part experiment and --experiment ID belong together.")
    return asked


if __name__ == "__main__":
    sys.exit(main())
