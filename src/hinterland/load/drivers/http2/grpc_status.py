"""How a gRPC call ended: HTTP says 200 of it whatever came of it, and its trailers say the rest.

Source: "gRPC over HTTP2" and "Status codes and their use in gRPC", github.com/grpc/grpc/tree/master/doc.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from hinterland.clients.message import Response
from hinterland.load.engine.failures import code_of

CONTENT_TYPE = "application/grpc"
STATUS, MESSAGE = "grpc-status", "grpc-message"
NAMES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def is_grpc(headers: Iterable[tuple[str, str]]) -> bool:
    """Decides by its headers whether a request, or an answer, is of a gRPC call."""
    return any(
        name.lower() == "content-type" and value.strip().lower().startswith(CONTENT_TYPE)
        for name, value in headers
    )


def wrong_with(response: Response) -> str:
    """Returns why a call did not end well: `grpc-status 13 INTERNAL`; empty if it did.

    What the server said of it is kept as its example.
    """
    status = response.headers.get(STATUS)
    if status is None:
        return "no grpc-status" if response.status == 200 else ""
    if status == "0":
        return ""
    name = NAMES[int(status)] if status.isdigit() and int(status) < len(NAMES) else ""
    words = f"grpc-status {status[:10]} {name}".strip()
    code_of(words, unquote(response.headers.get(MESSAGE, "")))
    return words
