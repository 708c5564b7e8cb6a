"""Sends requests for keys through a cache, and counts how many of them it had.

    python replay.py lru --traffic zipf --capacity 1000

Traffic, over `--keys` keys: `uniform` (each as likely as any other), `zipf` (the n-th most popular key is
asked for in proportion to 1 / n^skew), `scan` (the same, and as many rows again that somebody reads once
each, such as a nightly report; they are not counted), `drift` (the same, and what is popular changes eight
times). What goes before to warm the cache up, ten times its room and at least half as many requests as are
counted, is not counted. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from caches import CACHES  # type: ignore[import-not-found]  # It stands beside this program.

CHANGES = 8


def popularity(keys: int, skew: float) -> Any:
    """Returns how likely each key is, the most popular one first, as an array."""
    weights = np.arange(1, keys + 1, dtype=float) ** -skew
    return weights / weights.sum()


def asked_for(traffic: str, keys: int, skew: float, requests: int, seed: int) -> Any:
    """Returns the keys that are asked for, in order, as an array."""
    source = np.random.default_rng(seed)
    if traffic == "uniform":
        return source.integers(0, keys, requests)
    asked = np.searchsorted(np.cumsum(popularity(keys, skew)), source.random(requests))
    asked = np.minimum(asked, keys - 1)
    if traffic == "drift":
        # The same popularities, and each time other keys have them.
        for part in np.array_split(np.arange(requests), CHANGES):
            asked[part] = source.permutation(keys)[asked[part]]
    return asked


def hits(cache: Any, asked: list[int], keys: int, *, scanned: bool) -> Iterator[bool]:
    """Yields for each request whether the cache had its key; `scanned`: with rows read once in between."""
    get = cache.get
    for number, key in enumerate(asked):
        yield get(key)
        if scanned:
            get(keys + number)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policy", choices=sorted(CACHES))
    parser.add_argument("--traffic", choices=["uniform", "zipf", "scan", "drift"], default="zipf")
    parser.add_argument("--skew", type=float, default=0.99)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--capacity", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    warm_up = max(given.requests // 2, 10 * given.capacity)
    asked = asked_for(given.traffic, given.keys, given.skew, warm_up + given.requests, given.seed).tolist()
    cache = CACHES[given.policy](given.capacity)
    began = time.perf_counter()
    found = list(hits(cache, asked, given.keys, scanned=given.traffic == "scan"))
    took_s = time.perf_counter() - began
    counted = found[warm_up:]
    said = {"requests": len(counted), "hits": sum(counted), "requests_per_s": len(found) / took_s}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
