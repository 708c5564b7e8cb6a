"""A whole new map: land, plots, names and terrain worked out together. All positions are given up."""

from __future__ import annotations

import numpy as np

from hinterland.model.experiment import REGIONS
from tools.atlas import areas, lettering, signs, way
from tools.atlas.land import HEIGHT, WIDTH, Mesh, Points, mesh
from tools.atlas.lines import Outlines, simpler
from tools.atlas.sheet import Atlas, Catalogue

SEED = 11
Name = tuple[str, str, str]
"""Region, name and label of a place."""
APART_PX, STEP_PX = 34.0, 13.0
SHORE_PX = 2.5
TITLE = (52.0, 52.0, 400.0, 196.0)


def surveyed(places: Catalogue) -> Atlas:
    """Returns the map of a catalogue, as its file has it."""
    regions = list(places)
    names = [(region, name, label) for region in regions for name, label in places[region].items()]
    # Each region keeps a plot for its own name: the last of its sites.
    counts = {region: len(places[region]) + 1 for region in regions}
    found = mesh(counts, SEED)
    spare = [int(end) - 1 for end in np.cumsum(list(counts.values()))]
    numbers = [number for number in range(len(found.sites)) if number not in spare]
    names = along_the_way(names, found.sites[numbers])
    marks = within_the_frame(found.sites[numbers].copy())
    ids = [f"{region}/{name}" for region, name, _ in names]
    titles = lettering.region_boxes(
        found, regions, [REGIONS[region] for region in regions], spare, marks, way.steps(_walked(ids, marks))
    )
    kept_free = [box for _, _, box in titles]
    marks = np.round(stepped_aside(marks, kept_free), 1)
    walked = _walked(ids, marks)
    trodden = way.steps(walked)
    labels = lettering.written(
        found, [label for _, _, label in names], marks, [*kept_free, TITLE], numbers, trodden
    )
    taken = [*kept_free, *(lettering.around(mark, 16) for mark in marks)]
    taken += [lettering.around(step, 9) for step in trodden]
    terrain = signs.drawn(found, regions, [*taken, *(one.box for one in labels)], SEED)
    outlines = Outlines(found)
    return {
        "size": [WIDTH, HEIGHT],
        "land": outlines.around(lambda owner: owner >= 0),
        "shore": shore(outlines.around(lambda owner: owner >= 0)),
        "borders": _borders(found, outlines),
        "way": way.drawn(walked),
        "ship": list(way.SHIP),
        "path": list(way.STOPS),
        "regions": {
            region: {
                "x": round(titles[number][0], 1),
                "y": round(titles[number][1], 1),
                "name": [round(each, 1) for each in titles[number][2]],
                "box": box_of(found.cells[found.region == number]),
                "outline": outlines.around(lambda owner, number=number: _region_of(found, owner) == number),  # type: ignore[misc]
                "free": [outlines.around(lambda owner, number=number: owner == spare[number])],  # type: ignore[misc]
                "terrain": terrain[region],
            }
            for number, region in enumerate(regions)
        },
        "places": {
            identity: {
                "label": list(label.lines),
                "x": round(float(mark[0]), 1),
                "y": round(float(mark[1]), 1),
                "at": [label.x, label.y, label.anchor],
                "grid": grid_of(float(mark[0]), float(mark[1])),
                "plot": outlines.around(lambda owner, number=number: owner == number),  # type: ignore[misc]
            }
            for identity, number, mark, label in zip(ids, numbers, marks, labels, strict=True)
        },
    }


def shore(land: str) -> str:
    """Returns the coast with few points, for the lines far out at sea: they are drawn faster."""
    return areas.path_of([simpler(np.vstack([ring, ring[:1]]), SHORE_PX) for ring in areas.polygons(land)])


def _walked(ids: list[str], marks: Points) -> Points:
    return way.through({each: (float(x), float(y)) for each, (x, y) in zip(ids, marks, strict=True)})


def _region_of(found: Mesh, owner: int) -> int:
    return int(found.region[found.owner == owner][0]) if 0 <= owner < len(found.sites) else -1


def _borders(found: Mesh, outlines: Outlines) -> str:
    """Returns the lines between regions, and none along a coast."""
    region = [_region_of(found, number) for number in range(len(found.sites))]
    return outlines.between(
        lambda one, other: (
            min(one, other) >= 0 and max(one, other) < len(region) and region[one] != region[other]
        )
    )


def along_the_way(names: list[Name], sites: Points) -> list[Name]:
    """Returns the places in an order that gives those on the way the sites which lie on it.

    Which place of a region has which of its sites is free: the way enters where the one before ended, and
    goes towards the next region.
    """
    stops: dict[str, list[str]] = {}
    for identity in way.STOPS:
        region, _, name = identity.partition("/")
        stops.setdefault(region, []).append(name)
    mine = {region: [place for place, each in enumerate(names) if each[0] == region] for region in stops}
    middle = {region: sites[places].mean(axis=0) for region, places in mine.items()}
    order = list(stops)
    here = np.array(way.SHIP)
    found = list(names)
    for number, region in enumerate(order):
        towards = (
            middle[order[number + 1]]
            if number + 1 < len(order)
            else np.array([WIDTH - 130.0, HEIGHT - 110.0])
        )
        left = list(mine[region])
        chosen = []
        for step in range(len(stops[region])):
            wanted = here + (towards - here) * ((step + 0.6) / (len(stops[region]) + 0.2))
            best = min(left, key=lambda place: float(np.hypot(*(sites[place] - wanted))))
            left.remove(best)
            chosen.append(best)
        by_name = {each[1]: each for each in names if each[0] == region}
        for place, name in zip(chosen, stops[region], strict=True):
            found[place] = by_name.pop(name)
        for place, each in zip(left, by_name.values(), strict=True):
            found[place] = each
        here = sites[chosen[-1]]
    return found


def stepped_aside(marks: Points, boxes: list[lettering.Box]) -> Points:
    """Returns the marks, those under a region's name above or below it."""
    for _ in range(6):
        for mark in marks:
            for left, top, right, bottom in boxes:
                if left - 8 < mark[0] < right + 8 and top - STEP_PX < mark[1] < bottom + STEP_PX:
                    above = mark[1] < (top + bottom) / 2
                    mark[1] = top - STEP_PX if above else bottom + STEP_PX
        marks = within_the_frame(marks)
    return marks


def within_the_frame(marks: Points) -> Points:
    """Returns the marks, those at the frame's edge a little inwards, and none on top of another."""
    for _ in range(40):
        marks[:, 0] = np.clip(marks[:, 0], 66, WIDTH - 78)
        marks[:, 1] = np.clip(marks[:, 1], 70, HEIGHT - 72)
        apart = marks[:, None] - marks[None]
        far = np.hypot(apart[..., 0], apart[..., 1]) + np.eye(len(marks)) * 1e6
        push = np.where(far < APART_PX, (APART_PX - far) / 2 / far, 0)
        marks += (apart * push[..., None]).sum(axis=1)
    return marks


def box_of(cells: Points) -> list[float]:
    """Returns the view of a region: what its land takes, and some room."""
    low, high = cells.min(axis=0) - 24, cells.max(axis=0) + 24
    low, high = np.maximum(low, 0), np.minimum(high, (WIDTH, HEIGHT))
    return [round(float(each), 1) for each in (*low, *(high - low))]


def grid_of(x: float, y: float) -> str:
    """Returns the field of the frame's grid: `D6`."""
    return f"{'ABCDEFGHIJKLMN'[min(13, int(x // 100))]}{min(9, int(y // 100) + 1)}"
