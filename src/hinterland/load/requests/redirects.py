"""Where a redirect leads, and the request that goes there (RFC 9110, section 15.4).

Another host is never asked: it has not agreed to the load.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from hinterland.clients.message import Response
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import Target

STATUSES = (301, 302, 303, 307, 308)
MOST = 10
"""A browser gives up after some more, too."""
_COOKIE = re.compile(rb"\r\ncookie:([^\r\n]*)", re.IGNORECASE)
_OF_A_BODY = ("content-length", "content-type", "content-encoding", "transfer-encoding")


def is_redirect(response: Response) -> bool:
    """Decides whether an answer says that the request belongs elsewhere."""
    return response.status in STATUSES and "location" in response.headers


def led_to(response: Response, came_from: str, target: Target, host: str = "") -> str | None:
    """Returns the path to ask for next; None where it is another host's.

    came_from: the path that was asked for. host: the name in the request's own `Host`, if it had one.
    """
    scheme = "https" if target.tls else "http"
    usual = 443 if target.tls else 80
    here = urlsplit(urljoin(f"{scheme}://here{came_from}", response.headers["location"].strip()))
    if here.netloc != "here":
        own = urlsplit(f"//{host}").hostname
        try:
            port = here.port or (443 if here.scheme == "https" else 80)
        except ValueError:
            return None
        same_port = port in (target.port, usual) if own else port == target.port
        if here.scheme != scheme or here.hostname not in (target.host.lower(), own) or not same_port:
            return None
    path = (here.path or "/") + (f"?{here.query}" if here.query else "")
    return path if path.isascii() and path.isprintable() and " " not in path else None


def method_after(status: int, method: str) -> str:
    """Returns the method of the request that follows a redirect."""
    if status in (307, 308) or method == "HEAD":
        return method
    return "GET" if status == 303 or method == "POST" else method


def redirected(before: Outgoing, status: int, path: str) -> Outgoing:
    """Returns the request that follows the one before it to another path, without its cookies."""
    method = method_after(status, before.method)
    left_out = {"cookie", *(_OF_A_BODY if method != before.method else ())}
    keeps_body = method == before.method
    headers = tuple(pair for pair in before.headers if pair[0].lower() not in left_out)
    wire = b""
    if before.wire:
        head, _, body = before.wire.partition(b"\r\n\r\n")
        _, *lines = head.split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].strip().lower().decode() not in left_out]
        first = f"{method} {path} HTTP/1.1".encode()
        wire = b"\r\n".join([first, *kept, b"", body if keeps_body else b""])
    return Outgoing(
        wire,
        kind=before.kind,
        method=method,
        path=path,
        headers=headers,
        body=before.body if keeps_body else b"",
        reads=True,
    )


def path_of(outgoing: Outgoing) -> str:
    """Returns the path that a request asks for, its values filled in."""
    return outgoing.wire.split(b" ", 2)[1].decode("latin-1") if outgoing.wire else outgoing.path


def with_cookies(outgoing: Outgoing, cookies: str) -> None:
    """Adds cookies to a request that belongs to one visit alone, but those that it has itself."""
    own = _own_cookies(outgoing)
    names = {one.partition("=")[0].strip() for one in own.split(";")}
    added = [one for one in cookies.split("; ") if one.partition("=")[0] not in names]
    if not added:
        return
    value = "; ".join([own, *added] if own else added)
    outgoing.headers = (
        *(pair for pair in outgoing.headers if pair[0].lower() != "cookie"),
        ("Cookie", value),
    )
    outgoing.built = None
    if outgoing.wire:
        head, end, body = outgoing.wire.partition(b"\r\n\r\n")
        head = _COOKIE.sub(b"", head, count=1)
        outgoing.wire = head + f"\r\nCookie: {value}".encode("latin-1", "replace") + end + body


def _own_cookies(outgoing: Outgoing) -> str:
    if outgoing.wire:
        found = _COOKIE.search(outgoing.wire.partition(b"\r\n\r\n")[0])
        return found[1].decode("latin-1").strip() if found else ""
    return next((value for name, value in outgoing.headers if name.lower() == "cookie"), "")
