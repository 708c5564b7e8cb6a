"""`python -m benchmarks.load`: the load engine against its targets, and against its peers in the same run.

Exit status: 0 when all targets are met, 1 when one is missed, 2 when other processes spoiled what was not
met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass

from benchmarks.load import capacity, http2, idle, lateness, memory, rate, stall
from benchmarks.load.bench import CONNECTIONS, VOID_ABOVE_RUN_DELAY, Bench, bench
from benchmarks.load.peers import Misread
from benchmarks.load.row import Row
from hinterland.errors import HinterlandError


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each part takes: turns that count, turns at most, seconds of a turn, and so on."""

    repeats: int
    attempts: int
    turn_s: int
    stall_run_s: float
    stall_s: float
    connections: int
    searches: int
    search_s: float
    memory_s: float


FULL = Plan(7, 12, 3, 10.0, 1.0, 50_000, 2, 150.0, 120.0)
QUICK = Plan(3, 4, 2, 6.0, 0.6, 12_000, 1, 60.0, 20.0)

GROUPS: dict[str, Callable[[Bench, Plan], AsyncIterator[Row]]] = {
    rate.GROUP: lambda place, plan: rate.rows(place, plan.repeats, plan.attempts, plan.turn_s),
    http2.GROUP: lambda place, plan: http2.rows(place, plan.repeats, plan.attempts, plan.turn_s),
    lateness.GROUP: lambda place, plan: lateness.rows(place, 3, plan.turn_s + 2),
    stall.GROUP: lambda place, plan: stall.rows(place, 3, plan.stall_run_s, plan.stall_s),
    idle.GROUP: lambda place, plan: idle.rows(place, plan.connections),
    capacity.GROUP: lambda place, plan: capacity.rows(place, plan.searches, plan.search_s),
    memory.GROUP: lambda place, plan: memory.rows(place, plan.memory_s),
}
HEADINGS = {
    rate.GROUP: f"HTTP/1.1, closed loop, {CONNECTIONS} connections, one core, nginx `return 200`",
    http2.GROUP: "HTTP/2, closed loop, one connection, one core",
    lateness.GROUP: "Open loop: actual minus intended send",
    stall.GROUP: "A server that stands still, 10,000 requests a second",
    idle.GROUP: "Idle connections: peak memory of the generator, less that of one with 10",
    capacity.GROUP: "Capacity of M/M/1, 1,000/s, p99 < 20 ms",
    memory.GROUP: "Memory at 20,000 a second, all processes of the generator",
}


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 5 minutes instead of 15")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", default="", help=f"groups to run, of {','.join(GROUPS)}")
    asked = parser.parse_args()
    wanted = asked.only.split(",") if asked.only else list(GROUPS)
    if unknown := [name for name in wanted if name not in GROUPS]:
        parser.error(f"{','.join(unknown)}: there are {','.join(GROUPS)}")
    try:
        return asyncio.run(_run(wanted, QUICK if asked.quick else FULL, as_json=asked.json))
    except (HinterlandError, Misread) as error:
        print(error, file=sys.stderr)
        return 2


async def _run(wanted: list[str], plan: Plan, *, as_json: bool) -> int:
    found: list[Row] = []
    began_s, load_before = time.monotonic(), os.getloadavg()[0]
    async with bench() as place:
        if not as_json:
            print(
                f"nginx {place.nginx.version} on core {_cores(place.server_cores)}, generators on core "
                f"{_cores(place.generator_cores)}; load average {load_before:.1f}; "
                f"void above {VOID_ABOVE_RUN_DELAY:.0%} run-queue delay"
            )
        for name in wanted:
            if not as_json:
                print(f"{HEADINGS[name]}:", flush=True)
            async for row in GROUPS[name](place, plan):
                found.append(row)
                if not as_json:
                    print(row.as_line(), flush=True)
    took_s = time.monotonic() - began_s
    missed, void = ([row for row in found if row.word == word] for word in ("MISSED", "void"))
    status = 1 if missed else 2 if void else 0
    if as_json:
        print(json.dumps({"status": status, "seconds": took_s, "rows": [asdict(row) for row in found]}))
        return status
    print(f"\nTargets, after {took_s:.0f} s:")
    for row in found:
        if row.word:
            print(row.as_line())
    if void:
        print("void: other processes took the cores. Run it again on a quiet machine.")
    return status


def _cores(cores: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cores)))


if __name__ == "__main__":
    sys.exit(main())
