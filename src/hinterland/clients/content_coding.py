"""The body of an answer as it was before it was encoded: gzip, deflate, br and zstd (RFC 9110, section 8.4).

A check and an extract look at what a browser would. An answer whose coding is not known, or whose body is not
in it, is no good answer for them, and its error says so.
"""

from __future__ import annotations

import zlib

from msgspec.structs import replace

from hinterland.clients.message import Response

MOST_BYTES = 1 << 24
"""A small body may unfold into a large one: what is larger than this is not unfolded."""
_GZIP = 16 + zlib.MAX_WBITS
_WITH_PYARROW = {"br": "brotli", "zstd": "zstd"}


class NotDecoded(Exception):
    """The body can't be decoded; the message says why, in the words of an error's kind."""


def decoded(response: Response) -> Response:
    """Returns the answer with its body decoded. Raises NotDecoded."""
    codings = response.headers.get("content-encoding", "")
    if not codings or not response.body:
        return response
    body = response.body
    for coding in reversed([one.strip().lower() for one in codings.split(",")]):
        body = _decoded(coding, body)
    return replace(response, body=body)


def _decoded(coding: str, body: bytes) -> bytes:
    try:
        match coding:
            case "identity" | "":
                return body
            case "gzip" | "x-gzip":
                return _inflated(body, _GZIP)
            case "deflate":
                # The coding is zlib's format; some servers send the bare one.
                return _inflated(body, zlib.MAX_WBITS if body[0] & 15 == 8 else -zlib.MAX_WBITS)
            case "br" | "zstd":
                return _unfolded(_WITH_PYARROW[coding], body)
    except (zlib.error, OSError) as error:
        raise NotDecoded(f"body is not in its Content-Encoding {coding}") from error
    raise NotDecoded(f"body in Content-Encoding {coding[:20]}, which is not known here")


def _inflated(body: bytes, bits: int) -> bytes:
    whole = bytearray()
    # A gzip file may be several, one after the other.
    while body:
        inflater = zlib.decompressobj(bits)
        whole += inflater.decompress(body, MOST_BYTES + 1 - len(whole))
        _examine_size(len(whole))
        if not inflater.eof:
            raise zlib.error("it is cut off")
        body = inflater.unused_data if bits == _GZIP else b""
    return bytes(whole)


def _unfolded(codec: str, body: bytes) -> bytes:
    # Only who meets such an answer needs the 30 MB of pyarrow.
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
        whole: bytes = stream.read(MOST_BYTES + 1)
    _examine_size(len(whole))
    return whole


def _examine_size(size: int) -> None:
    if size > MOST_BYTES:
        raise NotDecoded(f"body unfolds to more than {MOST_BYTES >> 20} MiB")
