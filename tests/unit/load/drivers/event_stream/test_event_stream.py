"""Event streams, whole and cut into pieces, against the examples of the HTML standard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hinterland.load.drivers.event_stream import events as event_stream
from hinterland.load.drivers.event_stream.events import EventStreamReader, ServerSentEvent

Case = tuple[bytes, list[tuple[str, str, str]]]
STREAMS: list[Case] = [
    (b"data: first\n\ndata: second\nid: 7\n\n", [("message", "first", ""), ("message", "second", "7")]),
    (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
    (b": a comment\n\nevent: add\ndata: 73857293\n\n", [("add", "73857293", "")]),
    (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
    (b"data:test\n\ndata: test\n\ndata:  test\n\n", [("message", t, "") for t in ("test", "test", " test")]),
    (b"id: 1\r\ndata: x\r\n\r\ndata: y\r\r", [("message", "x", "1"), ("message", "y", "1")]),
    (b"event: lost\n\ndata: kept\n\n", [("message", "kept", "")]),
    (b"\xef\xbb\xbfdata: after a mark\n\n", [("message", "after a mark", "")]),
    (b"retry: 10\nunknown: 1\ndata: x\n", []),
    ("data: naïve — ☃\n\n".encode(), [("message", "naïve — ☃", "")]),
    (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [("message", "a", "1"), ("message", "b", "")]),
]


@pytest.mark.parametrize(("stream", "events"), STREAMS)
def test_events(stream: bytes, events: list[tuple[str, str, str]]) -> None:
    assert EventStreamReader().feed(stream) == [ServerSentEvent(*event) for event in events]


@given(st.sampled_from(STREAMS), st.data())
def test_however_the_bytes_are_cut(case: Case, data: st.DataObject) -> None:
    stream, events = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    reader = EventStreamReader()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [tuple(event) for piece in pieces for event in reader.feed(piece)] == events


def test_an_event_without_an_end_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "EVENT_BYTES_MOST", 1000)
    for piece in (b"x" * 100, b"data: " + b"x" * 100 + b"\n"):
        without_end = EventStreamReader()
        for _ in range(9):
            assert without_end.feed(piece) == []
        with pytest.raises(event_stream.EventTooLong):
            [without_end.feed(piece) for _ in range(10)]
    # Events that end, and comments, may go on for ever.
    fine = EventStreamReader()
    for _ in range(50):
        assert len(fine.feed(b": still here\ndata: " + b"x" * 100 + b"\n\n")) == 1
