"""A pipelined connection: answers in their order, to whoever asked, in any pieces, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from answer_samples import Answer, answers, pieces
from http2_peer import Kept, Shared, Told, Wire
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.load.drivers.http1.pipelining import BEHIND, STUCK, PipelinedConnection
from hinterland.load.drivers.transport.stream_lane import SharedLane
from hinterland.load.engine.failures import code_of, words_of
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, RESET, TIMEOUT

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nok"


class SharedForTest(Shared):
    surplus_answers = 0

    def surplus(self) -> None:
        self.surplus_answers += 1


class Pipe:
    """A connection with so many lanes, which have all sent their request."""

    def __init__(self, outgoing: list[Outgoing]) -> None:
        self.told, self.shared, self.wire = Told(), SharedForTest(), Wire()
        self.asked = Kept(outgoing[0])
        self.connection = PipelinedConnection(self.shared)  # type: ignore[arg-type]
        self.connection.connection_made(self.wire)
        self.lanes = []
        for number, request in enumerate(outgoing):
            lane = SharedLane(number, self.shared, self.told, self.asked)  # type: ignore[arg-type]
            self.lanes.append(lane)
            self.connection.lanes.add(lane)
            lane.joined(self.connection)
            lane.operation = number
            lane.send(request)
        self.connection.flush()

    def tell(self, *given_pieces: bytes) -> None:
        for piece in given_pieces:
            self.connection.data_received(piece)


def in_loop(scenario: Callable[[], Any]) -> None:
    async def run() -> None:
        scenario()

    asyncio.run(run())


def gets(count: int) -> list[Outgoing]:
    return [Outgoing(b"%d;" % number) for number in range(count)]


@settings(max_examples=50, deadline=None)
@given(data=st.data(), sequence=st.lists(answers(), min_size=1, max_size=6), reads=st.booleans())
def test_each_request_gets_its_own_answer(data: st.DataObject, sequence: list[Answer], reads: bool) -> None:
    ends = next((place for place, answer in enumerate(sequence) if not answer.reusable), len(sequence))
    repeated = [answer for answer in sequence[:ends] for _ in range(2)] + sequence[ends : ends + 1]

    def scenario() -> None:
        pipe = Pipe([Outgoing(b"x", method=answer.method, reads=reads) for answer in repeated])
        pipe.tell(*data.draw(pieces(b"".join(answer.data for answer in repeated))))
        if repeated[-1].until_close:
            pipe.connection.eof_received()
        for place, answer in enumerate(repeated):
            bad = reads and answer.status >= 500
            how, status, error = pipe.told.ends[place]
            assert how == (("failed" if bad else "answered") if answer.reusable else "ended")
            assert (status, bool(error)) == (answer.status, bad)
        if reads:
            assert [answer.body for answer in pipe.asked.answers] == [answer.body for answer in repeated]
        assert pipe.shared.surplus_answers == 0
        pipe.connection.connection_lost(None)
        assert pipe.told.closes == len(repeated)

    in_loop(scenario)


def test_requests_leave_together_and_in_order() -> None:
    def scenario() -> None:
        pipe = Pipe(gets(20))
        assert pipe.wire.written == b"".join(b"%d;" % number for number in range(20))

    in_loop(scenario)


@pytest.mark.parametrize(
    ("wire", "lost", "expected"),
    [
        (OK + b"garbage that is no HTTP", None, [("answered", 200, 0), ("ended", 0, PROTOCOL)]),
        (OK, None, [("answered", 200, 0), ("ended", 0, CLOSED)]),
        (OK, OSError(), [("answered", 200, 0), ("ended", 0, RESET)]),
        (OK + OK[:-1], None, [("answered", 200, 0), ("ended", 0, CLOSED)]),
        (LAST, None, [("ended", 200, 0), ("ended", 0, CLOSED)]),
        (LAST + OK, None, [("ended", 200, 0), ("ended", 0, CLOSED)]),
    ],
)
def test_what_ends_a_connection(wire: bytes, lost: Exception | None, expected: list[Any]) -> None:
    def scenario() -> None:
        pipe = Pipe(gets(4))
        pipe.tell(wire)
        pipe.connection.connection_lost(lost)
        assert [pipe.told.ends[place] for place in range(2)] == expected
        rest = ("ended", 0, RESET if lost else CLOSED)
        if expected[-1][-1] == PROTOCOL:
            rest = ("ended", 0, code_of(BEHIND))
        assert [pipe.told.ends[place] for place in (2, 3)] == [rest, rest]
        assert pipe.told.closes == 4
        assert pipe.shared.over

    in_loop(scenario)


def test_an_answer_that_ends_with_the_connection() -> None:
    def scenario() -> None:
        pipe = Pipe(gets(2))
        pipe.tell(UNTIL_CLOSE)
        assert not pipe.told.ends
        pipe.connection.eof_received()
        assert pipe.told.ends == {0: ("ended", 200, 0), 1: ("ended", 0, CLOSED)}

    in_loop(scenario)


def test_a_timeout_ends_the_connection_and_says_who_was_stuck() -> None:
    def scenario() -> None:
        pipe = Pipe(gets(4))
        pipe.tell(OK)
        pipe.lanes[2].end(TIMEOUT)
        assert pipe.told.ends[1] == pipe.told.ends[2] == ("ended", 0, TIMEOUT)
        assert words_of(pipe.told.ends[3][2]) == STUCK
        assert pipe.wire.closed
        assert pipe.told.closes == 4

    in_loop(scenario)


def test_bytes_that_nobody_asked_for() -> None:
    def scenario() -> None:
        pipe = Pipe(gets(1))
        pipe.tell(OK + OK)
        assert pipe.told.ends == {0: ("answered", 200, 0)}
        assert (pipe.shared.surplus_answers, pipe.wire.closed) == (1, True)

    in_loop(scenario)
