"""HTTP/1.1 messages as values: the request as bytes built once, the response as it was read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hinterland.errors import UsageError
from hinterland.model.secrecy import MASK, hidden, is_secret

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Request(msgspec.Struct, frozen=True):
    """One request. `path` is the request target, already percent-encoded, such as `/charges?limit=1`.

    `Host` and `Content-Length` are added where `headers` does not name them.
    """

    method: str = "GET"
    path: str = "/"
    headers: Headers = ()
    body: bytes = b""

    def encode(self, host: str, port: int) -> bytes:
        """Returns the request as it goes on the wire.

        Raises UsageError for a method, target or header that would not survive as one.
        """
        if not _TOKEN.fullmatch(self.method):
            raise UsageError(f"method {self.method!r} is not a token.", "Give a method such as GET or POST.")
        if not _TARGET.fullmatch(self.path):
            raise UsageError(
                f"path {hidden(self.path)!r} must be printable ASCII with no space.",
                "Percent-encode it first.",
            )
        pairs = list(self.headers.items() if isinstance(self.headers, Mapping) else self.headers)
        given = {name.lower() for name, _ in pairs}
        if "host" not in given:
            pairs.insert(0, ("Host", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))
        framed = "content-length" in given or "transfer-encoding" in given
        if not framed and (self.body or self.method in _WITH_BODY):
            pairs.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(_line(name, value) for name, value in pairs)]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def _line(name: str, value: str) -> str:
    if not _TOKEN.fullmatch(name) or any(sign in value for sign in "\r\n\0") or not _is_latin1(value):
        shown = MASK if is_secret(name) else value
        raise UsageError(
            f"header {name!r}: {shown!r} would not survive on the wire.",
            "Use a token as name and one line of Latin-1 as value.",
        )
    return f"{name}: {value}"


def _is_latin1(value: str) -> bool:
    return all(ord(sign) < 256 for sign in value)


def with_trailers(headers: dict[str, str], trailers: Mapping[str, str]) -> dict[str, str]:
    """Returns the headers of an answer with its trailers; a name that is in both has both values."""
    joined = dict(headers)
    for name, value in trailers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


class Response(msgspec.Struct, frozen=True):
    """One answer. Header names are lower case; repeated headers are joined with a comma, trailers are there,
    too."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8; bytes that are not become replacement signs."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Returns the body decoded as JSON. Raises msgspec.DecodeError when it is not JSON."""
        return msgspec.json.decode(self.body)
