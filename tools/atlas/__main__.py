"""`python -m tools.atlas [FILE]`: works the map out, once, and writes it for the server."""

from __future__ import annotations

import json
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np

from hinterland.model.experiment import REGIONS
from tools.atlas import lettering, signs
from tools.atlas.land import HEIGHT, WIDTH, Points, mesh
from tools.atlas.lines import Outlines, flowing

SEED = 11
Name = tuple[str, str, str]
"""Region, name and label of a place."""
FILE = Path(__file__).parents[2] / "src" / "hinterland" / "web" / "map" / "atlas.json"
WAY = (
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
"""The path through the fundamentals, as it is walked."""
APART_PX = 34.0
SHIP = (172.0, 566.0)
TITLE = (52.0, 52.0, 400.0, 190.0)


def main(file: Path) -> None:
    places = tomllib.loads((Path(__file__).parent / "places.toml").read_text())
    regions = [name for name in REGIONS if name in places]
    names = [(region, name, label) for region in regions for name, label in places[region].items()]
    # Each region keeps a plot for its own name: the last of its sites.
    counts = {region: len(places[region]) + 1 for region in regions}
    found = mesh(counts, SEED)
    ends = np.cumsum(list(counts.values()))
    spare = [int(end) - 1 for end in ends]
    numbers = [number for number in range(len(found.sites)) if number not in spare]
    names = along_the_way(names, found.sites[numbers])
    marks = within_the_frame(found.sites[numbers].copy())
    titles = lettering.region_boxes(found, regions, [REGIONS[region] for region in regions], spare, marks)
    kept_free = [box for _, _, box in titles]
    labels = lettering.written(found, [label for _, _, label in names], marks, [*kept_free, TITLE])
    way = np.array([SHIP, *(marks[place_of(names, each)] for each in WAY)])
    around_marks = [(x - 16, y - 16, x + 16, y + 16) for x, y in marks]
    along = [(x - 9, y - 9, x + 9, y + 9) for x, y in steps(way)]
    terrain = signs.drawn(
        found, regions, [*kept_free, *around_marks, *along, *(one.box for one in labels)], SEED
    )
    outlines = Outlines(found)
    region_of = {number: int(found.region[found.owner == number][0]) for number in range(len(found.sites))}
    written = {
        "size": [WIDTH, HEIGHT],
        "land": outlines.around(lambda owner: owner >= 0),
        "borders": outlines.between(
            lambda one, other: (
                min(one, other) >= 0
                and max(one, other) < len(found.sites)
                and region_of[one] != region_of[other]
            )
        ),
        "way": flowing(way),
        "ship": SHIP,
        "regions": {
            region: {
                "outline": outlines.around(lambda owner, number=number: region_of.get(owner) == number),  # type: ignore[misc]
                "x": round(titles[number][0], 1),
                "y": round(titles[number][1], 1),
                "terrain": terrain[region],
                "box": box_of(found.cells[found.region == number]),
            }
            for number, region in enumerate(regions)
        },
        "places": {
            f"{region}/{name}": {
                "label": list(label.lines),
                "x": round(float(mark[0]), 1),
                "y": round(float(mark[1]), 1),
                "at": [label.x, label.y, label.anchor],
                "grid": grid_of(float(mark[0]), float(mark[1])),
                "plot": outlines.around(lambda owner, number=number: owner == number),  # type: ignore[misc]
            }
            for (region, name, _), number, mark, label in zip(names, numbers, marks, labels, strict=True)
        },
        "path": list(WAY),
    }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(written, separators=(",", ":")) + "\n")
    print(f"{len(names)} places, {file.stat().st_size / 1024:.0f} KB")


def place_of(names: list[Name], identity: str) -> int:
    return next(place for place, (region, name, _) in enumerate(names) if f"{region}/{name}" == identity)


def along_the_way(names: list[Name], sites: Points) -> list[Name]:
    """Returns the places in an order that gives those on the way the sites which lie on it.

    Which place of a region has which of its sites is free: the way enters where the one before ended, and
    goes towards the next region.
    """
    stops: dict[str, list[str]] = {}
    for identity in WAY:
        region, _, name = identity.partition("/")
        stops.setdefault(region, []).append(name)
    mine = {region: [place for place, each in enumerate(names) if each[0] == region] for region in stops}
    middle = {region: sites[places].mean(axis=0) for region, places in mine.items()}
    order = list(stops)
    here = np.array(SHIP)
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


def steps(way: Points) -> Points:
    """Returns points along the way, close enough to keep signs off it."""
    parts = [start + (end - start) * share for start, end in pairwise(way) for share in np.linspace(0, 1, 24)]
    return np.array(parts)


def box_of(cells: Points) -> list[float]:
    """Returns the view of a region: what its land takes, and some room."""
    low, high = cells.min(axis=0) - 24, cells.max(axis=0) + 24
    low, high = np.maximum(low, 0), np.minimum(high, (WIDTH, HEIGHT))
    return [round(float(each), 1) for each in (*low, *(high - low))]


def grid_of(x: float, y: float) -> str:
    """Returns the field of the frame's grid: `D6`."""
    return f"{'ABCDEFGHIJKLMN'[min(13, int(x // 100))]}{min(9, int(y // 100) + 1)}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
