"""Where names stand: beside their marks, off each other, off coasts and borders, on their own land."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hinterland.drawing.svg import text_width
from tools.atlas.land import HEIGHT, WIDTH, Mesh, Points

PLACE_PX, REGION_PX, SAYS_PX = 11.6, 20.0, 12.5
LEADING = 12.6
GAP = 9.0


@dataclass(frozen=True)
class Label:
    """A name on the map: its lines, where the first stands, and how it is anchored."""

    lines: tuple[str, ...]
    x: float
    y: float
    anchor: str
    box: tuple[float, float, float, float]


def ways_to_write(name: str) -> list[tuple[str, ...]]:
    """Returns a name in one line, and in two where it has a blank near its middle."""
    words = name.split(" ")
    found = [(name,)]
    if len(words) > 1 and len(name) > 9:
        cut = min(range(1, len(words)), key=lambda at: abs(len(" ".join(words[:at])) - len(name) / 2))
        found.append((" ".join(words[:cut]), " ".join(words[cut:])))
    return found


def candidates(at: Points, name: str) -> list[tuple[float, Label]]:
    """Returns the ways to write a name beside its mark, each with how little it is liked."""
    x, y = float(at[0]), float(at[1])
    found = []
    for lines in ways_to_write(name):
        width = max(text_width(line, PLACE_PX) for line in lines) * 0.93
        height = LEADING * len(lines)
        two = 1.2 * (len(lines) - 1)
        places = [
            ("middle", x, y + GAP + 9, 0.0), ("middle", x, y - GAP - height + 9.5, 0.6),
            ("start", x + GAP, y + 4 - height / 2 + LEADING / 2, 1.0),
            ("end", x - GAP, y + 4 - height / 2 + LEADING / 2, 1.4),
            ("start", x + 6, y + GAP + 6, 2.0), ("end", x - 6, y + GAP + 6, 2.2),
            ("start", x + 6, y - GAP - height + 11, 2.2), ("end", x - 6, y - GAP - height + 11, 2.4),
        ]  # fmt: skip
        for anchor, left, top, dislike in places:
            start = {"start": left, "middle": left - width / 2, "end": left - width}[anchor]
            box = (start - 2, top - 10, start + width + 2, top - 10 + height)
            found.append((dislike + two, Label(lines, round(left, 1), round(top, 1), anchor, box)))
    return found


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, along)


def written(
    mesh: Mesh, names: list[str], marks: Points, kept_free: list[tuple[float, float, float, float]]
) -> list[Label]:
    """Returns a label for each mark: each in turn takes what is best beside the others, until none moves."""
    tree = cKDTree(mesh.cells)
    options = [candidates(mark, name) for mark, name in zip(marks, names, strict=True)]
    own = [
        [dislike + _off(mesh, tree, label, place) for dislike, label in each]
        for place, each in enumerate(options)
    ]
    own = [
        [
            cost
            + 1.5 * sum(overlap(label.box, box) for box in kept_free)
            + 0.6
            * sum(overlap(label.box, _mark_box(mark)) for number, mark in enumerate(marks) if number != place)
            for cost, (_, label) in zip(costs, options[place], strict=True)
        ]
        for place, costs in enumerate(own)
    ]
    chosen = [int(np.argmin(costs)) for costs in own]
    near = cKDTree(marks)
    for _ in range(30):
        moved = False
        for place in range(len(marks)):
            others = [each for each in near.query_ball_point(marks[place], 190) if each != place]
            boxes = [options[each][chosen[each]][1].box for each in others]
            costs = [
                cost + 0.6 * sum(overlap(label.box, box) for box in boxes)
                for cost, (_, label) in zip(own[place], options[place], strict=True)
            ]
            best = int(np.argmin(costs))
            moved |= best != chosen[place]
            chosen[place] = best
        if not moved:
            break
    return [options[place][number][1] for place, number in enumerate(chosen)]


def _mark_box(mark: NDArray[np.float64], room: float = 8.0) -> tuple[float, float, float, float]:
    return (mark[0] - room, mark[1] - room, mark[0] + room, mark[1] + room)


def _off(mesh: Mesh, tree: cKDTree, label: Label, place: int) -> float:
    """Returns how far a label leaves its own region, and the frame."""
    left, top, right, bottom = label.box
    spots = np.array(
        [(left + share * (right - left), y) for share in (0, 0.25, 0.5, 0.75, 1) for y in (top, bottom)]
    )
    regions = mesh.region[tree.query(spots)[1]]
    mine = mesh.region[mesh.owner == place][0]
    outside = (
        (spots[:, 0] < 40) | (spots[:, 0] > WIDTH - 40) | (spots[:, 1] < 40) | (spots[:, 1] > HEIGHT - 40)
    )
    return 3.0 * float(np.count_nonzero(regions != mine)) + 30.0 * float(np.count_nonzero(outside))


def region_boxes(
    mesh: Mesh, names: list[str], says: list[str], spare: list[int], marks: Points
) -> list[tuple[float, float, tuple[float, float, float, float]]]:
    """Returns where each region's name stands: near the place that was kept free for it, off every mark."""
    tree = cKDTree(mesh.cells)
    found = []
    for number, (name, said) in enumerate(zip(names, says, strict=True)):
        width = max(text_width(name.upper(), REGION_PX) * 1.32, text_width(said, SAYS_PX) * 0.95)
        at = mesh.sites[spare[number]]
        best: tuple[float, float, float] | None = None
        for dx in range(-130, 131, 10):
            for dy in range(-105, 106, 7):
                x, y = at[0] + dx, at[1] + dy
                box = (x - width / 2 - 4, y - 20, x + width / 2 + 4, y + 20)
                spots = np.array(
                    [
                        (box[0] + share * (box[2] - box[0]), line)
                        for share in (0, 0.2, 0.4, 0.6, 0.8, 1)
                        for line in (box[1], y, box[3])
                    ]
                )
                strange = np.count_nonzero(mesh.region[tree.query(spots)[1]] != number)
                under = sum(overlap(box, _mark_box(mark, 11)) for mark in marks)
                out = (
                    max(0.0, 46 - box[0])
                    + max(0.0, box[2] - WIDTH + 46)
                    + max(0.0, 50 - box[1])
                    + max(0.0, box[3] - HEIGHT + 46)
                )
                cost = 160.0 * strange + 1.6 * under + 20 * out + 0.05 * (abs(dx) + abs(dy))
                if best is None or cost < best[0]:
                    best = (cost, x, y)
        assert best is not None
        _, x, y = best
        found.append((x, y, (x - width / 2 - 4, y - 20, x + width / 2 + 4, y + 20)))
    return found
