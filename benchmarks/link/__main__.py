"""`python -m benchmarks.link`: does the link do what it was asked to, how fast, and does it leave anything?

Rows without a target are for information. Exit status: 0 when all targets are met, 1 when one is missed. A
busy machine misses them: the load average is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from benchmarks.link import delay, life, loss, rate, user
from benchmarks.link.row import Row
from hinterland.errors import HinterlandError
from hinterland.rig.link.kernel.tiers import survey


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each part takes: probes for each RTT, share of the packets, turns, links."""

    probes: int
    share_of_packets: float
    turns: int
    turn_s: float
    starts: int
    links: int
    kills: int


FULL = Plan(probes=1000, share_of_packets=1.0, turns=3, turn_s=3.0, starts=20, links=100, kills=20)
QUICK = Plan(probes=200, share_of_packets=0.2, turns=1, turn_s=1.5, starts=5, links=20, kills=5)


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.link", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 30 s instead of 2 minutes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--as-user", action="store_true", help="as root: run as the user nobody")
    parser.add_argument("--seed", type=int, help="lose the same packets as another run with this seed")
    parser.add_argument("--only", help="groups to run, such as delay,loss", default="")
    asked = parser.parse_args()
    try:
        if asked.as_user:
            return user.again([word for word in sys.argv[1:] if word != "--as-user"])
        return _run(asked)
    except HinterlandError as error:
        print(f"{error.says}\n  {error.next_step}", file=sys.stderr)
        return 2


def _run(asked: argparse.Namespace) -> int:
    plan = QUICK if asked.quick else FULL
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    tier = survey().tier
    if not asked.json:
        print(f"The link as {who}, tier {tier}; load average {load:.1f} on {cores} cores.")
    began_s = time.monotonic()
    wanted = asked.only.split(",") if asked.only else list(GROUPS)
    found: list[Row] = []
    for group in wanted:
        if not asked.json:
            print(f"{HEADINGS[group]}:")
        for row in GROUPS[group](plan, asked.seed):
            found.append(row)
            if not asked.json:
                print(row.as_line(), flush=True)
    missed = [row for row in found if row.met is False]
    took_s = time.monotonic() - began_s
    if asked.json:
        kept = {"as": who, "tier": tier, "load_average": load, "cores": cores, "seconds": took_s}
        print(json.dumps({"met": not missed, **kept, "rows": [asdict(row) for row in found]}))
    else:
        says = "All targets met" if not missed else f"{len(missed)} targets missed"
        print(f"{says}, after {took_s:.0f} s. A loss lies outside its interval in one good run of a hundred.")
        print("CPU a packet is the forwarder's own; what tbf costs stands in no process's account.")
    return 1 if missed else 0


GROUPS: dict[str, Callable[[Plan, int | None], Iterator[Row]]] = {
    "delay": lambda plan, seed: delay.rows(plan.probes),
    "loss": lambda plan, seed: loss.rows(plan.share_of_packets, seed),
    "rate": lambda plan, seed: rate.rows(plan.turns, plan.turn_s),
    "speed": lambda plan, seed: rate.unlimited(plan.turns, plan.turn_s),
    "life": lambda plan, seed: life.rows(plan.starts, plan.links, plan.kills),
}
HEADINGS = {
    "delay": "Delay: ICMP echo, answered by the far kernel, 200 a second",
    "loss": "Loss: UDP one way",
    "rate": "Rate: one TCP connection (cubic), payload and headers, in turns with tbf on a veth pair",
    "speed": "Speed: one TCP connection, no rate limit",
    "life": "Life",
}

if __name__ == "__main__":
    sys.exit(main())
