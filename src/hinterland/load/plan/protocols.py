"""What a load speaks: a row a protocol, with all that is known of it before its driver is imported.

The driver is the folder of the same name in `load/drivers`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Protocol = str
"""The name of a protocol, a key of `PROTOCOLS`."""


class Scheme(Struct, frozen=True):
    """The beginning of a URL that asks for a protocol, whether over TLS, and the usual port if it has one."""

    name: str
    tls: bool
    port: int | None


class Traits(Struct, frozen=True, kw_only=True):
    """What sets a protocol apart.

    says: its name for a person. version: what `--http` calls it. method_and_path: a request is those, else a
    message. headers: it has some. over_http: it begins as HTTP, so the server's consent can be asked there.
    over_udp: no TCP beneath. binary: headers go out compressed, not as lines. users: a URL may name one, with
    a password and a database. one_line: its message is text even in a file, with values in it as on the
    command line. streams: a connection carries several operations at once. renewed: it can be opened anew for
    each visit. subscribes: whether one may listen only, or does nothing else. follows: redirects can be
    followed. rate_per_s: what one process is trusted with.
    """

    says: str
    schemes: tuple[Scheme, ...]
    version: str = ""
    method_and_path: bool = False
    headers: bool = False
    over_http: bool = False
    over_udp: bool = False
    binary: bool = False
    users: bool = False
    one_line: bool = False
    streams: bool = False
    renewed: bool = False
    subscribes: Literal["no", "may", "only"] = "no"
    follows: bool = False
    rate_per_s: int = 30_000


PROTOCOLS: dict[Protocol, Traits] = {
    "http1": Traits(
        says="HTTP/1.1",
        schemes=(Scheme("http", False, 80), Scheme("https", True, 443)),
        version="1.1",
        method_and_path=True,
        headers=True,
        over_http=True,
        renewed=True,
        follows=True,
        rate_per_s=60_000,
    ),
    "http2": Traits(
        says="HTTP/2",
        schemes=(Scheme("h2c", False, 80), Scheme("h2", True, 443)),
        version="2",
        method_and_path=True,
        headers=True,
        over_http=True,
        binary=True,
        streams=True,
        follows=True,
        rate_per_s=20_000,
    ),
    "http3": Traits(
        says="HTTP/3",
        schemes=(Scheme("h3", True, 443),),
        version="3",
        method_and_path=True,
        headers=True,
        over_http=True,
        over_udp=True,
        binary=True,
        streams=True,
        follows=True,
        rate_per_s=1_500,
    ),
    "websocket": Traits(
        says="WebSocket",
        schemes=(Scheme("ws", False, 80), Scheme("wss", True, 443)),
        headers=True,
        over_http=True,
        renewed=True,
        subscribes="may",
        rate_per_s=40_000,
    ),
    "event_stream": Traits(
        says="server-sent events",
        schemes=(Scheme("sse+http", False, 80), Scheme("sse+https", True, 443)),
        method_and_path=True,
        headers=True,
        over_http=True,
        subscribes="only",
    ),
    "tcp": Traits(says="TCP", schemes=(Scheme("tcp", False, None),), renewed=True),
    "udp": Traits(says="UDP", schemes=(Scheme("udp", False, None),), over_udp=True),
    "postgresql": Traits(
        says="PostgreSQL",
        schemes=(Scheme("postgresql", False, 5432), Scheme("postgres", False, 5432)),
        users=True,
        one_line=True,
        renewed=True,
    ),
    "redis": Traits(
        says="Redis",
        schemes=(Scheme("redis", False, 6379), Scheme("rediss", True, 6379)),
        users=True,
        one_line=True,
        renewed=True,
    ),
}


def schemes() -> dict[str, tuple[Protocol, Scheme]]:
    """Returns every scheme that a URL may have, with the protocol that it asks for."""
    return {
        scheme.name: (protocol, scheme) for protocol, traits in PROTOCOLS.items() for scheme in traits.schemes
    }
