"""Who may be put under load: this machine's loopback, hosts that a link made, and who says that they agree.

Loopback is 127.0.0.0/8, ::1 and the names that resolve to nothing else; a Unix socket is this machine's, too.
A host of a link is known by the `Host` that the link made: sockets made in it reach its link and nothing
beyond. A load that was started in such a host knows its link by a note that holds nowhere else
(`link_proof`). Everything else must serve, over HTTP, the token that this user's command printed for it:

    GET /.well-known/hinterland-consent  ->  200, with the token as the whole body

- HTTP/1.1, HTTP/2, HTTP/3, WebSocket, event streams: from the very scheme, host and port that the load goes
  to (HTTP/3: over TCP), with the target's name in `Host`. The load may then name no other host either.
- TCP, UDP, PostgreSQL, Redis: from port 80 of the same address, with the address in `Host`: on a machine that
  serves many names, a tenant can't agree for the machine.

Where connections go elsewhere than to the URL's host, it is elsewhere that is asked, for that host. The name
is resolved once. Each of its addresses agrees for itself alone, and of those that may be loaded the first at
which somebody listens gets the load, and no other: a name can't point elsewhere in between. Redirects are not
followed. The token is asked for before each load, from the server, every time: who takes the file away takes
the consent away. Nothing switches this off.
"""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import structs

from hinterland.clients.message import Request, Response
from hinterland.clients.reader import BadAnswer, ResponseReader
from hinterland.errors import UsageError
from hinterland.load.conductor.link_proof import proven
from hinterland.load.conductor.token import token_for
from hinterland.load.drivers.transport.tls import context
from hinterland.load.options.addresses import first_open, is_loopback, resolved, unix_path, usable
from hinterland.load.plan.plan import LoadPlan, Target
from hinterland.model.secrecy import hidden
from hinterland.rig.link.host import Host

WELL_KNOWN = "/.well-known/hinterland-consent"
PATIENCE_S = 5.0
PLAIN_HTTP_PORT = 80
LONGEST_ANSWER_BYTES = 64 * 1024


async def admitted(plan: LoadPlan, *, through: Host | None = None, state: Path | None = None) -> LoadPlan:
    """Returns `plan` with the one address that its load may go to.

    `through` is the host of a link whose sockets carry the load. `state` is the folder of the secret that
    tokens come from (default: this user's state folder). Raises UsageError with the token and what to do
    with it where the target has not agreed, or has no address.
    """
    target = plan.target
    if target.unix_socket:
        if through is not None:
            raise UsageError(f"{target.unix_socket} is no host of link {through.link.name}.", "Leave it out.")
        return _to(plan, await unix_path(target.unix_socket))
    if through is not None:
        return structs.replace(plan, target=await _within(target, through))
    found = list(dict.fromkeys(usable(address) for address in await resolved(target)))
    plan = structs.replace(plan, target=structs.replace(target, addresses=tuple(found)))
    # Of a name that leads here and elsewhere, elsewhere is asked.
    in_link = proven(state)
    if elsewhere := [address for address in found if not (is_loopback(address) or address in in_link)]:
        _names_nobody_else(plan)
        found = await _agreed(plan, elsewhere, token_for(target.host, state))
    elif plan.sources > 1:
        # Only 127.0.0.0/8 has many addresses to come from.
        found = [address for address in found if "." in address] or found
    return _to(plan, await first_open(found, target))


async def _agreed(plan: LoadPlan, addresses: list[str], token: str) -> list[str]:
    """Returns those of the addresses that agree, each by itself. Raises UsageError where none does."""
    target, refusals, agreed = plan.target, [], []
    for address in addresses:
        refusal = await _refusal(plan, address, token)
        if not refusal:
            agreed.append(address)
            continue
        named = address if target.host.strip("[]") == address else f"{target.host} ({address})"
        refusals.append(f"{named} has not agreed to be put under load: {refusal}.")
    if not agreed:
        raise UsageError("\n".join(refusals), _what_to_do(target, addresses[0], token))
    return agreed


def consent_url(target: Target, address: str) -> str:
    """Returns where the token must be served for a load on `target` to be let through."""
    if not target.traits.over_http:
        return f"http://{_bracketed(address)}{WELL_KNOWN}"
    usual = 443 if target.tls else 80
    port = "" if target.port == usual else f":{target.port}"
    return f"{'https' if target.tls else 'http'}://{_bracketed(target.host)}{port}{WELL_KNOWN}"


