"""Cookies as a browser keeps them (RFC 6265), for one visit to one host: by name and path, until they expire.

A domain is not looked at: a load has one host. `Secure` ones go over TLS, and to this machine's own loopback.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime

from msgspec import Struct

# Several are joined with commas, and a date has one, too: a cookie begins with NAME=.
_BEGINS = re.compile(r",\s*(?=[^\s;,=]+=)")


class Cookie(Struct, frozen=True):
    """One cookie. `gone` says that it is sent to be forgotten."""

    name: str
    value: str
    path: str = ""
    secure: bool = False
    gone: bool = False


def parsed(header: str) -> list[Cookie]:
    """Returns the cookies of `Set-Cookie` headers, joined with commas; what is none is passed over."""
    found = []
    for text in _BEGINS.split(header):
        pair, *attributes = text.split(";")
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            continue
        options = {
            key.strip().lower(): option.strip()
            for key, _, option in (one.partition("=") for one in attributes)
        }
        path = options.get("path", "")
        found.append(
            Cookie(
                name.strip(),
                value.strip(),
                path if path.startswith("/") else "",
                "secure" in options,
                _is_gone(options),
            )
        )
    return found


def named(header: str, name: str) -> str | None:
    """Returns the value of one cookie of several; None where it is not among them."""
    return next((one.value for one in reversed(parsed(header)) if one.name == name and not one.gone), None)


class Jar:
    """The cookies of one visit."""

    __slots__ = ("_kept", "_over_tls")

    def __init__(self, *, over_tls: bool) -> None:
        self._kept: dict[tuple[str, str], Cookie] = {}
        self._over_tls = over_tls

    def take(self, header: str, target: str) -> None:
        """Keeps what an answer to a request for `target` sets, and forgets what it says is gone."""
        for cookie in parsed(header):
            place = cookie.path or _folder_of(target), cookie.name
            if cookie.gone:
                self._kept.pop(place, None)
            else:
                self._kept[place] = cookie

    def header(self, target: str) -> str:
        """Returns the `Cookie` header of a request for `target`, the longest path first; empty for none."""
        path = target.partition("?")[0]
        fits = [
            (folder, cookie)
            for (folder, _), cookie in self._kept.items()
            if _covers(folder, path) and (self._over_tls or not cookie.secure)
        ]
        fits.sort(key=lambda pair: -len(pair[0]))
        return "; ".join(f"{cookie.name}={cookie.value}" for _, cookie in fits)


def _folder_of(target: str) -> str:
    """Returns the path that a cookie without one belongs to."""
    return target.partition("?")[0].rpartition("/")[0] or "/"


def _covers(folder: str, path: str) -> bool:
    return path == folder or (path.startswith(folder) and (folder.endswith("/") or path[len(folder)] == "/"))


def _is_gone(options: dict[str, str]) -> bool:
    age = options.get("max-age", "")
    if re.fullmatch(r"-?\d+", age):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(options.get("expires", "")).timestamp() <= time.time()
    except (TypeError, ValueError):
        return False
