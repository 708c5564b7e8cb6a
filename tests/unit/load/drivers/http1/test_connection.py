"""One connection of a load: what it tells its driver for any answer in any pieces."""

from __future__ import annotations

from answer_samples import Answer, answers, pieces
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.clients.message import Response
from hinterland.load.drivers.http1.connection import Http1Connection
from hinterland.load.drivers.transport.remembered import Remembered
from hinterland.load.engine.lane import IDLE, Lane
from hinterland.load.engine.outgoing import Constant, Outgoing
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, RESET

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
OOPS = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"


class Told:
    """A driver that notes what it was told, and gives a connection its next operation when asked."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int, int]] = []
        self.closes = 0

    def answered(self, lane: Lane, status: int) -> None:
        self.ends.append(("answered", status, 0))
        lane.operation = IDLE

    def failed(self, lane: Lane, status: int, error: int) -> None:
        self.ends.append(("failed", status, error))
        lane.operation = IDLE

    def unanswered(self, lane: Lane, error: int) -> None:
        raise AssertionError("a connection that gives an answer up is gone")

    def ended(self, lane: Lane, operation: int, status: int, error: int) -> None:
        assert operation >= 0
        self.ends.append(("ended", status, error))

    def closed(self, lane: Lane) -> None:
        self.closes += 1

    def passed(self, lane: Lane, *, done_ns: int, status: int, error: int) -> None:
        raise AssertionError("a connection has no visit of its own")

    def goes_on(self, lane: Lane, outgoing: Outgoing) -> None:
        raise AssertionError("a connection has no visit of its own")

    def freed(self, lane: Lane) -> None:
        raise AssertionError("a connection has no visit of its own")

    def record(
        self, lane: Lane, *, kind: int, intended_ns: int, sent_ns: int, done_ns: int, status: int, error: int
    ) -> None:
        raise AssertionError("a connection records nothing of its own")


def connect(method: str = "GET") -> tuple[Http1Connection, Told]:
    driver = Told()
    connection = made(0, driver, Remembered())
    outgoing = Outgoing(b"x", method=method)
    connection.operation = 1
    connection.send(outgoing)  # There is no socket: it fails, and the connection then waits for an answer.
    driver.ends.clear()
    connection.operation = 1
    return connection, driver


def made(number: int, driver: Told, remembered: Remembered) -> Http1Connection:
    requests = Constant(Outgoing(b"x"))
    return Http1Connection(
        number, ("127.0.0.1", 1), listener=driver, requests=requests, remembered=remembered
    )


@given(data=st.data(), answer=answers())
def test_any_cut_tells_the_driver_the_same(data: st.DataObject, answer: Answer) -> None:
    connection, driver = connect(answer.method)
    for piece in data.draw(pieces(answer.data)):
        assert not driver.ends
        connection.data_received(piece)
    if answer.until_close:
        assert not driver.ends
        connection.eof_received()
    expected = ("answered" if answer.reusable else "ended", answer.status, 0)
    assert driver.ends == [expected]
    assert connection.operation == IDLE
    connection.connection_lost(None)
    assert driver.ends == [expected]
    assert driver.closes == 1


@given(data=st.data(), answer=answers(), cut_off=st.sampled_from(["eof", "reset"]))
def test_a_cut_off_answer_is_an_error(data: st.DataObject, answer: Answer, cut_off: str) -> None:
    connection, driver = connect(answer.method)
    # At most the head without its last byte, so that no answer is complete, not even one that the close ends.
    connection.data_received(answer.data[: data.draw(st.integers(1, answer.head_size - 1))])
    assert not driver.ends
    if cut_off == "eof":
        connection.eof_received()
    connection.connection_lost(None if cut_off == "eof" else ConnectionResetError())
    assert driver.ends == [("ended", 0, CLOSED if cut_off == "eof" else RESET)]


@settings(max_examples=30)
@given(st.data(), st.lists(answers(kept=True), min_size=2, max_size=6))
def test_many_answers_on_one_connection(data: st.DataObject, sequence: list[Answer]) -> None:
    """The same bytes again and other bytes in between: what is remembered never answers for what came."""
    connection, driver = connect()
    expected = []
    for answer in [data.draw(st.sampled_from(sequence)) for _ in range(10)]:
        connection.operation = 1
        cut = [answer.data] if data.draw(st.booleans()) else data.draw(pieces(answer.data))
        for piece in cut:
            connection.data_received(piece)
        expected.append(("answered", answer.status, 0))
        assert driver.ends == expected


def test_the_remembered_answer_does_not_answer_in_the_middle_of_another() -> None:
    connection, driver = connect()
    connection.data_received(OK)
    connection.operation = 1
    # A body that is, to the byte, the remembered answer.
    connection.data_received(b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n" % len(OK))
    assert len(driver.ends) == 1
    connection.data_received(OK)
    assert driver.ends[1:] == [("answered", 404, 0)]


def test_the_end_of_an_answer_is_not_an_answer() -> None:
    connection, driver = connect()
    connection.data_received(OK[:-2])
    connection.data_received(OK[-2:])
    connection.operation = 1
    connection.data_received(OK[-2:])
    assert driver.ends == [("answered", 200, 0), ("ended", 0, PROTOCOL)]


def test_connections_share_what_is_remembered_but_not_their_state() -> None:
    driver, remembered = Told(), Remembered()
    one, other = (made(number, driver, remembered) for number in range(2))
    one.operation = other.operation = 1
    other.data_received(OOPS[:20])
    one.data_received(OK)
    other.data_received(OOPS[20:])
    assert driver.ends == [("answered", 200, 0), ("answered", 500, 0)]


class Picky(Constant):
    """Wants `ok` in the body, and counts how often it had to look."""

    looked = 0

    def judge(self, outgoing: Outgoing, response: Response) -> str:
        self.looked += 1
        return "" if response.body == b"ok" else "check body"


def test_a_good_answer_is_judged_once_and_another_request_by_itself() -> None:
    driver, requests = Told(), Picky(Outgoing(b"x", reads=True))
    connection = Http1Connection(
        0, ("127.0.0.1", 1), listener=driver, requests=requests, remembered=Remembered()
    )
    wanted, other, chained = (Outgoing(b"x", reads=True) for _ in range(3))
    chained.visit = object()

    def exchange(outgoing: Outgoing, answer: bytes) -> tuple[str, int]:
        connection.operation = 1
        connection.send(outgoing)  # There is no socket.
        driver.ends.clear()
        connection.operation = 1
        connection.data_received(answer)
        return driver.ends[-1][0], requests.looked

    assert exchange(wanted, OK) == ("answered", 1)
    assert exchange(wanted, OK) == ("answered", 1), "the same answer to the same request is as good"
    assert exchange(other, OK) == ("answered", 2), "another request may want something else"
    assert exchange(other, OK) == ("answered", 2)
    assert exchange(other, BAD) == ("failed", 3)
    assert exchange(other, BAD) == ("failed", 4), "what is not good is looked at each time"
    assert exchange(chained, OK) == ("answered", 5)
    assert exchange(chained, OK) == ("answered", 6), "a chain takes values from each answer"


def test_what_was_good_for_a_head_is_not_a_whole_answer_to_get() -> None:
    driver, requests = Told(), Constant(Outgoing(b"x"))
    connection = Http1Connection(
        0, ("127.0.0.1", 1), listener=driver, requests=requests, remembered=Remembered()
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    for method, ends in (("HEAD", 1), ("HEAD", 1), ("GET", 0)):
        connection.operation = 1
        connection.send(Outgoing(b"x", method=method))  # There is no socket.
        driver.ends.clear()
        connection.operation = 1
        connection.data_received(head)
        assert len(driver.ends) == ends, method


def test_the_status_of_each_answer_is_its_own() -> None:
    connection, driver = connect()
    for data in (OK, OK, OOPS, OK, OOPS, OOPS):
        connection.operation = 1
        connection.data_received(data)
    assert [status for _, status, _ in driver.ends] == [200, 200, 500, 200, 500, 500]


def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    connection, driver = connect()
    connection.data_received(OK)
    connection.ready = True  # As if open, though nothing may be written to it.
    connection.data_received(OK)
    assert not connection.ready
    assert connection.surplus_answers == 1
    assert driver.ends == [("answered", 200, 0)]


def test_bytes_beyond_an_answer_end_the_connection() -> None:
    connection, driver = connect()
    connection.data_received(OK + b"surplus")
    assert driver.ends == [("ended", 200, 0)]
    assert connection.surplus_answers == 1


def test_garbage_is_a_protocol_error() -> None:
    for method in ("GET", "HEAD"):
        connection, driver = connect(method)
        connection.data_received(b"SSH-2.0-OpenSSH_9.2\r\n")
        assert driver.ends == [("ended", 0, PROTOCOL)]


def test_switching_protocols_ends_the_connection() -> None:
    connection, driver = connect()
    connection.data_received(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    assert driver.ends == [("ended", 101, 0)]
    assert connection.surplus_answers == 0
