"""`python -m benchmarks.load`: how fast the load engine sends, and whether it tells the truth about a stall.

Exit status: 0 when the targets are met, 1 when one is missed, 2 when other processes spoiled the run.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import uvloop
from scipy import stats

from benchmarks.load import rate, stall
from benchmarks.load.bench import CONNECTIONS, bench
from benchmarks.load.rate import Turn
from benchmarks.load.stall import Stall

RATE_TARGET_PER_S, RATIO_TARGET, TRUTH_TARGET = 140_000, 0.9, 0.03
FEWEST_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """`repeats` turns of each generator that count, of `attempts` at most; then a stall amid a load."""

    repeats: int
    attempts: int
    turn_s: float
    stall_run_s: float
    stall_s: float


FULL = Plan(repeats=7, attempts=14, turn_s=2, stall_run_s=10, stall_s=1)
QUICK = Plan(repeats=5, attempts=8, turn_s=1, stall_run_s=5, stall_s=0.5)


def main() -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 s instead of 80 s")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    asked = parser.parse_args()
    turns, stalled = uvloop.run(_measure(QUICK if asked.quick else FULL, quiet=asked.json))
    result = _judge(turns, stalled)
    if asked.json:
        print(json.dumps({**result, "turns": [asdict(t) for t in turns], "stall": asdict(stalled)}))
    else:
        _print(result, stalled)
    return int(result["exit_status"])


async def _measure(plan: Plan, quiet: bool) -> tuple[list[Turn], Stall]:
    async with bench() as place:
        if not quiet:
            print(
                f"nginx {place.nginx.version}, 1 worker on core {_cores(place.server_cores)}; "
                f"generator on core {_cores(place.generator_cores)}; {CONNECTIONS} connections; "
                f"load average {Path('/proc/loadavg').read_text().split()[0]}"
            )
        turns: list[Turn] = []
        generators = rate.generators()
        for repeat in range(plan.attempts):
            # Whoever goes first this time goes last the next.
            order = generators if repeat % 2 == 0 else generators[::-1]
            turns += [await rate.turn(place, generator, repeat, plan.turn_s) for generator in order]
            if not quiet:
                print(
                    "  "
                    + ", ".join(_turn(t) for t in sorted(turns[-len(order) :], key=lambda t: t.generator))
                )
            if len(_counting(turns)) >= plan.repeats:
                break
        stalled = await stall.measure(place, plan.stall_run_s, plan.stall_s)
        for _ in range(2):
            if not stalled.void:
                break
            stalled = await stall.measure(place, plan.stall_run_s, plan.stall_s)
        return turns, stalled


def _counting(turns: list[Turn]) -> list[int]:
    """Returns the repeats in which no turn was void."""
    void = {turn.repeat for turn in turns if turn.void}
    return sorted({turn.repeat for turn in turns} - void)


def _judge(turns: list[Turn], stalled: Stall) -> dict[str, Any]:
    repeats = _counting(turns)
    by = {(turn.generator, turn.repeat): turn.rate_per_s for turn in turns}
    rates = {
        name: median([by[name, repeat] for repeat in repeats]) if repeats else None
        for name in rate.generators()
    }
    ratio = _ratio([math.log(by["engine", r] / by["wrk", r]) for r in repeats]) if "wrk" in rates else None
    reached = rates["engine"] or 0.0
    fast = reached >= RATE_TARGET_PER_S or (ratio is not None and ratio[0] >= RATIO_TARGET)
    true = stalled.worst <= TRUTH_TARGET
    spoiled = len(repeats) < FEWEST_REPEATS or (not true and stalled.void)
    return {
        "rates_per_s": rates,
        "ratio_to_wrk": ratio,
        "repeats": len(repeats),
        "void_repeats": len({turn.repeat for turn in turns}) - len(repeats),
        "rate_met": fast if repeats else None,
        "stall_worst": stalled.worst,
        "stall_met": true,
        "exit_status": 2 if spoiled else 0 if fast and true else 1,
    }


def _ratio(logs: list[float]) -> tuple[float, float, float] | None:
    """Returns the ratio with its 95 % interval (Student's t on paired log ratios), None for fewer than 2."""
    if len(logs) < 2:
        return None
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    centre = float(np.mean(logs))
    return math.exp(centre), math.exp(centre - half), math.exp(centre + half)


def _print(result: dict[str, Any], stalled: Stall) -> None:
    rates, ratio = result["rates_per_s"], result["ratio_to_wrk"]
    print(f"\nClosed loop, medians of {result['repeats']} turns ({result['void_repeats']} repeats void):")
    for name, generator in (
        ("this engine, answers alike", "engine"),
        ("this engine, answers all differ", "engine_different"),
        ("wrk, 1 thread", "wrk"),
    ):
        if rates.get(generator):
            print(f"  {name:<32} {rates[generator]:>9,.0f} requests/s")
    if "wrk" not in rates:
        print("  wrk is not installed: no ratio (Debian: apt-get install wrk)")
    if ratio is not None:
        print(f"  engine / wrk {ratio[0]:.3f} (95 % interval {ratio[1]:.3f} to {ratio[2]:.3f})")
    print(f"  target {RATE_TARGET_PER_S:,} requests/s or {RATIO_TARGET} of wrk: {_met(result['rate_met'])}")
    print(
        f"\nThe server stood still for {stalled.stall_s:.3f} s of {stalled.duration_s:.0f} s at "
        f"{stall.RATE_PER_S:,} requests/s, in ms:"
    )
    print("                                            p99     p99.9")
    for name, values in (
        ("truth, from the schedule and the stall", stalled.truth_ms),
        ("open loop, from the intended moment", stalled.open_ms),
        ("the same, from the moment of sending", stalled.service_ms),
        ("closed loop, the same stall", stalled.closed_ms),
    ):
        print(f"  {name:<38} {values[0]:>8.1f}  {values[1]:>8.1f}")
    print(
        f"  pacing {stalled.pacing}, lateness p99 {stalled.lateness_p99_us:.1f} us, "
        f"run-queue delay {stalled.generator_delay:.1%} of the generator, {stalled.server_delay:.1%} of nginx"
    )
    print(
        f"  target within {TRUTH_TARGET:.0%} of the truth: {stalled.worst:.2%}: {_met(result['stall_met'])}"
    )
    if result["exit_status"] == 2:
        print("\nInconclusive: other processes took the cores. Run it again on a quiet machine.")


def _turn(turn: Turn) -> str:
    says = f"{turn.generator} {turn.rate_per_s:,.0f}/s"
    delay = max(turn.generator_delay, turn.server_delay)
    return f"{says} (void: {delay:.0%} run-queue delay)" if turn.void else says


def _cores(cores: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cores)))


def _met(met: bool | None) -> str:
    return "not measured" if met is None else "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
