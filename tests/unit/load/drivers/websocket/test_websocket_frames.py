"""WebSocket frames and the client made of them, with the `websockets` library as the other side."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame as OracleFrame
from websockets.frames import Opcode
from websockets.http11 import Request as OracleRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

from hinterland.load.drivers.websocket.client import HEAD_BYTES_MOST, HandshakeFailure, WebSocketClient
from hinterland.load.drivers.websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MESSAGE_BYTES_MOST,
    PING,
    TEXT,
    FrameReader,
    Message,
    NotWebSocket,
    close_status,
    frame,
    masked,
    masked_frame,
)

SIZES = st.sampled_from([0, 1, 5, 125, 126, 127, 1000, 65535, 65536, 70000])


def oracle(*, opened: bool = True) -> tuple[WebSocketClient, ServerProtocol]:
    """Returns a client and the library's server, after their handshake."""
    client = WebSocketClient("127.0.0.1", 80, "/chat?room=1", [("X-Token", "t")])
    server = ServerProtocol()
    server.receive_data(client.request)
    (request,) = server.events_received()
    assert isinstance(request, OracleRequest)
    assert (request.path, request.headers["X-Token"]) == ("/chat?room=1", "t")
    server.send_response(server.accept(request))
    if opened:
        assert client.feed(b"".join(server.data_to_send())) == []
        assert client.is_open
    return client, server


@settings(max_examples=60)
@given(sizes=st.lists(SIZES, min_size=1, max_size=5), binary=st.booleans())
def test_what_we_send_is_what_the_library_reads(sizes: list[int], binary: bool) -> None:
    _, server = oracle()
    for size in sizes:
        payload = bytes(range(256)) * (size // 256 + 1) if binary else b"text " * (size // 5 + 1)
        server.receive_data(masked_frame(BINARY if binary else TEXT, payload[:size]))
        (found,) = server.events_received()
        assert isinstance(found, OracleFrame)
        assert found.data == payload[:size]
        assert found.opcode is (Opcode.BINARY if binary else Opcode.TEXT)


@settings(max_examples=100)
@given(data=st.data())
def test_what_the_library_sends_is_what_we_read_however_it_is_cut(data: st.DataObject) -> None:
    client, server = oracle()
    expected = []
    for _ in range(data.draw(st.integers(1, 4))):
        payload = bytes(data.draw(SIZES))
        cut = data.draw(st.integers(0, len(payload)))
        if data.draw(st.booleans()):
            server.send_binary(payload[:cut], fin=False)
            # Control frames may stand between the fragments of a message.
            server.send_ping(b"still there?")
            server.send_continuation(payload[cut:], fin=True)
        else:
            server.send_binary(payload)
        expected.append(Message(BINARY, payload))
    wire = b"".join(server.data_to_send())
    size = data.draw(st.sampled_from([1, 3, 1000, 65536, len(wire)])) if len(wire) < 5000 else len(wire) // 3
    found, replies = [], b""
    for place in range(0, len(wire), size):
        found += client.feed(wire[place : place + size])
        replies += client.replies
    assert found == expected
    assert client.idle
    server.receive_data(replies)
    assert {event.data for event in server.events_received() if isinstance(event, OracleFrame)} <= {
        b"still there?"
    }


def test_our_own_frames_are_those_of_the_library() -> None:
    for size in (0, 125, 126, 65535, 65536):
        payload = b"x" * size
        assert frame(TEXT, payload) == OracleFrame(Opcode.TEXT, payload).serialize(mask=False)
    assert masked(masked(b"hello", b"abcd"), b"abcd") == b"hello"
    assert masked(b"\0" * 6, b"abcd") == b"abcdab"
    assert masked_frame(TEXT, b"a") != masked_frame(TEXT, b"a")


def test_a_ping_is_answered_with_what_it_carries() -> None:
    client, server = oracle()
    server.send_ping(b"1")
    server.send_text(b"hello")
    server.send_ping(b"2")
    assert client.feed(b"".join(server.data_to_send())) == [Message(TEXT, b"hello")]
    server.receive_data(client.replies)
    pongs = [event for event in server.events_received() if isinstance(event, OracleFrame)]
    assert [(each.opcode, each.data) for each in pongs] == [(Opcode.PONG, b"1"), (Opcode.PONG, b"2")]


def test_a_close_is_answered_and_what_follows_it_is_not_read() -> None:
    client, server = oracle()
    server.send_close(1001, "going away")
    assert client.feed(b"".join(server.data_to_send()) + b"garbage") == []
    assert client.closed == 1001
    server.receive_data(client.replies)
    assert server.state is State.CLOSED or server.close_expected()
    assert (server.close_rcvd.code if server.close_rcvd else None) == 1001
    assert client.feed(b"more") == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x81\x81abcda", 1002),
        (b"\xc1\x01a", 1002),
        (b"\x83\x01a", 1002),
        (b"\x80\x01a", 1002),
        (b"\x01\x01a\x81\x01b", 1002),
        (b"\x09\x01a", 1002),
        (b"\x89\x7e\x00\x80", 1002),
        (b"\x82\x7f" + (MESSAGE_BYTES_MOST + 1).to_bytes(8, "big"), 1009),
        (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1009),
        (b"HTTP/1.1 400 Bad Request\r\n", 1002),
    ],
)
def test_frames_that_no_server_may_send(data: bytes, status: int) -> None:
    with pytest.raises(NotWebSocket) as caught:
        FrameReader().feed(data)
    assert caught.value.status == status


