"""Areas as the map's file has them: paths read back as polygons, asked what lies within, and divided."""

from __future__ import annotations

import re

import numpy as np

from tools.atlas.land import Points, inside, noise
from tools.atlas.lines import drawn

WAVE_PX = 3.0
STEP_PX = 7.0


def polygons(path: str) -> list[Points]:
    """Returns the rings of a path that `lines.drawn` wrote: absolute starts, relative steps."""
    found = []
    for ring in path.split("Z"):
        numbers = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", ring)]
        if len(numbers) >= 6:
            found.append(np.cumsum(np.array(numbers).reshape(-1, 2), axis=0))
    return found


def path_of(rings: list[Points]) -> str:
    """Returns rings as a path."""
    return "".join(drawn(ring) + "Z" for ring in rings)


def within(points: Points, rings: list[Points]) -> Points:
    """Returns which points lie in an area (even-odd rule over its rings)."""
    found = np.zeros(len(points), dtype=bool)
    for ring in rings:
        found ^= inside(points, ring)
    return found


def far_from_edge(points: Points, rings: list[Points]) -> Points:
    """Returns how far points lie from the nearest edge of an area, in pixels."""
    best = np.full(len(points), np.inf)
    for ring in rings:
        start, along = ring, np.roll(ring, -1, axis=0) - ring
        length = np.maximum((along**2).sum(axis=1), 1e-9)
        beside = points[:, None] - start[None]
        share = np.clip((beside * along[None]).sum(axis=2) / length, 0, 1)
        off = beside - share[..., None] * along[None]
        best = np.minimum(best, np.hypot(off[..., 0], off[..., 1]).min(axis=1))
    return best


def divided(rings: list[Points], one: Points, other: Points, seed: int) -> tuple[list[Points], list[Points]]:
    """Returns the part of an area that lies nearer to `one`, and the part nearer to `other`.

    The line between them waves a little, as all borders of the map do, and is the same for both.
    """
    middle, across = (one + other) / 2, other - one
    return _half(rings, middle, across, seed), _half(rings, middle, -across, seed)


def _half(rings: list[Points], middle: Points, away: Points, seed: int) -> list[Points]:
    """Returns what of an area lies on this side of a line (Sutherland and Hodgman)."""
    found = []
    for ring in rings:
        far = (ring - middle) @ away
        kept: list[Points] = []
        cut: list[bool] = []
        for here, there, d, e in zip(ring, np.roll(ring, -1, axis=0), far, np.roll(far, -1), strict=True):
            if d <= 0:
                kept.append(here)
                cut.append(False)
            if (d <= 0) != (e <= 0):
                kept.append(here + (there - here) * (d / (d - e)))
                cut.append(True)
        if len(kept) >= 3:
            found.append(_waved(np.array(kept), cut, away, seed))
    return found


def _waved(ring: Points, cut: list[bool], away: Points, seed: int) -> Points:
    """Returns a ring whose straight cuts wave: by the place alone, so that both sides agree."""
    upright = away / max(float(np.hypot(*away)), 1e-9)
    if upright[0] < 0 or (upright[0] == 0 and upright[1] < 0):
        upright = -upright
    found: list[Points] = []
    for here, there, a, b in zip(ring, np.roll(ring, -1, axis=0), cut, [*cut[1:], cut[0]], strict=True):
        found.append(here)
        length = float(np.hypot(*(there - here)))
        if a and b and length > 2 * STEP_PX:
            shares = np.linspace(0, 1, int(length / STEP_PX) + 1)[1:-1, None]
            points = here + (there - here) * shares
            fade = np.minimum(1, np.minimum(shares, 1 - shares) * length / 14)
            found.extend(points + upright * (WAVE_PX * fade * noise(points, 15.0, seed)[:, :1]))
    return np.array(found)
