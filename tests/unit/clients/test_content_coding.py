"""Bodies as they were before they were encoded, and what is said of those that can't be had."""

from __future__ import annotations

import gzip
import zlib

import pyarrow as pa
import pytest

from hinterland.clients.content_coding import MOST_BYTES, NotDecoded, decoded
from hinterland.clients.message import Response

TEXT = b'{"token": "T1", "word": "welcome"}' * 20


def answer(coding: str, body: bytes) -> Response:
    return Response(200, {"content-encoding": coding}, body)


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def by_pyarrow(codec: str, data: bytes) -> bytes:
    return bytes(pa.Codec(codec).compress(data, asbytes=True))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare(TEXT)),
        ("br", by_pyarrow("brotli", TEXT)),
        ("zstd", by_pyarrow("zstd", TEXT)),
        ("identity", TEXT),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
    ],
)
def test_a_body_is_decoded(coding: str, body: bytes) -> None:
    found = decoded(answer(coding, body))
    assert (found.body, found.headers) == (TEXT, {"content-encoding": coding})


def test_what_is_not_encoded_stays() -> None:
    plain = Response(200, {}, TEXT)
    assert decoded(plain) is plain
    assert decoded(answer("gzip", b"")).body == b""


@pytest.mark.parametrize(
    ("coding", "body", "says"),
    [
        ("gzip", TEXT, "body is not in its Content-Encoding gzip"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-9], "body is not in its Content-Encoding gzip"),
        ("deflate", b"\xff\xff", "body is not in its Content-Encoding deflate"),
        ("br", TEXT, "body is not in its Content-Encoding br"),
        ("zstd", TEXT, "body is not in its Content-Encoding zstd"),
        ("lzma", TEXT, "body in Content-Encoding lzma, which is not known here"),
        ("gzip", gzip.compress(bytes(MOST_BYTES + 1), mtime=0), "unfolds to more than 16 MiB"),
        ("zstd", by_pyarrow("zstd", bytes(MOST_BYTES + 1)), "unfolds to more than 16 MiB"),
    ],
)
def test_what_can_not_be_decoded_is_said(coding: str, body: bytes, says: str) -> None:
    with pytest.raises(NotDecoded, match=says):
        decoded(answer(coding, body))
