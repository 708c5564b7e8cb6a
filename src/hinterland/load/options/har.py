"""A HAR file, which browsers save of a page's requests, as one visit: those of one host, in their order.

Source: "HTTP Archive (HAR) format" 1.2, w3c.github.io/web-performance/specs/HAR/Overview.html. The pauses
between the requests are left out, and so are their cookies: the visit keeps those that it is given.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from hinterland.errors import UsageError
from hinterland.load.plan.plan import RequestPlan, Weighted
from hinterland.load.requests.template import escaped, parse

LEFT_OUT = ("host", "connection", "content-length", "transfer-encoding", "cookie", "keep-alive", "upgrade",
            "te", "proxy-connection", "http2-settings", "trailer")  # fmt: skip

SAVED = "Save one in a browser's network panel."


class Pair(msgspec.Struct):
    """A header."""

    name: str
    value: str


class PostData(msgspec.Struct):
    """The body of a request."""

    text: str = ""


class HarRequest(msgspec.Struct, rename="camel"):
    """A request."""

    method: str
    url: str
    headers: list[Pair] = []
    post_data: PostData | None = None


class HarEntry(msgspec.Struct, rename="camel"):
    """A request and its answer."""

    request: HarRequest
    started_date_time: str = ""


class Log(msgspec.Struct):
    """What was recorded."""

    entries: list[HarEntry]


class Har(msgspec.Struct):
    """The whole file."""

    log: Log


def read_har(path: Path, url: str = "") -> tuple[str, Weighted, int]:
    """Returns the URL of the host, the visit, and how many requests of the file went to other hosts.

    `url`: whose requests are taken, by default those of the first one's host; the load goes there, too.
    Raises UsageError for a file that is none, or has no such request.
    """
    try:
        found = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=Har)
    except OSError as error:
        raise UsageError(
            f"har={path} can't be read: {error.strerror or error}.", "Give a HAR file."
        ) from error
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"{path} is no HAR file: {error}.", "Save one in a browser's network panel."
        ) from None
    entries = sorted(found.log.entries, key=lambda entry: entry.started_date_time)
    asked = [one.request for one in entries if one.request.url.startswith(("http://", "https://"))]
    if not asked:
        raise UsageError(f"{path} has no request over HTTP.", SAVED)
    host = urlsplit(asked[0].url)
    named = urlsplit(url or f"{host.scheme}://{host.netloc}/")
    # A page that was recorded in one place may be put under load in another: then all of the first host's.
    wanted = (
        {host.netloc} if all(urlsplit(one.url).netloc != named.netloc for one in asked) else {named.netloc}
    )
    mine = [one for one in asked if urlsplit(one.url).netloc in wanted]
    visit = Weighted(cookies=True, requests=tuple(_request(one) for one in mine))
    return url or f"{host.scheme}://{host.netloc}/", visit, len(asked) - len(mine)


def _request(asked: HarRequest) -> RequestPlan:
    parts = urlsplit(asked.url)
    return RequestPlan(
        method=asked.method.upper(),
        path=_plain((parts.path or "/") + (f"?{parts.query}" if parts.query else "")),
        headers=tuple(
            (one.name, _plain(one.value))
            for one in asked.headers
            if one.name.lower() not in LEFT_OUT and not one.name.startswith(":")
        ),
        body=_plain(asked.post_data.text) if asked.post_data is not None else "",
    )


def _plain(text: str) -> str:
    """Returns what to write for a text that stands for itself."""
    return escaped(text) if parse(text).names else text
