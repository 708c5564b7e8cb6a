"""Who may talk to this server: whoever has the token that it printed, through a page of its own.

A page of another site could make the reader's browser send a form to 127.0.0.1, or look at what comes back by
a name of its own that leads there. So the `Host` must be ours, a form must come from us, and the token, once
it is in the address, goes into a cookie that no other site's page sends.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hinterland.exchange.archive import LARGEST_ARCHIVE
from hinterland.store import explained
from hinterland.web.reader import progress

TOKEN_FILE = ".web-token"
LARGEST_BODY = 64 * 1024
LARGER = {
    "/notebook/progress": progress.LARGEST_BYTES + LARGEST_BODY,
    "/runs/import": LARGEST_ARCHIVE + LARGEST_BODY,
}
"""Where a form brings a file along, in bytes."""
SAFE = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def kept_token(store: Path) -> str:
    """Returns this store's token; it stays, so that a page that is open outlives a restart of the server."""
    path, made = store / TOKEN_FILE, store / f"{TOKEN_FILE}.{os.getpid()}"
    with explained(store):
        store.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "w") as stream:
                stream.write(secrets.token_urlsafe(24))
            # Whole or not at all, and the first of two servers that start at once.
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
            made.unlink()
        return path.read_text().strip()


class Guard:
    """Lets through what is ours. `hosts`: the names under which this server is reached, without ports."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], port: int) -> None:
        self._app, self._token, self._hosts = app, token, frozenset(hosts)
        # Cookies don't know ports: two servers of one machine must not take each other's.
        self.cookie = f"hinterland-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        refusal = self._refused(scope, headers)
        answer = refusal or self._with_token(scope, headers)
        await (answer or self._app)(
            scope, _bounded(receive, LARGER.get(scope["path"], LARGEST_BODY)), self._sealed(send)
        )

    def _refused(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        host = headers.get("host", "")
        if _name_of(host) not in self._hosts:
            return _plain(421, "This server goes by another name. Use the address that it printed.")
        if scope["method"] in SAFE:
            return None
        origin = headers.get("origin")
        elsewhere = origin is not None and urlsplit(origin).netloc != host
        if elsewhere or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _plain(403, "This form comes from another site, and is not taken.")
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGER.get(scope["path"], LARGEST_BODY):
            return _plain(413, "That is more than a form of this site holds.")
        return None

    def _with_token(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in asked if name == "token"), None)
        if given is not None and self._is_ours(given):
            # Out of the address at once: it would stay in the history, and go along where a link leads.
            rest = urlencode([pair for pair in asked if pair[0] != "token"])
            answer = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(
                self.cookie, self._token, max_age=365 * 86400, httponly=True, samesite="strict", path="/"
            )
            return answer
        if self._is_ours(_cookie(headers.get("cookie", ""), self.cookie)):
            return None
        return _plain(403, "Who are you? Open the address with its token, as `hinterland serve` printed it.")

    def _is_ours(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    def _sealed(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message["headers"]}
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(each for each in extra if each[0] not in have)]
            await send(message)

        return sent


def _bounded(receive: Receive, most: int) -> Receive:
    """Ends a body that is longer than it said."""
    taken = 0

    async def received() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > most else message

    return received


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _plain(status: int, says: str) -> Response:
    return PlainTextResponse(f"{says}\n", status)
