"""One connection of a load: what it tells its driver for any answer in any pieces."""

from __future__ import annotations

from answer_samples import Answer, answers, pieces
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.load.connection import IDLE, Connection, Remembered
from hinterland.load.recorder import CLOSED, PROTOCOL, RESET

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OOPS = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"


class Told:
    """A driver that notes what it was told, and gives a connection its next operation when asked."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int, int]] = []
        self.closes = 0

    def answered(self, connection: Connection, status: int) -> None:
        self.ends.append(("answered", status, 0))
        connection.operation = IDLE

    def ended(self, connection: Connection, operation: int, status: int, error: int) -> None:
        assert operation >= 0
        self.ends.append(("ended", status, error))

    def closed(self, connection: Connection) -> None:
        self.closes += 1


def connect(method: str = "GET") -> tuple[Connection, Told]:
    driver = Told()
    connection = Connection(0, driver, b"x", method, Remembered())
    connection.operation = 1
    return connection, driver


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
    one, other = (Connection(number, driver, b"x", "GET", remembered) for number in range(2))
    one.operation = other.operation = 1
    other.data_received(OOPS[:20])
    one.data_received(OK)
    other.data_received(OOPS[20:])
    assert driver.ends == [("answered", 200, 0), ("answered", 500, 0)]


def test_the_status_of_each_answer_is_its_own() -> None:
    connection, driver = connect()
    for data in (OK, OK, OOPS, OK, OOPS, OOPS):
        connection.operation = 1
        connection.data_received(data)
    assert [status for _, status, _ in driver.ends] == [200, 200, 500, 200, 500, 500]


def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    connection, driver = connect()
    connection.data_received(OK)
    connection.fd = 99  # As if open, though nothing may be written to it.
    connection.data_received(OK)
    assert connection.fd == -1
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
