"""Two texts side by side: nothing of either is lost, and what is marked differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hinterland.web.content.difference import Block, blocks

LINES = st.lists(
    st.sampled_from(["", "  ", "a = 1", "a = 2", "return a", "def f(x):", "<b>", "lock.take()"]), max_size=24
)


def text_of(found: list[Block], side: int) -> list[tuple[int, str]]:
    """Returns the numbered lines of a side as its blocks have them."""
    cells = [row[side] for block in found for row in block.rows]
    return [
        (cell.number, "".join(text for _, text in cell.parts)) for cell in cells if cell.number is not None
    ]


@given(LINES, LINES)
def test_each_side_has_all_its_lines_in_order(left: list[str], right: list[str]) -> None:
    found = blocks(left, right, (3, 40))
    assert text_of(found, 0) == list(enumerate(left, 3))
    assert text_of(found, 1) == list(enumerate(right, 40))


@given(LINES, LINES)
def test_what_counts_as_the_same_is_the_same(left: list[str], right: list[str]) -> None:
    for block in blocks(left, right):
        for ours, theirs in block.rows:
            if block.kind == "same":
                assert ours.parts == theirs.parts
            marked = [part for part in (*ours.parts, *theirs.parts) if part[0]]
            assert not (marked and block.kind == "same")


@given(LINES)
def test_a_text_differs_nowhere_from_itself(lines: list[str]) -> None:
    assert all(block.kind == "same" for block in blocks(lines, lines))


def test_a_line_that_was_changed_stands_beside_its_old_self_with_the_words_marked() -> None:
    [block] = blocks(["def no_key(shop, payment):"], ["def key_in_redis(shop, payment):"])
    [(left, right)] = block.rows
    assert [text for differs, text in left.parts if differs] == ["no_key"]
    assert [text for differs, text in right.parts if differs] == ["key_in_redis"]


def test_lines_with_nothing_in_common_are_not_marked_word_by_word() -> None:
    [block] = blocks(["import os"], ["while True:"])
    assert not any(differs for row in block.rows for side in row for differs, _ in side.parts)


def test_a_long_stretch_of_equal_lines_is_folded_but_for_those_next_to_a_difference() -> None:
    same = [f"line {number}" for number in range(30)]
    found = blocks(["old", *same, "end"], ["new", *same, "END"])
    assert [(block.kind, len(block.rows), block.folded) for block in found] == [
        ("changed", 1, False),
        ("same", 2, False),
        ("same", 26, True),
        ("same", 2, False),
        ("changed", 1, False),
    ]


def test_blank_lines_do_not_cut_what_was_rewritten_into_crumbs() -> None:
    found = blocks(["a", "", "b", "", "c"], ["1", "", "2", "", "3"])
    assert [block.kind for block in found] == ["changed"]
