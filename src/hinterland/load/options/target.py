"""Where a load goes, from its URL."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec.structs import replace

from hinterland.errors import UsageError
from hinterland.load.plan.plan import Target
from hinterland.load.plan.protocols import PROTOCOLS, Protocol, schemes
from hinterland.model.secrecy import hidden_url, is_cut_off, split_login

ENCODED = "Percent-encode it: / is %2F, ? is %3F, # is %23."
SSLMODES = {
    "disable": False, "allow": False, "prefer": False,
    "require": True, "verify-ca": True, "verify-full": True,
}  # fmt: skip
"""Whether TLS is spoken to PostgreSQL. Where it is, the certificate is always judged, unless told not to."""
EXAMPLE = "Such as http://localhost:8080/, or one that begins with " + ", ".join(
    scheme for scheme in schemes() if scheme not in ("http", "postgres")
)
# Everything that may stand in a request target, and the braces of {key}.
_SAFE = "!$%&'()*+,/:;=?@[]_-.~{}|^"


def target(url: str, http: str | None = None) -> Target:
    """Returns the target that a URL names; without a scheme it is HTTP. `http`: the version, 1.1, 2 or 3.

    Nothing is resolved yet. Raises UsageError with the part of the URL that is wrong.
    """
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    url = hidden_url(text)
    wrong, instead = _misread(text)
    if wrong:
        raise UsageError(f"{url}: {wrong}", instead)
    if is_cut_off(text):
        raise UsageError(f"{url}: a / ? or # in its password ends the host's name.", ENCODED)
    login, bare = split_login(text)
    try:
        parts = urlsplit(bare)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url} is not a URL: {error}.", EXAMPLE) from None
    known = schemes()
    if parts.scheme not in known:
        raise UsageError(f"{url}: {parts.scheme}:// is not something that can be driven.", EXAMPLE)
    protocol, scheme = known[parts.scheme]
    tls, usual, users = scheme.tls, scheme.port, PROTOCOLS[protocol].users
    if not parts.hostname:
        raise UsageError(f"{url} names no host.", EXAMPLE)
    if port is None and usual is None:
        raise UsageError(f"{url} needs a port.", f"Such as {parts.scheme}://{parts.hostname}:7000")
    if port == 0:
        raise UsageError(f"{url}: port 0 can't be connected to.", "Give the port that the server listens on.")
    if not users and login is not None:
        raise UsageError(
            f"{hidden_url(bare)}: a name and password in the URL are not sent.",
            "Send them as a header: -H 'Authorization: Basic ...'",
        )
    if http is not None:
        protocol = _version(http, parts.scheme, protocol)
    if users:
        tls = _options(url, protocol, parts.query, tls)
    path = quote(parts.path or "/", safe=_SAFE) + (
        f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    )
    user, _, password = (login or "").partition(":")
    return Target(
        url=url,
        protocol=protocol,
        host=parts.hostname,
        port=port or usual or 0,
        tls=tls,
        path="/" if users else path,
        user=unquote(user),
        password=unquote(password),
        database=unquote(parts.path.strip("/")) if users else "",
    )


def _misread(text: str) -> tuple[str, str]:
    """Returns why a URL would quietly become another one, and what to write; empty if it would not."""
    if (found := re.match(r"http://([a-z0-9+]+):/*(?=[^/\d])", text)) and found[1] in schemes():
        return f"{found[1]}: needs two slashes.", f"Write {found[1]}://"
    if re.search(r"[\x00-\x1f\x7f]", text):
        return "a line break or another control sign can't stand in a URL.", "Percent-encode it."
    if version := re.search(r"\s(HTTP/\d(?:\.\d)?)\s*\Z", text):
        return f"{version[1]} is of a line of a log.", "Leave it out; --http says the version."
    if "#" in split_login(text)[1] and not is_cut_off(text):
        return "what begins at # is never sent.", "Leave it out, or write %23."
    return "", ""


def elsewhere(target: Target, connect_to: str | None, unix_socket: str | Path | None) -> Target:
    """Returns the target whose connections go to `HOST:PORT` or to a Unix socket instead of to its host.

    HOST or PORT may be left out: `:8443`, `127.0.0.1`. Raises UsageError for what is none.
    """
    if connect_to is not None and unix_socket is not None:
        raise UsageError("connect-to and unix-socket can't stand together.", "Give one of them.")
    if unix_socket is not None:
        if target.traits.over_udp:
            raise UsageError(f"unix-socket does not go with {target.protocol}.", "It carries what TCP does.")
        return replace(target, unix_socket=str(Path(unix_socket).expanduser().absolute()))
    if connect_to is None:
        return target
    bare = connect_to.count(":") > 1 and not connect_to.startswith("[")
    try:
        parts = urlsplit(f"//[{connect_to}]" if bare else f"//{connect_to}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if port == 0 or not (parts.hostname or port) or parts.netloc.count("@") or parts.path or parts.query:
        raise UsageError(
            f"connect-to={connect_to} is not HOST:PORT.", "Such as 127.0.0.1:8443, [::1]:8443 or :8443."
        )
    return replace(target, connect_host=parts.hostname or "", connect_port=port or 0)


def _options(url: str, protocol: Protocol, query: str, tls: bool) -> bool:
    """Returns whether a database is spoken to over TLS. Raises UsageError for an option that does nothing."""
    for name, value in parse_qsl(query, keep_blank_values=True):
        if protocol != "postgresql" or name != "sslmode":
            raise UsageError(
                f"{url}: {name} is no option that a load knows.",
                "Leave it out." if protocol == "redis" else "There is sslmode=require, for TLS.",
            )
        if value not in SSLMODES:
            raise UsageError(f"sslmode={value} must be one of {', '.join(SSLMODES)}.", "See: man psql")
        tls = SSLMODES[value]
    return tls


def _version(http: str, scheme: str, protocol: Protocol) -> Protocol:
    versions = {traits.version: name for name, traits in PROTOCOLS.items() if traits.version}
    found = versions.get(http) or versions.get(f"{http}.1")
    if found is None:
        raise UsageError(f"http={http} must be 1.1, 2 or 3.", "Such as: --http 2")
    if scheme not in ("http", "https"):
        raise UsageError(f"http={http} does not go with {scheme}://.", "It goes with http:// and https://.")
    if http == "3" and scheme == "http":
        raise UsageError("http=3 needs TLS: HTTP/3 has no other form.", "Give https:// in the URL.")
    return found
