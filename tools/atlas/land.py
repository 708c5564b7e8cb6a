"""Land and sea: a mesh of cells, which of them are land, and whose each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

Points = NDArray[np.float64]
Ints = NDArray[np.int64]

WIDTH, HEIGHT, BEYOND = 1400.0, 900.0, 70.0
MESH_PX = 15.5
SEA, OFF = -1, -2
LABELS_ARE_WIDE = 1.34
"""Sites keep this much more distance across than along, since their names are written across."""
# From the north coast westward round to the south-east: the rest of the frame is land.
COAST = np.array([
    (500, -80), (470, 20), (425, 75), (440, 130), (395, 170), (330, 196), (235, 200), (205, 262),
    (232, 318), (214, 372), (252, 424), (232, 500), (216, 556), (262, 606), (330, 584), (392, 606),
    (398, 662), (360, 706), (372, 764), (440, 772), (498, 808), (560, 842), (640, 838), (700, 858),
    (780, 846), (850, 862), (930, 842),
    (1010, 862), (1100, 842), (1200, 858), (1290, 838), (1352, 852), (1480, 800), (1480, -80),
], dtype=np.float64)  # fmt: skip
ISLANDS = ((150, 424, 17), (190, 466, 9), (268, 774, 13), (310, 792, 11))
SEEDS: dict[str, tuple[float, float]] = {
    "protocols": (310, 390), "patterns": (520, 150), "execution": (500, 690), "apis": (510, 420),
    "messaging": (760, 150), "storage": (760, 440), "caching": (740, 740), "architecture": (1150, 160),
    "operations": (1130, 430), "security": (1120, 700),
}  # fmt: skip


def noise(points: Points, scale: float, seed: int) -> Points:
    """Returns smooth value noise between -1 and 1 for each point, two values a point."""
    random = np.random.default_rng(seed)
    grid = random.uniform(-1, 1, (128, 128, 2))
    at = points / scale + 32.0
    low = np.floor(at).astype(int)
    part = at - low
    part = part * part * (3 - 2 * part)

    def value(dx: int, dy: int) -> Points:
        found: Points = grid[(low[:, 0] + dx) % 128, (low[:, 1] + dy) % 128]
        return found

    x, y = part[:, :1], part[:, 1:]
    found: Points = (value(0, 0) * (1 - x) + value(1, 0) * x) * (1 - y) + (
        value(0, 1) * (1 - x) + value(1, 1) * x
    ) * y
    return found


def inside(points: Points, polygon: Points) -> NDArray[np.bool_]:
    """Returns which points lie in a polygon (even-odd rule)."""
    x, y = points[:, 0], points[:, 1]
    found = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            found ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return found


@dataclass
class Mesh:
    """Cells of a Voronoi diagram. `owner`: the place of each, SEA or OFF; `region`: the region of each."""

    cells: Points
    voronoi: Voronoi
    owner: Ints
    region: Ints
    sites: Points


def mesh(counts: dict[str, int], seed: int) -> Mesh:
    """Returns the map's cells, each given to a site: `counts` sites a region, in the order of `counts`."""
    random = np.random.default_rng(seed)
    columns = np.arange(-BEYOND, WIDTH + BEYOND, MESH_PX)
    lines = np.arange(-BEYOND, HEIGHT + BEYOND, MESH_PX * 0.866)
    x, y = np.meshgrid(columns, lines)
    x[1::2] += MESH_PX / 2
    cells = np.column_stack([x.ravel(), y.ravel()]) + random.uniform(-0.36, 0.36, (x.size, 2)) * MESH_PX
    moved = cells + 26 * noise(cells, 120, seed) + 8 * noise(cells, 34, seed + 1)
    is_land = inside(moved, COAST)
    for cx, cy, radius in ISLANDS:
        is_land |= np.hypot(moved[:, 0] - cx, moved[:, 1] - cy) < radius + 3
    off = (cells[:, 0] < -24) | (cells[:, 0] > WIDTH + 24) | (cells[:, 1] < -24) | (cells[:, 1] > HEIGHT + 24)
    mainland = is_land & inside(moved, COAST)
    regions = np.repeat(np.arange(len(counts)), list(counts.values()))
    sites = settled(cells[mainland & ~off], regions, list(counts))
    owner = np.full(len(cells), SEA)
    scaled = cKDTree(sites * (1, LABELS_ARE_WIDE))
    warped = cells + 13 * noise(cells, 90, seed + 2)
    owner[mainland] = scaled.query(warped[mainland] * (1, LABELS_ARE_WIDE))[1]
    owner[is_land & ~mainland] = len(sites)  # An islet belongs to nobody.
    region = np.where(owner >= 0, np.append(regions, len(counts))[np.clip(owner, 0, len(sites))], owner)
    found = Mesh(cells, Voronoi(cells), owner, region, sites)
    for _ in range(4):
        join_strays(found, len(counts))
    found.owner[off], found.region[off] = OFF, OFF
    return found


def settled(land: Points, regions: Ints, names: list[str]) -> Points:
    """Returns the sites: a spiral around each region's seed, spread by Lloyd's steps over the land."""
    sites = np.empty((len(regions), 2))
    for number, name in enumerate(names):
        mine = np.flatnonzero(regions == number)
        turn = np.arange(len(mine)) * 2.39996
        far = 26.0 * np.sqrt(np.arange(len(mine)) + 0.5)
        sites[mine] = np.array(SEEDS[name]) + np.column_stack([1.2 * far * np.cos(turn), far * np.sin(turn)])
    for _ in range(70):
        nearest = cKDTree(sites * (1, LABELS_ARE_WIDE)).query(land * (1, LABELS_ARE_WIDE))[1]
        for number in range(len(sites)):
            mine = land[nearest == number]
            if len(mine):
                sites[number] = mine.mean(axis=0)
    return sites


def join_strays(found: Mesh, regions: int) -> None:
    """Gives parts of a place that hang together with nothing of their own to the neighbours."""
    neighbours: dict[int, list[int]] = {}
    for one, other in found.voronoi.ridge_points:
        neighbours.setdefault(int(one), []).append(int(other))
        neighbours.setdefault(int(other), []).append(int(one))
    for kind, count in ((found.region, regions), (found.owner, len(found.sites))):
        for number in range(count):
            parts = pieces(np.flatnonzero(kind == number), neighbours)
            for part in sorted(parts, key=len)[:-1]:
                for cell in part:
                    around = [each for each in neighbours[cell] if kind[each] not in (number, OFF)]
                    if around:
                        found.owner[cell], found.region[cell] = (
                            found.owner[around[0]],
                            found.region[around[0]],
                        )


def pieces(members: Ints, neighbours: dict[int, list[int]]) -> list[list[int]]:
    """Returns the connected parts of a set of cells."""
    left, found = {int(each) for each in members}, []
    while left:
        part, edge = [], [left.pop()]
        while edge:
            here = edge.pop()
            part.append(here)
            for other in neighbours[here]:
                if other in left:
                    left.remove(other)
                    edge.append(other)
        found.append(part)
    return found