def test_fragments_without_end_do_not_fill_the_memory() -> None:
    reader = FrameReader()
    piece = bytes(1 << 20)
    reader.feed(frame(BINARY, piece, fin=False))
    for _ in range(MESSAGE_BYTES_MOST // len(piece) - 1):
        assert reader.feed(frame(CONTINUATION, piece, fin=False)) == []
    with pytest.raises(NotWebSocket):
        reader.feed(frame(CONTINUATION, piece, fin=False))
    assert len(reader._fragments) + len(reader._rest) <= MESSAGE_BYTES_MOST + 2 * len(piece)


def test_close_statuses() -> None:
    assert close_status(b"") == 1005
    assert close_status(b"\x03\xe8bye") == 1000
    with pytest.raises(NotWebSocket):
        close_status(b"\x03")
    client, _ = oracle()
    with pytest.raises(NotWebSocket):
        client.feed(frame(CLOSE, b"\x03"))


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_a_handshake_may_come_in_pieces_with_a_message_behind_it(size: int) -> None:
    client, server = oracle(opened=False)
    server.send_text(b"welcome")
    data = b"".join(server.data_to_send()) + frame(PING, b"")
    found = [
        message for place in range(0, len(data), size) for message in client.feed(data[place : place + size])
    ]
    assert found == [Message(TEXT, b"welcome")]
    assert client.is_open


ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "status 403"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "status 200"),
        (b"HTTP/1.0 400 Bad Request\r\n\r\n", "not HTTP|status 400"),
        (b"-ERR unknown command 'GET'\r\n", "not HTTP"),
        (ACCEPTED + b"\r\n", "Sec-WebSocket-Accept"),
        (ACCEPTED + b"Sec-WebSocket-Accept: AAAA\r\n\r\n", "Sec-WebSocket-Accept"),
        (ACCEPTED.replace(b"websocket", b"h2c") + b"\r\n", "something else"),
        (b"HTTP/1.1 101 X\r\n\r\n", "something else"),
    ],
)
def test_a_handshake_that_fails_says_why(answer: bytes, says: str) -> None:
    client = WebSocketClient("127.0.0.1", 80, "/")
    with pytest.raises(HandshakeFailure, match=says):
        client.feed(answer)


def test_a_head_without_an_end_is_not_kept_for_ever() -> None:
    client = WebSocketClient("127.0.0.1", 80, "/")
    assert client.feed(b"HTTP/1.1 101 X\r\nX: ") == []
    assert client.feed(b"x" * (HEAD_BYTES_MOST // 2)) == []
    with pytest.raises(HandshakeFailure):
        client.feed(b"x" * HEAD_BYTES_MOST)


def test_an_extension_that_nobody_asked_for_is_refused() -> None:
    client, server = oracle(opened=False)
    data = b"".join(server.data_to_send())
    with pytest.raises(HandshakeFailure, match="extension"):
        client.feed(data.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"))
