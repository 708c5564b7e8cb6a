"""HTTP answers as a strategy: the bytes, and what must be read from them."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st


class Answer(NamedTuple):
    """`reusable`: the connection can carry another request. `until_close`: its end is the connection's.

    `head_size`: the bytes up to the end of the final head, interim answers included.
    """

    method: str
    data: bytes
    status: int
    body: bytes
    reusable: bool
    until_close: bool
    head_size: int


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def _chunked(body: bytes, sizes: list[int]) -> bytes:
    pieces, place = [], 0
    for size in sizes:
        piece = body[place : place + size]
        if piece:
            pieces.append(b"%x;note=1\r\n%s\r\n" % (len(piece), piece))
        place += size
    if body[place:]:
        pieces.append(b"%X\r\n%s\r\n" % (len(body[place:]), body[place:]))
    return b"".join(pieces) + b"0\r\nTrailer: t\r\n\r\n"


@st.composite
def answers(draw: st.DrawFn, *, kept: bool = False) -> Answer:
    """Any answer; with `kept`, one to a GET that leaves its connection open."""
    method = "GET" if kept else draw(st.sampled_from(["GET", "HEAD", "POST"]))
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 503]))
    framing = draw(st.sampled_from(["length", "chunked"] if kept else ["length", "chunked", "close"]))
    version = b"1.1" if kept or framing == "chunked" else draw(st.sampled_from([b"1.1", b"1.0"]))
    body = draw(st.binary(max_size=80))
    says_close = not kept and draw(st.booleans())
    bodyless = method == "HEAD" or status in (204, 304)
    lines = [b"HTTP/%s %d Any reason" % (version, status), b"Server: t"]
    if says_close:
        lines.append(b"Connection: close")
    elif version == b"1.0" and draw(st.booleans()):
        lines.append(b"Connection: keep-alive")
    if framing == "length":
        lines.append(b"Content-Length: %d" % (0 if status == 204 else len(body)))
        wire = body
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        wire = _chunked(body, draw(st.lists(st.integers(1, 20), max_size=4)))
    else:
        wire = body
    keep_alive = not says_close and (version == b"1.1" or b"Connection: keep-alive" in lines)
    head = (INTERIM if draw(st.booleans()) else b"") + b"\r\n".join(lines) + b"\r\n\r\n"
    until_close = framing == "close" and not bodyless
    return Answer(
        method=method,
        data=head if bodyless else head + wire,
        status=status,
        body=b"" if bodyless else body,
        reusable=keep_alive and not until_close,
        until_close=until_close,
        head_size=len(head),
    )


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cuts `data` at any places."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]
