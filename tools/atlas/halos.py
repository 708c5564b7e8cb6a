"""Which names need a halo: those that a coast, a border or the way runs through. Others draw faster so."""

from __future__ import annotations

import numpy as np

from tools.atlas import areas, way
from tools.atlas.land import Points
from tools.atlas.newcomers import box_of
from tools.atlas.sheet import Atlas

STEP_PX, ROOM_PX = 2.0, 2.0


def given(atlas: Atlas) -> Atlas:
    """Returns the map with each place's `halo`, by the lines as they are."""
    lines = [atlas["land"], *(region["outline"] for region in atlas["regions"].values())]
    marks = {identity: (place["x"], place["y"]) for identity, place in atlas["places"].items()}
    points = [along(ring) for path in lines for ring in areas.polygons(path)]
    drawn = np.vstack([*points, way.steps(way.through(marks))])
    places = {}
    for identity, place in atlas["places"].items():
        left, top, right, bottom = box_of(place)
        x, y = drawn[:, 0], drawn[:, 1]
        beside = (x > left - ROOM_PX) & (x < right + ROOM_PX) & (y > top - ROOM_PX) & (y < bottom + ROOM_PX)
        places[identity] = {**place, "halo": bool(np.any(beside))}
    return {**atlas, "places": places}


def along(ring: Points) -> Points:
    """Returns points along a closed line, so close that no name slips between two."""
    found = []
    for here, there in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        count = max(2, int(np.hypot(*(there - here)) / STEP_PX) + 1)
        found.append(here + (there - here) * np.linspace(0, 1, count)[:, None])
    return np.vstack(found)
