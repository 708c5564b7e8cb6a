"""The agenda of an open loop: lazily filled, forgetting what was begun, and never longer than it must be."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hinterland.load.engine.agenda import Agenda

chunks = st.lists(st.lists(st.integers(0, 1000), max_size=8), max_size=8)


def agenda_of(parts: list[list[int]]) -> tuple[Agenda, list[int]]:
    """Returns an agenda that starts at 5 and its due moments."""
    flat = np.cumsum(np.array([value for part in parts for value in part], dtype=np.int64))
    pieces = np.split(flat, np.cumsum([len(part) for part in parts])[:-1]) if parts else []
    agenda = Agenda(iter(pieces))
    agenda.start_ns = 5
    return agenda, (flat + 5).tolist()


@given(chunks, st.integers(0, 2**32))
def test_every_visit_is_noticed_and_begun_once(parts: list[list[int]], seed: int) -> None:
    random = Random(seed)
    agenda, due = agenda_of(parts)
    begun: list[int] = []
    noticed: list[int] = []
    while not agenda.over:
        agenda.fill(random.randint(0, 5000))
        step = random.randint(0, agenda.count - agenda.noticed)
        for place in range(agenda.noticed, agenda.noticed + step):
            agenda.late[place] = 7
        agenda.noticed += step
        take = random.randint(0, agenda.noticed - agenda.next)
        begun += agenda.due[agenda.next : agenda.next + take].tolist()
        agenda.next += take
        if random.random() < 0.5:
            news = agenda.forget()
            noticed += news.due_ns.tolist()
            assert news.late_ns.tolist() == [7] * len(news.due_ns)
    noticed += agenda.forget().due_ns.tolist()
    assert begun == noticed == due


def test_filling_stays_a_little_ahead() -> None:
    drawn = 0

    def endless() -> Iterator[NDArray[np.int64]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield np.arange(10, dtype=np.int64) + 10 * (drawn - 1)

    agenda = Agenda(endless())
    agenda.fill(35)
    assert (drawn, agenda.count) == (4, 40)
    agenda.fill(35)
    assert drawn == 4
    # Where nothing is left there is one more, however near the moment.
    agenda.noticed = agenda.next = 40
    agenda.fill(0)
    assert drawn == 5


def test_the_oldest_are_given_up_where_too_many_wait() -> None:
    agenda, due = agenda_of([[1] * 10])
    agenda.fill(1)
    agenda.noticed = 8
    assert agenda.give_up(most=5).tolist() == due[:3]
    assert agenda.give_up(most=5).tolist() == []
    assert agenda.remaining().tolist() == due[3:8]
    assert not agenda.over
    agenda.stop()
    assert agenda.over