def _what_to_do(target: Target, address: str, token: str) -> str:
    return (
        f"If it is yours, let {consent_url(target, address)} answer 200 with this one line, then try again:\n"
        f"    {token}\n"
        f"  It is for you and this host alone, and is looked for before each load. "
        f"If it is not yours, send its owner this line and what you plan."
    )


def _to(plan: LoadPlan, address: str) -> LoadPlan:
    return structs.replace(plan, target=structs.replace(plan.target, address=address))


async def _within(target: Target, through: Host) -> Target:
    """Returns the target as the link's host that it names is reached. A link leads nowhere else."""
    hosts = through.link.hosts
    host, to_port = target.connect_host or target.host, target.connect_port or target.port
    if hosts.get(through.name) is not through or not through.link.child_pid:
        raise UsageError(f"the link of host {through.name} is closed.", "Keep it open while the load runs.")
    for each in hosts.values():
        if host not in (each.name, each.address, each.address6):
            continue
        if host == each.address6:
            return structs.replace(target, address=each.address6)
        kind = "udp" if target.traits.over_udp else "tcp"
        address, port = through.reach(each.name, to_port, kind)
        reached = structs.replace(target, address=address, connect_port=port if port != target.port else 0)
        if host == each.name and each.address6 and address == each.address:
            both = (address, each.address6)
            found = await first_open(both, target, socket_of=through.socket)
            reached = structs.replace(reached, address=found, addresses=both)
        return reached
    raise UsageError(
        f"{host} is no host of link {through.link.name}: it has {', '.join(hosts)}.",
        "A load through a link goes to a host of that link.",
    )


def _names_nobody_else(plan: LoadPlan) -> None:
    """Raises UsageError where a request is addressed to another name than the one that agreed."""
    for request in (each for visit in plan.mix for each in visit.requests):
        if plan.target.traits.over_http and not request.path.startswith(("/", "*")) and request.path:
            raise UsageError(
                f"path {hidden(request.path)} may name another host than {plan.target.host}.",
                "Begin it with a /.",
            )
        for name, value in request.headers:
            named = urlsplit(f"//{value.strip()}").hostname if "{" not in value else None
            if name.lower() in ("host", ":authority") and named != plan.target.host.strip("[]").lower():
                raise UsageError(
                    f"header {name}: {value} names another host than {plan.target.host}, which was asked.",
                    "Put that name into the URL; its owner must have agreed.",
                )


async def _refusal(plan: LoadPlan, address: str, token: str) -> str:
    """Returns why the target does not agree, empty if it does."""
    url = consent_url(plan.target, address)
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await _fetched(plan, address)
    except TimeoutError:
        return f"{url} did not answer within {PATIENCE_S:g} s"
    except (OSError, BadAnswer) as error:
        return f"{url} could not be read ({error})"
    if answer.status in range(300, 400):
        return f"{url} answers {answer.status}; a redirect is not followed"
    if answer.status != 200:
        return f"{url} answers {answer.status}"
    if not hmac.compare_digest(answer.body.strip(), token.encode()):
        return f"{url} does not hold the token"
    return ""


async def _fetched(plan: LoadPlan, address: str) -> Response:
    """Returns what the consent URL answers, asked of `address` and nobody else."""
    target = plan.target
    over_http = target.traits.over_http
    port = target.dialled[1] if over_http else PLAIN_HTTP_PORT
    # The load itself will judge the certificate so: the token proves more than a certificate.
    tls = context(plan, ["http/1.1"]) if over_http and target.tls else None
    asked = Request(path=WELL_KNOWN, headers={"Connection": "close"})
    reader, writer = await asyncio.open_connection(
        address, port, ssl=tls, server_hostname=target.host if tls is not None else None
    )
    try:
        writer.write(asked.encode(target.host if over_http else address, target.port if over_http else port))
        parser, received = ResponseReader("GET"), 0
        while data := await reader.read(LONGEST_ANSWER_BYTES):
            received += len(data)
            if (answer := parser.feed(data)) is not None:
                return answer
            if received > LONGEST_ANSWER_BYTES:
                raise BadAnswer(f"the answer is longer than {LONGEST_ANSWER_BYTES:,} bytes")
        if (answer := parser.eof()) is not None:
            return answer
        raise BadAnswer("the connection was closed before the answer was complete")
    finally:
        writer.transport.abort()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
