"""Where names stand: beside their marks, off each other, off coasts and borders, on their own land."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from tools.atlas.land import HEIGHT, WIDTH, Mesh, Points

PLACE_PX, REGION_PX, SAYS_PX = 11.6, 20.0, 12.5
LEADING = 12.6
GAP = 9.0
_ADVANCES = (
    "20 34 40 68 56 85 81 25 33 33 47 58 33 35 33 44 58 41 52 54 55 52 54 52 55 53 33 34 58 58 58 54 "
    "86 73 66 70 76 64 61 75 84 41 56 75 64 100 83 76 60 76 72 60 74 81 74 109 71 71 66 33 43 33 58 "
    "50 50 57 61 50 61 52 39 56 66 33 31 61 33 97 66 59 62 60 47 45 40 63 59 86 57 57 49 37 42 37 58"
)
ADVANCES = tuple(int(each) / 100 for each in _ADVANCES.split())
"""Advances of the printable ASCII characters in em: the wider of Literata's regular and italic letters."""
Box = tuple[float, float, float, float]


def text_width(text: str, size: float) -> float:
    """Returns how wide a line is in the map's own face, upright or slanted, in pixels."""
    return size * sum(ADVANCES[ord(each) - 32] if 32 <= ord(each) < 127 else 0.8 for each in text)


def around(spot: Points, room: float) -> Box:
    """Returns the box around a spot."""
    return (float(spot[0]) - room, float(spot[1]) - room, float(spot[0]) + room, float(spot[1]) + room)


@dataclass(frozen=True)
class Label:
    """A name on the map: its lines, where the first stands, and how it is anchored."""

    lines: tuple[str, ...]
    x: float
    y: float
    anchor: str
    box: Box


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
        width = max(text_width(line, PLACE_PX) for line in lines)
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
            box = (start - 3, top - 11, start + width + 3, top - 9 + height)
            found.append((dislike + two, Label(lines, round(left, 1), round(top, 1), anchor, box)))
    return found


def overlap(one: Box, other: Box) -> float:
    """Returns how much two boxes have in common, in square pixels."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, along)


def crowded(box: Box, kept_free: Points, marks: Points, trodden: Points) -> float:
    """Returns how much a name would cover: what is to be kept free (boxes), marks, and the way."""
    names = 1.5 * covered(box, kept_free)
    under = 0.6 * covered(box, np.hstack([marks - 8.0, marks + 8.0]))
    x, y = trodden[:, 0], trodden[:, 1]
    on_it = np.count_nonzero((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3]))
    return names + under + 1.1 * on_it


def covered(box: Box, others: Points) -> float:
    """Returns how much a box has in common with others, in square pixels."""
    across = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    along = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float((np.maximum(0.0, across) * np.maximum(0.0, along)).sum())


def written(
    mesh: Mesh, names: list[str], marks: Points, kept_free: list[Box], owners: list[int], trodden: Points
) -> list[Label]:
    """Returns a label for each mark: each in turn takes what is best beside the others, until none moves.

    owners: the site of each mark. trodden: points along the way.
    """
    tree, free = cKDTree(mesh.cells), np.array(kept_free)
    options = [candidates(mark, name) for mark, name in zip(marks, names, strict=True)]
    own = []
    for place, each in enumerate(options):
        others = np.delete(marks, place, axis=0)
        own.append([
            dislike + _off(mesh, tree, label, owners[place]) + crowded(label.box, free, others, trodden)
            for dislike, label in each
        ])  # fmt: skip
    chosen = [int(np.argmin(costs)) for costs in own]
    near = cKDTree(marks)
    for _ in range(30):
        moved = False
        for place in range(len(marks)):
            others = [each for each in near.query_ball_point(marks[place], 230) if each != place]
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


def _off(mesh: Mesh, tree: cKDTree, label: Label, owner: int) -> float:
    """Returns how far a label leaves its own region, and the frame."""
    left, top, right, bottom = label.box
    spots = np.array(
        [(left + share * (right - left), y) for share in (0, 0.25, 0.5, 0.75, 1) for y in (top, bottom)]
    )
    regions = mesh.region[tree.query(spots)[1]]
    mine = mesh.region[mesh.owner == owner][0]
    outside = (
        (spots[:, 0] < 40) | (spots[:, 0] > WIDTH - 40) | (spots[:, 1] < 40) | (spots[:, 1] > HEIGHT - 40)
    )
    return 6.0 * float(np.count_nonzero(regions != mine)) + 30.0 * float(np.count_nonzero(outside))


def region_boxes(
    mesh: Mesh, names: list[str], says: list[str], spare: list[int], marks: Points, trodden: Points
) -> list[tuple[float, float, Box]]:
    """Returns where each region's name stands: near the place kept free for it, off marks and way."""
    tree = cKDTree(mesh.cells)
    found = []
    for number, (name, said) in enumerate(zip(names, says, strict=True)):
        # Its letters stand 0.2 em apart.
        spread = text_width(name.upper(), REGION_PX) + 0.2 * REGION_PX * len(name)
        width = max(spread, text_width(said, SAYS_PX))
        at = mesh.sites[spare[number]]
        best: tuple[float, float, float] | None = None
        for dx in range(-180, 181, 10):
            for dy in range(-175, 176, 7):
                x, y = at[0] + dx, at[1] + dy
                box = (x - width / 2 - 6, y - 20, x + width / 2 + 6, y + 22)
                spots = np.array(
                    [
                        (box[0] - 5 + share * (box[2] - box[0] + 10), line)
                        for share in (0, 0.2, 0.4, 0.6, 0.8, 1)
                        for line in (box[1], y, box[3])
                    ]
                )
                strange = np.count_nonzero(mesh.region[tree.query(spots)[1]] != number)
                under = sum(
                    overlap(box, around(mark, 13)) + 0.04 * overlap(box, around(mark, 34)) for mark in marks
                )
                on_it = np.count_nonzero(
                    (trodden[:, 0] > box[0])
                    & (trodden[:, 0] < box[2])
                    & (trodden[:, 1] > box[1])
                    & (trodden[:, 1] < box[3])
                )
                out = (
                    max(0.0, 46 - box[0])
                    + max(0.0, box[2] - WIDTH + 46)
                    + max(0.0, 50 - box[1])
                    + max(0.0, box[3] - HEIGHT + 46)
                )
                cost = 500.0 * strange + 1.6 * under + 20 * out + 40.0 * on_it + 0.05 * (abs(dx) + abs(dy))
                if best is None or cost < best[0]:
                    best = (cost, x, y)
        assert best is not None
        _, x, y = best
        found.append((x, y, (x - width / 2 - 6, y - 20, x + width / 2 + 6, y + 22)))
    return found
