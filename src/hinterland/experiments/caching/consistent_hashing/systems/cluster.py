"""A cache on several Redis nodes: fills it, waits until its nodes have changed, and asks for every key again.

    python cluster.py ring_100 --before 7001,7002 --after 7001,7002,7003

Ports are the nodes' own, on 127.0.0.1. It prints `ready` when they are full, and goes on when it gets a line.
Then it prints one JSON object: how many keys each node had, how many keys were asked for again, and how many
were found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import redis
from placement import SCHEMES  # type: ignore[import-not-found]  # It stands beside this program.


def by_node(keys: Iterable[str], place: Callable[[str], str]) -> dict[str, list[str]]:
    """Returns the keys of each node."""
    found: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        found[place(key)].append(key)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scheme", choices=sorted(SCHEMES))
    parser.add_argument("--before", required=True, metavar="PORT,PORT")
    parser.add_argument("--after", required=True, metavar="PORT,PORT")
    parser.add_argument("--keys", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1, help="other keys and other names of the nodes")
    given = parser.parse_args()
    ports = [*dict.fromkeys(f"{given.before},{given.after}".split(","))]
    names = {port: f"{given.seed}-node-{number}" for number, port in enumerate(ports)}
    nodes = {names[port]: redis.Redis(port=int(port)) for port in ports}
    keys = [f"{given.seed}-product-{number}" for number in range(given.keys)]

    placed = by_node(keys, SCHEMES[given.scheme]([names[port] for port in given.before.split(",")]))
    for name, mine in placed.items():
        nodes[name].mset(dict.fromkeys(mine, "in stock"))
    print("ready", flush=True)
    sys.stdin.readline()

    asked = by_node(keys, SCHEMES[given.scheme]([names[port] for port in given.after.split(",")]))
    found = Counter(answer is not None for name, mine in asked.items() for answer in nodes[name].mget(mine))
    counts = [len(placed.get(names[port], ())) for port in given.before.split(",")]
    print(json.dumps({"keys_of_nodes": counts, "asked": found.total(), "found": found[True]}))


if __name__ == "__main__":
    main()
