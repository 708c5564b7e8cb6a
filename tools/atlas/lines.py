"""Outlines: the ridges between unlike cells, chained and smoothed once, so that both sides share them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from tools.atlas.land import Mesh, Points

Chain = tuple[tuple[int, int], list[int]]
"""The owners on both sides, and the vertices between two junctions."""


def chains(mesh: Mesh) -> list[Chain]:
    """Returns the lines between unlike owners, cut where three of them meet."""
    edges: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    degree: dict[int, set[tuple[int, int]]] = defaultdict(set)
    count: dict[int, int] = defaultdict(int)
    for (one, other), (start, end) in zip(
        mesh.voronoi.ridge_points, mesh.voronoi.ridge_vertices, strict=True
    ):
        pair = tuple(sorted((int(mesh.owner[one]), int(mesh.owner[other]))))
        if start < 0 or end < 0 or pair[0] == pair[1]:
            continue
        edges[pair].append((start, end))  # type: ignore[index]
        for vertex in (start, end):
            degree[vertex].add(pair)  # type: ignore[arg-type]
            count[vertex] += 1
    found: list[Chain] = []
    for pair, parts in edges.items():
        found.extend(
            (pair, chain)
            for chain in linked(parts, lambda vertex: len(degree[vertex]) > 1 or count[vertex] != 2)
        )
    return found


def linked(parts: list[tuple[int, int]], is_junction: Callable[[int], bool]) -> Iterable[list[int]]:
    """Yields the lines that edges make together, from junction to junction, or closed."""
    beside: dict[int, list[int]] = defaultdict(list)
    for start, end in parts:
        beside[start].append(end)
        beside[end].append(start)
    left = {frozenset(part) for part in parts}
    starts = [vertex for vertex in beside if is_junction(vertex) or len(beside[vertex]) != 2]
    for first in (*starts, *beside):
        for second in beside[first]:
            if frozenset((first, second)) not in left:
                continue
            left.discard(frozenset((first, second)))
            line = [first, second]
            while not (is_junction(line[-1]) or len(beside[line[-1]]) != 2):
                following = next(
                    (each for each in beside[line[-1]] if frozenset((line[-1], each)) in left), None
                )
                if following is None:
                    break
                left.discard(frozenset((line[-1], following)))
                line.append(following)
            yield line


def smooth(points: Points, times: int = 3) -> Points:
    """Returns a line with its corners cut (Chaikin); its ends stay, a closed one is closed again."""
    closed = len(points) > 2 and bool(np.allclose(points[0], points[-1]))
    for _ in range(times):
        if len(points) < 3:
            break
        first, second = points[:-1], points[1:]
        cut = np.empty((2 * len(first), 2))
        cut[0::2], cut[1::2] = 0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second
        points = np.vstack([cut, cut[:1]]) if closed else np.vstack([points[:1], cut[1:-1], points[-1:]])
    return points


def loops(lines: list[list[int]]) -> list[list[tuple[int, bool]]]:
    """Returns how lines join to closed loops: (which, whether backwards)."""
    at: dict[int, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        at[line[0]].append(number)
        at[line[-1]].append(number)
    left, found = set(range(len(lines))), []
    while left:
        number = left.pop()
        loop, end = [(number, False)], lines[number][-1]
        begin = lines[number][0]
        while end != begin:
            following = next((each for each in at[end] if each in left), None)
            if following is None:
                break
            left.discard(following)
            backwards = lines[following][-1] == end
            loop.append((following, backwards))
            end = lines[following][0] if backwards else lines[following][-1]
        found.append(loop)
    return found


class Outlines:
    """All lines of a map, smoothed, and the paths that they make."""

    def __init__(self, mesh: Mesh) -> None:
        self.pairs: list[tuple[int, int]] = []
        self.ends: list[list[int]] = []
        self.curves: list[Points] = []
        for pair, line in chains(mesh):
            self.pairs.append(pair)
            self.ends.append([line[0], line[-1]])
            self.curves.append(simpler(smooth(mesh.voronoi.vertices[line])))

    def around(self, belongs: Callable[[int], bool]) -> str:
        """Returns the path of an area: all that belongs to it on one side only."""
        mine = [number for number, (one, other) in enumerate(self.pairs) if belongs(one) != belongs(other)]
        path = ""
        for loop in loops([self.ends[number] for number in mine]):
            curve = np.vstack([
                self.curves[mine[number]][::-1] if backwards else self.curves[mine[number]]
                for number, backwards in loop
            ])  # fmt: skip
            path += drawn(curve) + "Z"
        return path

    def between(self, counts: Callable[[int, int], bool]) -> str:
        """Returns the path of the lines whose two sides are such."""
        return "".join(
            drawn(curve)
            for (one, other), curve in zip(self.pairs, self.curves, strict=True)
            if counts(one, other)
        )


def drawn(curve: Points) -> str:
    """Returns a line as an SVG path, to a tenth of a pixel, each point told from the one before."""
    tenths = np.rint(curve * 10).astype(int)
    steps = np.diff(tenths, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    first = f"M{tenths[0][0] / 10:g} {tenths[0][1] / 10:g}l"
    return first + " ".join(f"{dx / 10:g} {dy / 10:g}" for dx, dy in steps)


def simpler(points: Points, room: float = 0.35) -> Points:
    """Returns a line without the points that hardly bend it (Douglas and Peucker)."""
    if len(points) < 3:
        return points
    first, last = points[0], points[-1]
    along = last - first
    length = float(np.hypot(*along))
    beside = points - first
    far = (
        np.hypot(*beside.T)
        if length < 1e-9
        else np.abs(along[0] * beside[:, 1] - along[1] * beside[:, 0]) / length
    )
    at = int(np.argmax(far))
    if far[at] <= room:
        return points[[0, -1]]
    return np.vstack([simpler(points[: at + 1], room)[:-1], simpler(points[at:], room)])


def flowing(points: Points) -> str:
    """Returns a soft line through points (Catmull-Rom as cubic curves)."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for place in range(1, len(padded) - 2):
        before, here, there, after = padded[place - 1 : place + 3]
        first, second = here + (there - before) / 6, there - (after - here) / 6
        path += (
            f"C{first[0]:.1f} {first[1]:.1f} {second[0]:.1f} {second[1]:.1f} {there[0]:.1f} {there[1]:.1f}"
        )
    return path
