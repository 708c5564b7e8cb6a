"""A request as a person writes it in a line, and back: `[METHOD] PATH [BODY]`, or the message.

A blank ends the path. What stands behind it is a body only where nothing else can be meant: a line that may
be a path with a blank in it, or a line of a log, is refused.
"""

from __future__ import annotations

import re

from hinterland.errors import UsageError
from hinterland.load.plan.plan import RequestPlan
from hinterland.load.plan.protocols import PROTOCOLS, Protocol
from hinterland.model.secrecy import hidden

EXAMPLES = """/items, POST /charges {"amount": 1} or PUT /photo @photo.jpg"""

WITHOUT_BODY = ("GET", "HEAD", "OPTIONS", "TRACE", "CONNECT")
_METHOD_LINE = re.compile(r"\s*(?:([A-Z][A-Z0-9_-]*)\s+)?(\S+)(?:\s+(.*))?", re.DOTALL)
_VERSION = re.compile(r"HTTP/\d(?:\.\d)?(?=[\s\"']|\Z)", re.IGNORECASE)
_CLEARLY_A_BODY = re.compile(r"[{\[<@\"]|[^\s=&?/]+=")
_UNFIT = re.compile(r"[\"<>#\\]")


def parse_request_line(text: str, protocol: Protocol = "http1") -> RequestPlan:
    """Returns the request that a line means.

    For HTTP it is `[METHOD] PATH [BODY]`, GET without a method (POST with a body), and `@FILE` as body sends
    the file. For the other protocols the line is the message, the statement or the command, or `@FILE`.
    Raises UsageError for a line that means nothing, or may mean another request.
    """
    if not text.strip():
        raise UsageError("a request is empty.", f"Give one such as {EXAMPLES}.")
    if not PROTOCOLS[protocol].method_and_path:
        body, body_file = _body(text)
        return RequestPlan(body=body, body_file=body_file)
    found = _METHOD_LINE.fullmatch(text)
    if found is None or not found[2].startswith(("/", "{", "*")):
        shown = text if found is None else found[2]
        raise UsageError(
            f"request {hidden(text)!r}: {hidden(shown)!r} is no path.", f"A path begins with /: {EXAMPLES}."
        )
    method, path, rest = found[1] or "", found[2], found[3] or ""
    wrong, instead = _misread(method, path, rest)
    if wrong:
        raise UsageError(f"request {hidden(text)!r}: {wrong}", instead)
    body, body_file = _body(rest)
    return RequestPlan(
        method=method or ("POST" if rest else "GET"), path=path, body=body, body_file=body_file
    )


def render_request_line(request: RequestPlan, protocol: Protocol = "http1") -> str:
    """Returns the request as a line, without its name, headers, checks and extracts."""
    body = f"@{request.body_file}" if request.body_file else request.body
    if not PROTOCOLS[protocol].method_and_path:
        return body
    return f"{request.method} {request.path}{' ' if body else ''}{body}"


def _misread(method: str, path: str, rest: str) -> tuple[str, str]:
    """Returns why the parts of a line are likely not what was meant, and what to write; empty if they are."""
    if version := _VERSION.match(rest):
        line = f"{method or 'GET'} {path}"
        return f"{version[0]} is of a line of a log, and would be the body.", (
            f"Leave it out: {line!r}; --http says the version."
        )
    if path.count("{") != path.count("}"):
        return f"a blank ends the path, which is then {path!r}.", (
            "Write a name in one pair of braces, without blanks: {id}"
        )
    if unfit := _UNFIT.search(path):
        code = f"%{ord(unfit[0]):02X}"
        return f"{unfit[0]} can't stand in a path.", (
            f"Leave out what begins there, which is never sent, or write {code}."
            if unfit[0] == "#"
            else f"Write it as {code}; a name to fill in stands in braces: {{id}}"
        )
    first = rest.split(maxsplit=1)[0] if rest.strip() else ""
    if not first or _CLEARLY_A_BODY.match(first):
        is_form = bool(first) and first[0] not in "{[<@"
        return _blank(rest) if is_form and method in WITHOUT_BODY else ("", "")
    may_be_path = "?" in path or "/" in first or "?" in first
    return _blank(rest) if may_be_path or method in ("", *WITHOUT_BODY) else ("", "")


def _blank(rest: str) -> tuple[str, str]:
    shown = hidden(rest if len(rest) <= 40 else f"{rest[:39]}…")
    return f"a blank ends the path, so that {shown!r} would be the body.", (
        "Write a blank in a path as %20. A body that is meant goes with POST and its like; "
        "one in plain words into --body or a request file's body."
    )


def _body(text: str) -> tuple[str, str]:
    """Returns the body that a text is, or the name of the file that has it; the other is empty."""
    name = text.strip().removeprefix("@").strip()
    return ("", name) if text.startswith("@") and name else (text, "")
