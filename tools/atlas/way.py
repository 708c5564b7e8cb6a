"""The way of a request: from the ship through the fundamentals, in the order in which they are walked."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tools.atlas.land import Points
from tools.atlas.lines import flowing

SHIP = (172.0, 566.0)
STOPS = (
    "protocols/handshake",
    "protocols/connection_reuse",
    "protocols/nagle",
    "protocols/head_of_line",
    "patterns/delivery",
    "patterns/missed_events",
    "patterns/stateless",
    "apis/idempotency",
    "apis/rate_limit",
    "execution/thread_puzzle",
    "execution/c10k",
    "execution/pool_size",
    "caching/hit_ratio",
    "caching/stampede",
    "storage/index",
    "storage/durability",
    "storage/read_write_ratio",
    "storage/isolation",
    "messaging/delivery_semantics",
    "messaging/outbox",
    "messaging/retry_storm",
    "architecture/queueing",
    "architecture/load_balancing",
    "architecture/timeouts_breakers",
    "operations/coordinated_omission",
    "operations/graceful_shutdown",
    "security/password_hashing",
    "security/sessions_tokens",
    "security/broken_access_control",
)


def through(marks: dict[str, tuple[float, float]]) -> Points:
    """Returns the points of the way, by where its stops lie."""
    return np.array([SHIP, *(marks[stop] for stop in STOPS)])


def drawn(way: Points) -> str:
    """Returns its line."""
    return flowing(way)


def steps(way: Points) -> Points:
    """Returns points along it, close enough to keep names and signs off."""
    padded = np.vstack([2 * way[0] - way[1], way, 2 * way[-1] - way[-2]])
    found = []
    for place, (here, there) in enumerate(pairwise(way), 1):
        before, after = padded[place - 1], padded[place + 2]
        first, second = here + (there - before) / 6, there - (after - here) / 6
        share = np.linspace(0, 1, 24)[:, None]
        rest = 1 - share
        found.append(
            rest**3 * here + 3 * rest**2 * share * first + 3 * rest * share**2 * second + share**3 * there
        )
    return np.vstack(found)
