"""What a visit keeps as a browser does: its cookies, and where a redirect leads it."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

from hinterland.clients.cookies import Jar
from hinterland.clients.message import Response
from hinterland.load.engine.outgoing import Outgoing
from hinterland.load.plan.plan import Target
from hinterland.load.requests.redirects import MOST, is_redirect, led_to, path_of, redirected, with_cookies


class Session:
    """One visit's cookies and redirects. `keeps`: whether it has cookies; `follows`: whether it is led on."""

    __slots__ = ("_follows", "_hops", "_jar", "_next", "_target")

    def __init__(self, target: Target, *, keeps: bool, follows: bool) -> None:
        self._target, self._follows = target, follows
        self._jar = jar_for(target) if keeps else None
        self._next: tuple[int, str] | None = None
        self._hops = 0

    @property
    def is_led_on(self) -> bool:
        """Whether the last answer was a redirect, which is followed."""
        return self._next is not None

    def answered(self, outgoing: Outgoing, response: Response) -> str:
        """Keeps what an answer gives; returns what is wrong with where it leads, empty if nothing."""
        path = path_of(outgoing)
        if self._jar is not None and (given := response.headers.get("set-cookie")):
            self._jar.take(given, path)
        if not (self._follows and is_redirect(response)):
            return ""
        host = next((value for name, value in outgoing.headers if name.lower() == "host"), "")
        there = led_to(response, path, self._target, host)
        if there is None:
            return "redirect to another host"
        if self._hops >= MOST:
            return f"more than {MOST} redirects"
        self._next = response.status, there
        return ""

    def led_on(self, before: Outgoing) -> Outgoing:
        """Returns the request that follows a redirect."""
        assert self._next is not None
        (status, path), self._next = self._next, None
        self._hops += 1
        return self.prepared(redirected(before, status, path))

    def arrived(self) -> None:
        """The redirects of one request are over."""
        self._hops = 0

    def prepared(self, outgoing: Outgoing) -> Outgoing:
        """Returns a request with the visit's cookies; of a name that it gives itself, its own."""
        if self._jar is not None and (cookies := self._jar.header(path_of(outgoing))):
            with_cookies(outgoing, cookies)
        return outgoing


def jar_for(target: Target) -> Jar:
    """Returns an empty jar. `Secure` cookies go over plain HTTP to loopback only, as browsers do."""
    local = target.host == "localhost" or target.host.endswith(".localhost")
    with suppress(ValueError):
        local = local or ipaddress.ip_address(target.address or target.host).is_loopback
    return Jar(over_tls=target.tls or local)
