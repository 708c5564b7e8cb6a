"""An HTTP/2 connection of a load against `h2`: every frame of its, in any order and any pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h2.errors
import h2.events
import h2.settings
import pytest
from answer_samples import pieces
from http2_peer import Peer
from hypothesis import given, settings
from hypothesis import strategies as st

from hinterland.load.drivers.http2 import frame_encoding as frames
from hinterland.load.drivers.http2.frame_parser import LONGEST_BLOCK, WINDOW_STEP
from hinterland.load.engine.failures import words_of
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.engine.recorder import CLOSED, PROTOCOL, RESET, TIMEOUT, TOO_LONG

GET = Outgoing(b"", path="/x")
Headers = list[tuple[str, str]]


def in_loop(scenario: Callable[[], Any]) -> None:
    async def run() -> None:
        scenario()

    asyncio.run(run())


def peer(outgoing: Outgoing = GET, lanes: int = 1, **options: Any) -> Peer:
    return Peer(outgoing, lanes, **options)


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    body = draw(st.binary(max_size=60) | st.just(b"b" * 20_000))
    return {
        "status": draw(st.sampled_from([200, 204, 304, 404, 503, 999])),
        "interim": draw(st.booleans()),
        "length": draw(st.booleans()),
        "body": body,
        "sizes": draw(st.lists(st.integers(0, 16_000), max_size=4)),
        "padding": draw(st.none() | st.integers(0, 255)),
        "trailers": draw(st.booleans()),
        # Longer than a frame, so that CONTINUATION follows.
        "headers": draw(st.sampled_from([[], [("server", "s")], [("x-long", "l" * 25_000)]])),
    }


def steps_of(server: Any, stream: int, answer: dict[str, Any]) -> list[Callable[[], None]]:
    """Returns the frames of an answer as calls, so that those of several streams can be mixed."""
    body, steps = answer["body"], []
    if answer["interim"]:
        steps.append(lambda: server.send_headers(stream, [(":status", "103"), ("link", "</a>")]))
    head: Headers = [(":status", str(answer["status"])), *answer["headers"]]
    if answer["length"]:
        head.append(("content-length", str(len(body))))
    last = not body and not answer["trailers"]
    steps.append(lambda: server.send_headers(stream, head, end_stream=last))
    place, cuts = 0, [*answer["sizes"], *[16_000] * 4]
    while place < len(body):
        piece = body[place : place + cuts.pop(0)]
        place += len(piece)
        ends = place == len(body) and not answer["trailers"]
        steps.append(
            lambda piece=piece, ends=ends: server.send_data(
                stream, piece, end_stream=ends, pad_length=answer["padding"]
            )
        )
    if answer["trailers"]:
        steps.append(lambda: server.send_headers(stream, [("grpc-status", "0")], end_stream=True))
    return steps


@settings(max_examples=30, deadline=None)
@given(data=st.data(), given_answers=st.lists(answers(), min_size=1, max_size=5), reads=st.booleans())
def test_each_lane_gets_its_own_answer(
    data: st.DataObject, given_answers: list[dict[str, Any]], reads: bool
) -> None:
    def scenario() -> None:
        told = peer(Outgoing(b"", path="/x", reads=reads), len(given_answers))
        told.send(*range(len(given_answers)))
        waiting = [steps_of(told.server, 2 * place + 1, answer) for place, answer in enumerate(given_answers)]
        while any(waiting):
            data.draw(st.sampled_from([steps for steps in waiting if steps])).pop(0)()
        wire = told.server.data_to_send()
        told.tell(data.draw(pieces(wire)))
        assert {number: end[1] for number, end in told.told.ends.items()} == {
            place: answer["status"] for place, answer in enumerate(given_answers)
        }
        for place, answer in enumerate(given_answers):
            judged_bad = reads and answer["status"] >= 500
            assert told.told.ends[place][0] == ("failed" if judged_bad else "answered")
        if reads:
            read = sorted((response.status, response.body) for response in told.asked.answers)
            assert read == sorted((answer["status"], answer["body"]) for answer in given_answers)
            trailers = [answer.headers.get("grpc-status") for answer in told.asked.answers]
            assert trailers.count("0") == sum(answer["trailers"] for answer in given_answers)
        assert told.shared.bytes_received >= len(wire)
        told.hear()
        told.lose()
        assert told.told.closes == len(given_answers)

    in_loop(scenario)


@given(data=st.binary(min_size=1, max_size=400), settled=st.booleans())
def test_garbage_ends_the_connection_or_means_nothing(data: bytes, settled: bool) -> None:
    def scenario() -> None:
        told = peer(greet=settled)
        told.send(0)
        told.connection.data_received(data)
        told.lose()
        assert [end[0] for end in told.told.ends.values()] in (["ended"], ["unanswered"])
        assert told.told.ends[0][2] != 0
        assert told.told.closes == 1

    in_loop(scenario)


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 200_000])
def test_a_request_with_a_body_arrives_whole(size: int) -> None:
    """`h2` says so itself when we send more than its windows let through."""

    def scenario() -> None:
        body = bytes(range(256)) * (size // 256) + b"e" * (size % 256)
        headers = (("Host", "other"), ("X-Long", " " + "l" * 40_000), ("Connection", "x"), ("TE", "gzip"))
        told = peer(Outgoing(b"", method="POST", path="/p?q", headers=headers, body=body), 2)
        told.send(0, 1)
        for _ in range(200):
            for event in told.heard(h2.events.DataReceived):
                told.events.remove(event)
                if event.flow_controlled_length:
                    told.server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            told.exchange()
        assert len(told.requests) == 2
        assert len(told.heard(h2.events.StreamEnded)) == 2
        for asked, came in told.requests.values():
            assert came == body
            assert asked == {
                ":method": "POST", ":scheme": "http", ":authority": "other", ":path": "/p?q",
                "x-long": "l" * 40_000, **({"content-length": str(size)} if size else {}),
            }  # fmt: skip

    in_loop(scenario)


def test_a_body_follows_the_windows_as_they_change() -> None:
    def scenario() -> None:
        told = peer(Outgoing(b"", method="POST", body=b"b" * 70_000))
        told.server.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10})
        told.exchange()
        told.send(0)
        assert len(told.requests[1][1]) == 10
        told.server.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 30})
        told.exchange()
        assert len(told.requests[1][1]) == 30
        told.server.increment_flow_control_window(100, 1)
        told.exchange()
        assert len(told.requests[1][1]) == 130
        # An answer before the end of the body: the rest is not sent, and the server hears of that.
        told.server.send_headers(1, [(":status", "413")], end_stream=True)
        told.exchange()
        assert told.told.ends == {0: ("answered", 413, 0)}
        assert [event.error_code for event in told.heard(h2.events.StreamReset)] == [8]

    in_loop(scenario)


def test_no_more_streams_than_the_server_lets_through_and_none_starves() -> None:
    def scenario() -> None:
        told = peer(lanes=5)
        told.server.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        told.exchange()
        told.send(*range(5))
        assert (sorted(told.requests), told.connection.held_back) == ([1, 3], 3)
        told.lanes[3].end(TIMEOUT)
        for stream in (1, 3, 5, 7):
            told.server.send_headers(stream, [(":status", "200")], end_stream=True)
            told.exchange()
        ends = dict.fromkeys((0, 1, 2, 4), ("answered", 200, 0))
        assert told.told.ends == {**ends, 3: ("unanswered", 0, TIMEOUT)}

    in_loop(scenario)


def test_a_timeout_gives_up_its_stream_alone() -> None:
    def scenario() -> None:
        told = peer(lanes=2)
        told.send(0, 1)
        told.lanes[0].end(TIMEOUT)
        told.connection.flush()
        # What the server said before it heard of that is nobody's.
        told.server.send_headers(1, [(":status", "200")])
        told.server.send_data(1, b"late", end_stream=True)
        told.server.send_headers(3, [(":status", "200")], end_stream=True)
        told.tell()
        assert told.told.ends == {0: ("unanswered", 0, TIMEOUT), 1: ("answered", 200, 0)}
        told.hear()
        told.lanes[0].operation = 7
        told.lanes[0].send(GET)
        told.connection.flush()
        told.hear()
        assert sorted(told.requests) == [1, 3, 5]

    in_loop(scenario)


def test_a_reset_stream_is_an_error_of_its_own() -> None:
    def scenario() -> None:
        told = peer(lanes=2)
        told.send(0, 1)
        told.server.reset_stream(1, h2.errors.ErrorCodes.REFUSED_STREAM)
        told.server.send_headers(3, [(":status", "200")], end_stream=True)
        told.exchange()
        assert told.told.ends == {0: ("unanswered", 0, RESET), 1: ("answered", 200, 0)}
        assert told.lanes[0].ready

    in_loop(scenario)


def test_going_away_carries_over_what_was_not_done() -> None:
    def scenario() -> None:
        told = peer(lanes=4)
        told.send(3)
        told.server.send_headers(1, [(":status", "200")], end_stream=True)
        told.tell()
        told.send(0, 1, 2)
        told.connection.data_received(frames.frame(frames.GOAWAY, 0, 0, (5).to_bytes(4) + bytes(4)))
        # Lane 3 is idle and leaves; 2 was not done; 0 and 1 get their answers here.
        assert told.told.closes == 1
        assert told.shared.over
        assert [lane.number for lane in told.shared.carried] == [2]
        assert not told.lanes[2].ready
        assert told.lanes[2].alive
        told.server.send_headers(3, [(":status", "200")], end_stream=True)
        told.tell()
        assert told.told.ends[0] == ("ended", 200, 0)
        assert not told.wire.closed
        told.lanes[1].end(TIMEOUT)
        assert told.told.ends[1] == ("ended", 0, TIMEOUT)
        assert told.wire.closed
        assert told.told.closes == 3

    in_loop(scenario)


def test_a_server_that_sends_all_away_is_not_asked_for_ever() -> None:
    def scenario() -> None:
        told = peer(lanes=2)
        told.send(0, 1)
        told.connection.data_received(frames.goaway(frames.NO_ERROR))
        assert told.shared.carried == []
        assert told.told.ends == {0: ("ended", 0, CLOSED), 1: ("ended", 0, CLOSED)}

    in_loop(scenario)


def test_pings_and_settings_are_answered() -> None:
    def scenario() -> None:
        told = peer()
        told.server.ping(b"12345678")
        told.server.update_settings({h2.settings.SettingCodes.MAX_FRAME_SIZE: 20_000})
        told.exchange()
        assert [event.ping_data for event in told.heard(h2.events.PingAckReceived)] == [b"12345678"]
        assert len(told.heard(h2.events.SettingsAcknowledged)) == 2

    in_loop(scenario)


def test_the_server_gets_its_windows_back() -> None:
    def scenario() -> None:
        told = peer()
        told.send(0)
        told.server.send_headers(1, [(":status", "200")])
        sent = 0
        while sent < 5 * WINDOW_STEP:
            size = min(16_384, told.server.local_flow_control_window(1))
            assert size == 16_384, "the server ran into its window"
            told.server.send_data(1, bytes(16_000), pad_length=255)
            sent += 16_256
            told.exchange()
        assert told.lanes[0].received > 4 * WINDOW_STEP
        assert len(told.lanes[0].body) == 0

    in_loop(scenario)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return frames.frame(kind, flags, stream, payload)


OK = b"\x88"
HEADERS = frame(frames.HEADERS, frames.END_HEADERS, 1, OK)


@pytest.mark.parametrize(
    "wire",
    [
        frame(frames.HEADERS, 5, 3, OK),
        frame(frames.HEADERS, 5, 2, OK),
        frame(frames.DATA, 1, 3),
        frame(frames.CONTINUATION, 4, 1, OK),
        frame(frames.HEADERS, 1, 1, OK) + frame(frames.PING, 0, 0, bytes(8)),
        frame(frames.HEADERS, 1, 1, OK) + frame(frames.CONTINUATION, 4, 3, OK),
        frame(frames.PUSH_PROMISE, 4, 1, bytes(4) + OK),
        frame(frames.PING, 0, 0, b"short"),
        frame(frames.SETTINGS, 0, 0, b"short"),
        frame(frames.SETTINGS, 0, 0, (4).to_bytes(2) + (1 << 31).to_bytes(4)),
        frame(frames.SETTINGS, 0, 1),
        frame(frames.SETTINGS, 1, 0, bytes(6)),
        frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)),
        frame(frames.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        frame(frames.WINDOW_UPDATE, 0, 0, b"1"),
        frame(frames.GOAWAY, 0, 0),
        frame(frames.DATA, frames.PADDED, 1, b"\x05abc"),
        frame(frames.HEADERS, frames.PADDED | 5, 1),
        b"\x00\x40\x01" + bytes(6),
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_frames_that_may_not_come_end_the_connection(wire: bytes) -> None:
    def scenario() -> None:
        told = peer()
        told.send(0)
        told.connection.data_received(wire)
        assert told.told.ends == {0: ("ended", 0, PROTOCOL)}
        assert told.wire.closed
        told.hear()
        assert len(told.heard(h2.events.ConnectionTerminated)) == 1
        told.lose()
        assert told.told.closes == 1

    in_loop(scenario)


@pytest.mark.parametrize(
    "wire",
    [
        frame(frames.DATA, 1, 1, b"before the head"),
        frame(frames.HEADERS, 5, 1, b"\xbe"),
        frame(frames.HEADERS, 5, 1, b""),
        frame(frames.HEADERS, 5, 1, b"\x08\x03103"),
        frame(frames.HEADERS, 4, 1, b"\x08\x03101"),
        HEADERS + frame(frames.HEADERS, 4, 1, OK),
        frame(frames.HEADERS, 5, 1, OK + b"\x0f\x0d\x015"),
        frame(frames.HEADERS, 4, 1, OK + b"\x0f\x0d\x015") + frame(frames.DATA, 1, 1, b"four"),
        frame(frames.HEADERS, 4, 1, OK + b"\x0f\x0d\x015") + frame(frames.DATA, 0, 1, b"sixsix"),
        frame(frames.HEADERS, 4, 1, OK + b"\x0f\x0d\x01x") + frame(frames.DATA, 1, 1, b"what"),
    ],
)
def test_an_answer_that_is_none_fails_alone(wire: bytes) -> None:
    def scenario() -> None:
        told = peer(lanes=2)
        told.send(0, 1)
        told.connection.data_received(wire)
        told.connection.data_received(frame(frames.HEADERS, 5, 3, OK))
        assert told.told.ends == {0: ("unanswered", 0, PROTOCOL), 1: ("answered", 200, 0)}

    in_loop(scenario)


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)], ids=["HEAD", "304", "204"]
)
def test_answers_without_the_body_that_their_length_names(method: str, status: int) -> None:
    def scenario() -> None:
        told = peer(Outgoing(b"", method=method))
        told.send(0)
        length = [] if status == 204 else [("content-length", "5")]
        told.server.send_headers(1, [(":status", str(status)), *length], end_stream=True)
        told.tell()
        assert told.told.ends == {0: ("answered", status, 0)}

    in_loop(scenario)


def test_headers_that_never_end_are_given_up() -> None:
    def scenario() -> None:
        told = peer()
        told.send(0)
        told.connection.data_received(frame(frames.HEADERS, 0, 1, OK))
        more = frame(frames.CONTINUATION, 0, 1, b"\x00" * 16_000)
        for _ in range(2 * LONGEST_BLOCK // 16_000):
            told.connection.data_received(more)
        assert told.told.ends == {0: ("ended", 0, PROTOCOL)}

    in_loop(scenario)


def test_a_body_that_never_ends_is_kept_no_longer_than_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hinterland.load.drivers.transport.answer_room.LONGEST_ANSWER_BYTES", 50_000)

    def scenario() -> None:
        told = peer(Outgoing(b"", reads=True))
        told.send(0)
        told.connection.data_received(HEADERS)
        for _ in range(4):
            told.connection.data_received(frame(frames.DATA, 0, 1, bytes(16_000)))
        assert told.told.ends == {0: ("unanswered", 0, TOO_LONG)}
        assert not told.lanes[0].body
        told.hear()
        assert len(told.heard(h2.events.StreamReset)) == 1

    in_loop(scenario)


def test_a_server_of_http1_is_told_by_its_first_words() -> None:
    def scenario() -> None:
        told = peer(greet=False)
        told.connection.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert words_of(told.connection.greeted.result()) == "not http2: the server answers in HTTP/1"

    in_loop(scenario)


def test_numbers_of_streams_run_out() -> None:
    def scenario() -> None:
        told = peer(lanes=2)
        told.connection.next_stream = frames.LARGEST_STREAM
        told.server.highest_inbound_stream_id = frames.LARGEST_STREAM - 2
        told.send(0)
        told.server.send_headers(frames.LARGEST_STREAM, [(":status", "200")])
        told.tell()
        told.lanes[1].operation = 1
        told.lanes[1].send(GET)
        assert told.connection.draining
        told.server.send_data(frames.LARGEST_STREAM, b"", end_stream=True)
        told.tell()
        assert told.told.ends[0] == ("ended", 200, 0)

    in_loop(scenario)
