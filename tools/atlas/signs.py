"""Terrain: a few strokes a sign, one sign a region, so that a region is known without its colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.atlas.land import HEIGHT, WIDTH, Mesh, Points, noise
from tools.atlas.lettering import overlap

Sign = Callable[[float, float, float], str]
GAP_PX = 21.0


def sand(x: float, y: float, r: float) -> str:
    return "".join(
        f"M{x + dx:.1f} {y + dy:.1f}h.9" for dx, dy in ((-5, 0), (0, 2 + r), (5, -1), (-1, -4), (8, 3))
    )


def hills(x: float, y: float, r: float) -> str:
    w = 9 + 3 * r
    front = f"M{x - w:.1f} {y:.1f}q{w:.1f} -{8 + 4 * r:.1f} {2 * w:.1f} 0"
    return f"{front}M{x + w * 0.2:.1f} {y - 3:.1f}q{w * 0.4:.1f} 0 {w * 0.5:.1f} 3"


def orchard(x: float, y: float, r: float) -> str:
    return f"M{x:.1f} {y:.1f}v-4M{x - 3.4:.1f} {y - 7:.1f}a3.4 3.4 0 1 1 6.8 0a3.4 3.4 0 1 1 -6.8 0"


def furrows(x: float, y: float, r: float) -> str:
    return "".join(f"M{x + 4 * n:.1f} {y:.1f}l{4 + r:.1f} -7" for n in range(-2, 3))


def mountains(x: float, y: float, r: float) -> str:
    h = 12 + 7 * r
    sides = f"M{x - 10:.1f} {y:.1f}L{x - 1:.1f} {y - h:.1f}L{x + 10:.1f} {y:.1f}"
    return f"{sides}M{x - 1:.1f} {y - h:.1f}l1.5 6l-2.5 4l3 5M{x + 3:.1f} {y - h * 0.45:.1f}l-2 5"


def firs(x: float, y: float, r: float) -> str:
    return f"M{x:.1f} {y:.1f}v-3M{x - 4:.1f} {y - 3:.1f}l4 -5l4 5zM{x - 3:.1f} {y - 7:.1f}l3 -5l3 5"


def marsh(x: float, y: float, r: float) -> str:
    reeds = f"M{x - 3:.1f} {y - 2:.1f}l-2 -4M{x:.1f} {y - 2:.1f}v-6M{x + 3:.1f} {y - 2:.1f}l2 -4"
    return f"M{x - 7:.1f} {y:.1f}h14{reeds}"


def towers(x: float, y: float, r: float) -> str:
    h = 10 + 8 * r
    tall = f"M{x - 7:.1f} {y:.1f}v-{h:.1f}h6v{h:.1f}M{x - 5:.1f} {y - h + 3:.1f}h2m-2 3h2"
    return f"{tall}M{x:.1f} {y:.1f}v-{h * 0.6:.1f}h6v{h * 0.6:.1f}M{x + 2:.1f} {y - h * 0.6 + 3:.1f}h2"


def hamlets(x: float, y: float, r: float) -> str:
    return f"M{x - 4:.1f} {y:.1f}v-4l4 -4l4 4v4zM{x + 6:.1f} {y:.1f}v-3l3 -3l3 3v3z"


def forts(x: float, y: float, r: float) -> str:
    return f"M{x - 9:.1f} {y:.1f}v-9h3v3h3v-3h3v3h3v-3h3v9zM{x - 2:.1f} {y:.1f}v-3h3v3"


SIGNS: dict[str, Sign] = {
    "protocols": sand, "patterns": hills, "apis": orchard, "execution": furrows, "storage": mountains,
    "caching": firs, "messaging": marsh, "architecture": towers, "operations": hamlets, "security": forts,
}  # fmt: skip


def drawn(
    mesh: Mesh, names: list[str], kept_free: list[tuple[float, float, float, float]], seed: int
) -> dict[str, list[str]]:
    """Returns the signs of each region, a path each: in clumps, never under a name, a mark or a border."""
    random = np.random.default_rng(seed)
    spots = random.uniform((40, 46), (WIDTH - 40, HEIGHT - 40), (9000, 2))
    clumps = noise(spots, 130, seed + 5)[:, 0]
    from scipy.spatial import cKDTree

    tree = cKDTree(mesh.cells)
    nearest = tree.query(spots)[1]
    found: dict[str, list[str]] = {name: [] for name in names}
    taken: list[Points] = []
    for spot, clump, cell in zip(spots, clumps, nearest, strict=True):
        region = int(mesh.region[cell])
        if clump < -0.08 or not 0 <= region < len(names):
            continue
        box = (spot[0] - 13, spot[1] - 21, spot[0] + 13, spot[1] + 3)
        if any(overlap(box, other) for other in kept_free) or _near_border(mesh, tree, spot, region):
            continue
        if taken and np.min(np.hypot(*(np.array(taken) - spot).T)) < GAP_PX:
            continue
        taken.append(spot)
        draw = SIGNS[names[region]]
        found[names[region]].append(draw(float(spot[0]), float(spot[1]), float(random.uniform(0, 1))))
    return found


def _near_border(mesh: Mesh, tree: object, spot: Points, region: int) -> bool:
    around = tree.query_ball_point(spot, 27)  # type: ignore[attr-defined]
    return bool(np.any(mesh.region[around] != region))
