from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.drawing import labels


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(10, 40)), min_size=1, max_size=12))
def test_labels_never_overlap(wanted: list[tuple[float, float]]) -> None:
    sizes = [size for _, size in wanted]
    centres = labels.spread([place for place, _ in wanted], sizes, 0, 300)
    boxes = sorted((c - s / 2, c + s / 2) for c, s in zip(centres, sizes, strict=True))
    assert boxes[0][0] >= -1e-6
    for (_, end), (start, _) in itertools.pairwise(boxes):
        assert start >= end - 1e-6


@given(st.lists(st.floats(0, 300), min_size=1, max_size=8))
def test_labels_keep_the_order_of_what_they_name_and_stay_inside(wanted: list[float]) -> None:
    centres = labels.spread(wanted, [20.0] * len(wanted), 0, 300)
    assert all(9.99 <= centre <= 290.01 for centre in centres)
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    assert [centres[index] for index in order] == sorted(centres)


def test_labels_with_room_stay_where_they_are() -> None:
    assert labels.spread([50, 150, 250], [20, 20, 20], 0, 300) == [50, 150, 250]


def test_two_labels_for_one_place_move_equally_far() -> None:
    assert labels.spread([100, 100], [20, 20], 0, 300) == pytest.approx([90, 110])
