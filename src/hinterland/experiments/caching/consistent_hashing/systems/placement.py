"""Which node keeps a key: five ways to say so, each from nothing but the key and the names of the nodes."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from hashlib import blake2b

Place = Callable[[str], str]
"""Names the node of a key."""


def hashed(text: str) -> int:
    """Returns 64 bits that look like chance and are the same everywhere. (Python's `hash` is not.)"""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def modulo(nodes: Sequence[str]) -> Place:
    """What everybody writes first: number the nodes, and take the remainder."""
    return lambda key: nodes[hashed(key) % len(nodes)]


def ring(points: int) -> Callable[[Sequence[str]], Place]:
    """A circle with so many points of each node: a key belongs to the next point (Karger et al. 1997)."""

    def place(nodes: Sequence[str]) -> Place:
        circle = sorted((hashed(f"{node}#{point}"), node) for node in nodes for point in range(points))
        starts = [start for start, _ in circle]
        return lambda key: circle[bisect(starts, hashed(key)) % len(circle)][1]

    return place


def jump(nodes: Sequence[str]) -> Place:
    """Asks for each number of nodes whether the key would have moved to the new one (Lamping, Veach 2014).

    It needs no memory, and knows the nodes by their numbers alone.
    """

    def number(key: int) -> int:
        here, there = -1, 0
        while there < len(nodes):
            here = there
            key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
            there = int((here + 1) * (1 << 31) / ((key >> 33) + 1))
        return here

    return lambda key: nodes[number(hashed(key))]


def rendezvous(nodes: Sequence[str]) -> Place:
    """Each node draws a lot for the key, and the highest has it (Thaler, Ravishankar 1998)."""
    return lambda key: max(nodes, key=lambda node: hashed(f"{node}/{key}"))


SCHEMES: dict[str, Callable[[Sequence[str]], Place]] = {
    "modulo": modulo,
    "ring_1": ring(1),
    "ring_100": ring(100),
    "jump": jump,
    "rendezvous": rendezvous,
}
