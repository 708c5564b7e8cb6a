"""An open loop sends what is due whoever notices it: its pacer between bunches of answers, or an answer."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hinterland.load.engine.agenda import Agenda
from hinterland.load.engine.loops import OpenLoop
from hinterland.load.engine.pacing import NEVER
from hinterland.load.engine.recorder import Recorder

AT_ONCE, LATER_NS = 200, 3_600_000_000_000


class Line:
    """A lane that is always open and keeps what it was told to send."""

    alive = ready = True
    dirty = False

    def __init__(self, number: int) -> None:
        self.number, self.operation = number, -1
        self.sent: list[int] = []

    def send(self, _: Any) -> None:
        self.sent.append(time.monotonic_ns())


def begun(due_ns: list[int], lines: list[Line]) -> OpenLoop:
    """Returns a loop that begins now, its visits due so long after that."""
    requests = cast(Any, SimpleNamespace(constant=b"GET /", any_status=[False]))
    loop = OpenLoop(Recorder(16), requests, Agenda(iter([np.array(due_ns, np.int64)])))
    loop.pool = cast(Any, SimpleNamespace(lanes=lines))
    loop.start(time.monotonic_ns())
    return loop


def test_what_falls_due_within_a_bunch_of_answers_does_not_wait_for_the_rest_of_it() -> None:
    async def bunch() -> None:
        lines = [Line(0), Line(1)]
        loop = begun([0, 0, AT_ONCE, LATER_NS], lines)
        assert loop.look(loop.agenda.start_ns) == loop.agenda.start_ns + AT_ONCE
        assert [len(line.sent) for line in lines] == [1, 1]
        loop.answered(cast(Any, lines[0]), 200)
        assert [len(line.sent) for line in lines] == [2, 1], "the pacer has not looked since"
        loop.answered(cast(Any, lines[1]), 200)
        assert [len(line.sent) for line in lines] == [2, 1], "an hour is left"

    asyncio.run(bunch())


@pytest.mark.parametrize("ended_by", ["its last visit", "stop"])
def test_an_answer_after_the_last_visit_ends_the_load(ended_by: str) -> None:
    async def last() -> None:
        lines = [Line(0)]
        loop = begun([0] if ended_by == "its last visit" else [0, LATER_NS], lines)
        due_ns = loop.look(loop.agenda.start_ns)
        if ended_by == "stop":
            loop.stop()
        else:
            assert due_ns == NEVER
        loop.answered(cast(Any, lines[0]), 200)
        assert loop.finished.done()
        assert len(lines[0].sent) == 1

    asyncio.run(last())
