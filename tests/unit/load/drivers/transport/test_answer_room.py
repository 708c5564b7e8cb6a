"""Room for long answers: so much for one, so much for all, and given back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hinterland.load.drivers.transport import answer_room
from hinterland.load.drivers.transport.answer_room import AnswerRoom
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.recorder import TOO_LONG

MIB = 1 << 20


def test_one_answer_has_so_much_and_no_more() -> None:
    room = AnswerRoom()
    assert room.take(0, answer_room.LONGEST_ANSWER_BYTES) == 0
    assert room.take(answer_room.LONGEST_ANSWER_BYTES, 1) == TOO_LONG
    assert room.taken == answer_room.LONGEST_ANSWER_BYTES


@given(st.lists(st.integers(1, 64), max_size=30))
def test_what_is_taken_is_never_more_than_there_is(sizes: list[int]) -> None:
    room = AnswerRoom()
    held = [size * MIB for size in sizes if not room.take(0, size * MIB)]
    assert room.taken == sum(held) <= answer_room.ROOM_BYTES
    if len(held) < len(sizes):
        assert words_of(room.take(0, answer_room.LONGEST_ANSWER_BYTES)) == answer_room.NO_ROOM
    for size in held:
        room.give(size)
    assert room.taken == 0
    assert room.take(0, 1) == 0
