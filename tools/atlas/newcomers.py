"""Changes of the catalogue on a map that stays: what is new gets a plot, what is gone leaves one free.

No other mark, name or outline moves. A plot may be divided for a newcomer; its first owner keeps its mark.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.atlas import areas, lettering, way
from tools.atlas.land import Points
from tools.atlas.lettering import Box, Label
from tools.atlas.sheet import Atlas, Catalogue, written
from tools.atlas.survey import SEED, TITLE, grid_of

GRID_PX, RASTER_PX = 9.0, 4.0
FROM_MARKS_PX, FROM_BORDERS_PX, FROM_THE_WAY_PX = 26.0, 17.0, 15.0
DIVIDING = 6.0
"""A free plot is better than dividing another's by as much as a fifth of a line that a name covers."""
TOO_CROWDED = 60.0


@dataclass(frozen=True)
class Spot:
    """Where a newcomer could lie. owner: whose plot that is, or the number of a free one."""

    cost: float
    mark: Points
    label: Label
    owner: str | int


def brought_up(atlas: Atlas, places: Catalogue) -> tuple[Atlas, list[str]]:
    """Returns the map with what the catalogue has, and a sentence for each change; as it was where none is.

    Raises ValueError where a region is unknown or full, or a stop of the way is gone.
    """
    found, said = copy.deepcopy(atlas), []
    wanted = {f"{region}/{name}": label for region, names in places.items() for name, label in names.items()}
    for missing in (stop for stop in way.STOPS if stop not in wanted):
        raise ValueError(
            f"{missing} is a stop of the way and not in the catalogue: take it out of way.STOPS."
        )
    said += [_removed(found, identity) for identity in list(found["places"]) if identity not in wanted]
    for identity, label in wanted.items():
        if identity not in found["places"]:
            said.append(_added(found, identity, label))
        elif written(" ".join(found["places"][identity]["label"])) != written(label):
            said.append(_named_anew(found, identity, label))
    marks = {identity: (place["x"], place["y"]) for identity, place in found["places"].items()}
    if found["path"] != list(way.STOPS):
        found["path"], found["way"] = list(way.STOPS), way.drawn(way.through(marks))
        said.append("the way goes through other stops")
    return found, said


def _removed(atlas: Atlas, identity: str) -> str:
    place = atlas["places"].pop(identity)
    atlas["regions"][identity.partition("/")[0]]["free"].append(place["plot"])
    return f"{identity}: gone, its plot in {place['grid']} is free"


def _added(atlas: Atlas, identity: str, name: str) -> str:
    region = identity.partition("/")[0]
    if region not in atlas["regions"]:
        raise ValueError(f"{identity}: there is no region {region} on the map. A whole new one: --anew")
    spot = _best(atlas, region, name)
    if spot is None:
        raise ValueError(f"{identity}: {region} has no room left for a mark. A whole new map: --anew")
    land, how = atlas["regions"][region], "a free plot"
    if isinstance(spot.owner, int):
        plot = land["free"].pop(spot.owner)
    else:
        first = atlas["places"][spot.owner]
        rings = areas.polygons(first["plot"])
        mine, kept = areas.divided(rings, spot.mark, np.array([first["x"], first["y"]]), SEED)
        plot, first["plot"], how = areas.path_of(mine), areas.path_of(kept), f"a part of {spot.owner}'s plot"
    x, y = (round(float(each), 1) for each in spot.mark)
    atlas["places"][identity] = {**_lettered(spot.label), "x": x, "y": y, "grid": grid_of(x, y), "plot": plot}
    _cleared(land, [spot.label.box, lettering.around(spot.mark, 16)])
    crowd = ", crowded: look at it" if spot.cost > TOO_CROWDED else ""
    return f"{identity}: new, in {grid_of(x, y)}, {how}{crowd}"


def _named_anew(atlas: Atlas, identity: str, name: str) -> str:
    place = atlas["places"].pop(identity)
    mark = np.array([place["x"], place["y"]])
    region = identity.partition("/")[0]
    _, label = _Around(atlas, region).best(mark, name)
    atlas["places"][identity] = {**place, **_lettered(label)}
    _cleared(atlas["regions"][region], [label.box])
    return f"{identity}: is called {name} now"


def _lettered(label: Label) -> dict[str, Any]:
    return {"label": list(label.lines), "at": [label.x, label.y, label.anchor]}


def box_of(place: dict[str, Any]) -> Box:
    """Returns the box of a name as it stands on the map."""
    x, y, anchor = place["at"]
    width = max(lettering.text_width(line, lettering.PLACE_PX) for line in place["label"])
    left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
    return (left - 3, y - 11, left + width + 3, y - 9 + lettering.LEADING * len(place["label"]))


