"""A curl command as a load's request: what it would send, over and over."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from hinterland.errors import UsageError
from hinterland.load.requests.template import escaped, parse
from hinterland.model.quantities import seconds

SHORT = {
    "X": "request", "H": "header", "d": "data", "u": "user", "b": "cookie", "A": "user-agent", "e": "referer",
    "k": "insecure", "L": "location", "I": "head", "G": "get", "m": "max-time", "F": "form",
    "T": "upload-file", "s": "silent", "S": "show-error", "v": "verbose", "i": "include", "f": "fail",
    "o": "output", "w": "write-out", "N": "no-buffer", "g": "globoff", "0": "http1.0",
}  # fmt: skip
WITH_VALUE = {
    "request", "header", "data", "data-raw", "data-binary", "data-ascii", "data-urlencode", "json", "user",
    "cookie", "user-agent", "referer", "max-time", "form", "upload-file", "output", "write-out", "url",
    "cacert",
}  # fmt: skip
NOT_OF_THE_REQUEST = {
    "silent", "show-error", "verbose", "include", "fail", "output", "write-out", "no-buffer", "globoff",
}  # fmt: skip
SECRET = ("user", "cookie")
VERSIONS = {"http1.1": "1.1", "http2": "2", "http3": "3"}
COMPRESSED = "gzip, deflate, br"
_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)


@dataclass
class CurlRequest:
    """What a command sends: the options of a load of the same names. Braces in it are plain text."""

    url: str = ""
    method: str | None = None
    header: list[str] = field(default_factory=list)
    body: str | None = None
    body_file: str | None = None
    http: str | None = None
    ca: str | None = None
    insecure: bool = False
    follow: bool = False
    timeout_s: float | None = None


def read_curl(text: str) -> CurlRequest:
    """Returns the request of a curl command. Raises UsageError for an option that can't be kept to."""
    found, data, asks = CurlRequest(), list[str](), False
    for option, value in options_of(text):
        match option:
            case "" | "url":
                found.url = value
            case "request":
                found.method = value
            case "header":
                found.header.append(_header(value))
            case "data" | "data-ascii" | "data-binary" if value.startswith("@"):
                found.body_file = value[1:]
            case "data" | "data-ascii" | "data-raw" | "data-binary":
                data.append(value)
            case "data-urlencode":
                name, equals, rest = value.partition("=")
                data.append(f"{name}={quote(rest, safe='')}" if equals else quote(name, safe=""))
            case "json":
                data.append(value)
                found.header += ["Content-Type: application/json", "Accept: application/json"]
            case "user":
                found.header.append(f"Authorization: Basic {base64.b64encode(value.encode()).decode()}")
            case "cookie" | "user-agent" | "referer":
                found.header.append(f"{option.title()}: {_plain(value)}")
            case "compressed":
                found.header.append(f"Accept-Encoding: {COMPRESSED}")
            case "head":
                found.method = "HEAD"
            case "get":
                asks = True
            case "insecure":
                found.insecure = True
            case "location":
                found.follow = True
            case "max-time":
                found.timeout_s = seconds("max-time", value)
            case "cacert":
                found.ca = value
            case "http1.1" | "http2" | "http3":
                found.http = VERSIONS[option]
            case _ if option not in NOT_OF_THE_REQUEST:
                raise UsageError(
                    f"curl: a load does not know --{option}.", "Leave it out, or write the request by hand."
                )
    return _with_data(found, data, asks)


def _with_data(found: CurlRequest, data: list[str], asks: bool) -> CurlRequest:
    if not found.url:
        raise UsageError("curl: the command names no URL.", "Such as: curl http://localhost:8080/")
    if not data:
        return found
    if found.body_file:
        raise UsageError("curl: the body is a file and a text.", "Give one of them.")
    if asks:
        found.url += ("&" if "?" in found.url else "?") + "&".join(data)
        return found
    found.body = _plain("&".join(data))
    if not any(one.lower().startswith("content-type:") for one in found.header):
        found.header.append("Content-Type: application/x-www-form-urlencoded")
    return found


def options_of(text: str) -> Iterator[tuple[str, str]]:
    """Yields the options of a command by their long names, with their values; a URL has no name."""
    try:
        words = shlex.split(_ANSI.sub(_quoted, text.replace("\\\n", " ").replace("\\\r\n", " ")))
    except ValueError as error:
        raise UsageError(f"curl: the command can't be taken apart: {error}.", "Close its quotes.") from None
    if words and words[0].rpartition("/")[2] == "curl":
        del words[0]
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            yield name, (value or _next(rest, name)) if name in WITH_VALUE else ""
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word[1:], rest)
        else:
            yield "", word


def _short(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yields the options of a word such as `-sSL` or `-XPOST`."""
    while letters:
        name, letters = SHORT.get(letters[0], letters[0]), letters[1:]
        if name in WITH_VALUE:
            yield name, letters or _next(rest, name)
            return
        yield name, ""


def _next(rest: Iterator[str], name: str) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"curl: --{name} has no value.", "Give one.")
    return value


def _header(text: str) -> str:
    name, _, value = text.partition(":")
    return f"{name}:{_plain(value)}"


def _plain(text: str) -> str:
    """Returns what to write for a text that stands for itself."""
    return escaped(text) if parse(text).names else text


def _quoted(found: re.Match[str]) -> str:
    """Returns bash's $'...' as a plain quoted word."""
    return shlex.quote(found[1].encode("latin-1", "backslashreplace").decode("unicode_escape"))
