"""Headers that say something else than what is sent: refused, as no server would get what was asked for.

What frames a body (its length, its coding) is written by the engine; a header about it must agree. What is
said of the connection must be what the load does with it.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from pathlib import Path

from hinterland.errors import UsageError
from hinterland.load.plan.plan import LoadPlan, RequestPlan
from hinterland.load.requests.template import parse
from hinterland.model.secrecy import MASK, is_secret

ONCE = ("host", "content-length", "content-type", "content-encoding", "transfer-encoding", "authorization",
        "user-agent", "connection", "upgrade")  # fmt: skip
OF_HTTP1 = ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
"""HTTP/2 and HTTP/3 have none of these (RFC 9113, section 8.2.2)."""
OF_HANDSHAKE = ("connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept",
                "sec-websocket-extensions", "content-length", "transfer-encoding",
                "content-encoding")  # fmt: skip
LEAVE_OUT = "Leave it out."
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::\d+)?")
_SIGNS_OF = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}


def examine_headers(request: RequestPlan, plan: LoadPlan, where: str) -> None:
    """Raises UsageError for a header that contradicts what is sent; `where` names the request."""
    protocol = plan.target.protocol
    names = Counter(name.lower() for name, _ in request.headers)
    for name, value in request.headers:
        wrong = ("", "")
        if names[name.lower()] > 1 and name.lower() in ONCE:
            wrong = "is given twice.", "Give it once."
        elif protocol == "websocket":
            wrong = _of_handshake(name.lower())
        elif plan.target.traits.method_and_path:
            wrong = _of_http(name.lower(), value, request, plan)
        if wrong[0]:
            shown = MASK if is_secret(name) else value
            raise UsageError(f"{where}, header {name}: {shown} {wrong[0]}", wrong[1])


def examine_sent(headers: dict[str, str], length: int | None) -> None:
    """Raises UsageError for headers that contradict a request of HTTP/1.1 whose body has this length.

    `length` is None where the body is not made yet.
    """
    for name, value in headers.items():
        lower = name.lower()
        if lower == "content-length" and length is not None and value.strip() != str(length):
            raise UsageError(f"header {name}: {value}: the body has {length} bytes.", LEAVE_OUT)
        if lower in ("transfer-encoding", "trailer"):
            raise UsageError(f"header {name}: {value}: a body is sent whole, with its length.", LEAVE_OUT)


def _of_handshake(name: str) -> tuple[str, str]:
    if name in OF_HANDSHAKE:
        return "is a part of WebSocket's handshake, which is written by itself.", LEAVE_OUT
    return "", ""


def _of_http(name: str, value: str, request: RequestPlan, plan: LoadPlan) -> tuple[str, str]:
    protocol = plan.target.protocol
    if plan.target.traits.binary and (
        name in OF_HTTP1 or (name == "te" and value.strip().lower() != "trailers")
    ):
        return (
            f"is no header of HTTP/{protocol[-1]}, and would not be sent.",
            f"{LEAVE_OUT} Or use HTTP/1.1.",
        )
    match name:
        case "host":
            return _of_host(value)
        case "content-length":
            return _of_length(value, request)
        case "transfer-encoding" | "trailer":
            return "contradicts what is sent: a body goes whole, with its length.", LEAVE_OUT
        case "content-encoding":
            return _of_coding(value, request)
        case "connection":
            return _of_connection(value, plan)
        case "upgrade" | "http2-settings":
            return "asks for another protocol, which is not followed.", "Use --http 2, h2c:// or ws://."
    return "", ""


def _of_host(value: str) -> tuple[str, str]:
    if parse(value).names or _HOST.fullmatch(value.strip()):
        return "", ""
    return "is no host.", "Give HOST or HOST:PORT."


def _of_length(value: str, request: RequestPlan) -> tuple[str, str]:
    length = _length(request)
    if length is None:
        return "can't be right for each body, as values stand in it.", "Leave it out: the length is counted."
    if value.strip() != str(length):
        return f"contradicts the body, which has {length} bytes.", "Leave it out: the length is counted."
    return "", ""


def _length(request: RequestPlan) -> int | None:
    if request.body_file:
        return Path(request.body_file).stat().st_size if Path(request.body_file).exists() else None
    text = parse(request.body)
    return None if text.names else len(text.text.encode())


def _of_coding(value: str, request: RequestPlan) -> tuple[str, str]:
    coding = value.strip().lower()
    if coding == "identity":
        return "", ""
    if request.body_file and Path(request.body_file).exists():
        content = Path(request.body_file).read_bytes()
        if content.startswith(_SIGNS_OF.get(coding, b"")) and (coding != "deflate" or _is_deflated(content)):
            return "", ""
        return f"contradicts the body: {request.body_file} is not in {coding}.", "Encode the file first."
    return (
        f"contradicts the body, which is sent as it stands, not in {coding}.",
        "Encode it into a file, and give that: --body-file",
    )


def _is_deflated(content: bytes) -> bool:
    try:
        zlib.decompress(content)
    except zlib.error:
        return False
    return True


def _of_connection(value: str, plan: LoadPlan) -> tuple[str, str]:
    options = {option.strip().lower() for option in value.split(",")}
    if "upgrade" in options:
        return "asks for another protocol, which is not followed.", "Use --http 2, h2c:// or ws://."
    if "close" in options and plan.mode != "new":
        return "contradicts this load, which keeps its connections.", "Use --new-connections instead."
    if "keep-alive" in options and plan.mode == "new":
        return "contradicts --new-connections.", "Leave one of them out."
    return "", ""