class _Around:
    """All that stands on a map, for names that are to stand beside it in a region."""

    def __init__(self, atlas: Atlas, region: str) -> None:
        boxes = [TITLE, *(tuple(each["name"]) for each in atlas["regions"].values())]
        self.boxes = np.array([*boxes, *(box_of(place) for place in atlas["places"].values())])
        self.marks = np.array([(place["x"], place["y"]) for place in atlas["places"].values()])
        self.trodden = way.steps(_walked(atlas))
        self.land = areas.polygons(atlas["regions"][region]["outline"])
        x, y = (np.arange(0, size + RASTER_PX, RASTER_PX) for size in atlas["size"])
        across, along = np.meshgrid(x, y)
        raster = areas.within(np.column_stack([across.ravel(), along.ravel()]), self.land)
        self._is_land = raster.reshape(across.shape)

    def _off(self, label: Label) -> int:
        """Returns how many of ten spots along a name's edges are no land of the region."""
        left, top, right, bottom = label.box
        columns = np.linspace(left, right, 5) / RASTER_PX
        lines = np.array([top, bottom]) / RASTER_PX
        height, width = self._is_land.shape
        at = (
            np.clip(np.rint(lines), 0, height - 1).astype(int),
            np.clip(np.rint(columns), 0, width - 1).astype(int),
        )
        return int(np.count_nonzero(~self._is_land[np.ix_(*at)]))

    def best(self, mark: Points, name: str) -> tuple[float, Label]:
        """Returns the best way to write a name at a mark, with its cost."""
        best: tuple[float, Label] | None = None
        for dislike, label in lettering.candidates(mark, name):
            cost = dislike + 6.0 * self._off(label)
            cost += lettering.crowded(label.box, self.boxes, self.marks, self.trodden)
            if best is None or cost < best[0]:
                best = (cost, label)
        assert best is not None
        return best


def _walked(atlas: Atlas) -> Points:
    here = atlas["places"]
    stops = [(here[stop]["x"], here[stop]["y"]) for stop in atlas["path"] if stop in here]
    return np.array([atlas["ship"], *stops])


def _best(atlas: Atlas, region: str, name: str) -> Spot | None:
    """Returns the best spot of a region for a newcomer; None where none is clear of all marks and lines."""
    around = _Around(atlas, region)
    spots = _clear(atlas, around.land, np.array(atlas["regions"][region]["name"]))
    plots: list[tuple[str | int, list[Points]]] = [
        (number, areas.polygons(path)) for number, path in enumerate(atlas["regions"][region]["free"])
    ]
    plots += [
        (identity, areas.polygons(place["plot"]))
        for identity, place in atlas["places"].items()
        if identity.partition("/")[0] == region
    ]
    best: Spot | None = None
    for owner, rings in plots:
        dividing = DIVIDING if isinstance(owner, str) else 0.0
        for mark in spots[areas.within(spots, rings)]:
            cost, label = around.best(mark, name)
            if best is None or cost + dividing < best.cost:
                best = Spot(cost + dividing, mark, label, owner)
    return best


def _clear(atlas: Atlas, land: list[Points], name: Points) -> Points:
    """Returns the spots of a grid on which a mark could lie."""
    low, high = (np.vstack(land).min(axis=0), np.vstack(land).max(axis=0))
    low, high = np.maximum(low, (66, 70)), np.minimum(high, (atlas["size"][0] - 78, atlas["size"][1] - 72))
    x, y = np.meshgrid(np.arange(low[0], high[0], GRID_PX), np.arange(low[1], high[1], GRID_PX))
    spots = np.column_stack([x.ravel(), y.ravel()])
    spots = spots[areas.within(spots, land)]
    marks = np.array([(place["x"], place["y"]) for place in atlas["places"].values()])
    for others, room in ((marks, FROM_MARKS_PX), (way.steps(_walked(atlas)), FROM_THE_WAY_PX)):
        beside = spots[:, None] - others[None]
        spots = spots[np.hypot(beside[..., 0], beside[..., 1]).min(axis=1) >= room]
    under = np.all((spots > name[:2] - 11) & (spots < name[2:] + 11), axis=1)
    spots = spots[~under]
    return spots[areas.far_from_edge(spots, land) >= FROM_BORDERS_PX]


def _cleared(land: dict[str, Any], boxes: list[Box]) -> None:
    """Takes away the signs that would lie under a new name."""
    kept = []
    for sign in land["terrain"]:
        x, y = (float(each) for each in re.findall(r"-?\d+\.?\d*", sign)[:2])
        box = (x - 13, y - 21, x + 13, y + 5)
        if not any(lettering.overlap(box, other) for other in boxes):
            kept.append(sign)
    land["terrain"] = kept
