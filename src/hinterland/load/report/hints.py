"""What an error of a load means and what may be done about it, for those whose words don't say it alone."""

from __future__ import annotations

from hinterland.drawing import numbers
from hinterland.load.plan.plan import LoadPlan
from hinterland.load.result.result import LoadResult

MOST_HINTS = 4
REDIRECTS = ("301", "302", "303", "307", "308")
EVENT = 'an event is JSON with its time, such as {"id": 7, "ts": 1767225600123.4} in ms since 1970'
FIXED = {
    "reset": "the server broke the connection off before its answer was complete",
    "closed": "the server closed the connection before its answer was complete",
    "unsent": "every connection was taken from the moment it was due until the load ended",
    "unfinished": "it still waited for its answer when the load ended",
    "file_limit": "this process may open no more files: see ulimit -Hn, or use more --processes",
    "no_port": "no local port is free to connect from: more addresses (--sources) have more of them",
    "too_long": "the answer's head is longer than what is kept of one",
    "other bytes came back": "tcp:// and udp:// expect the server to send the same bytes back",
    "no echo, other messages": "ws:// expects each message back; --subscribe listens instead",
    "not an event": EVENT,
    "event without a time": EVENT,
    "event with another clock's time": "its time must be `ts`, ms since 1970, or `sent_ns`, ns of this "
    "machine's CLOCK_MONOTONIC",
    "lost": "the numbers of the events (id) leave some out",
}
NO_ALPN = "tls: no shared protocol"
BEGINNINGS = {
    "tls: unknown CA": "--ca FILE trusts the certificate that signed it, --insecure any",
    "tls: certificate expired": "--insecure accepts it none the less",
    "tls: wrong host name": "put a name into the URL that the certificate has (--connect-to says where that "
    "is), or accept any with --insecure",
    "tls: the server wants a certificate of the client": "give it one with --cert and --key",
    "tls: the server does not speak TLS here": "try the URL without TLS, or another port",
    "not http2": "try --http 1.1; without TLS a server must be told to speak HTTP/2",
    "handshake: status": "the server did not take up the WebSocket: is it at this path?",
    "body in Content-Encoding": "checks look at the decoded body: ask for gzip, deflate, br, zstd, or none",
    "body is not in its Content-Encoding": "it is not in the coding that its head names, or cut off",
    "no grpc-status": "a gRPC call ends with trailers, which did not come: does a proxy drop them?",
    "not an event stream": "an event stream has the Content-Type text/event-stream: is it at this path?",
}
"""By how the words of an error begin."""


def hints(result: LoadResult) -> list[str]:
    """Returns a sentence for each kind of error that needs one, the most frequent first: `refused: ...`."""
    counted = {**result.open_errors, **result.errors}
    kinds = sorted((kind for kind, count in counted.items() if count), key=lambda kind: -counted[kind])
    found: dict[str, str] = {}
    for kind in kinds:
        if reasons := result.reasons.get(kind):
            found[kind] = f"{kind.replace('_', ' ')}: {because(reasons)}"
        elif says := _hint(kind, result.plan):
            found.setdefault(
                says, f"{kind.partition(':')[0].replace('_', ' ')}: {says}{'' if says.endswith('?') else '.'}"
            )
    redirects = {code: n for code, n in result.statuses.items() if code in REDIRECTS and n}
    if redirects and not result.plan.follow:
        count = sum(redirects.values())
        found["redirects"] = (
            f"{count:,} answer{'s were' if count != 1 else ' was'} {' or '.join(sorted(redirects))}: a load "
            "follows no redirect unless you ask for it (--follow), and measures the redirect."
        )
    if _leaves_out_path(result.plan):
        found["path"] = f"the URL's path {result.plan.target.path} was not sent: each request has its own."
    if result.surplus_answers:
        found["surplus"] = (
            f"{result.surplus_answers:,} times the server sent more than the answer (is its Content-Length "
            "too small?), and the connection was closed."
        )
    for words, count in result.notes.items():
        found[words] = f"{'once' if count == 1 else f'{count:,} times'}, {words}."
    # What is known of a process that failed is kept there, too; `partial` says that.
    if result.first_exception.startswith("Traceback"):
        found["exception"] = f"the first exception: {_last_line(result.first_exception)}"
    return list(found.values())[:MOST_HINTS]


def _leaves_out_path(plan: LoadPlan) -> bool:
    """Decides whether the path in the URL, which is not the plain one, is no request's."""
    paths = [request.path for visit in plan.mix for request in visit.requests]
    own = bool(plan.scenario) or all(paths)
    return (
        plan.target.traits.method_and_path
        and plan.target.path != "/"
        and own
        and plan.target.path not in paths
    )


def because(reasons: dict[str, int]) -> str:
    """Returns the first reason of an error, and the commonest where that is another."""
    first, often = next(iter(reasons)), max(reasons, key=lambda says: reasons[says])
    return first if often == first else f"{first}; {reasons[often]:,} times: {often}"


def _hint(kind: str, plan: LoadPlan) -> str:
    target = plan.target
    match kind:
        case "refused":
            if target.unix_socket:
                return f"nothing listens on {target.unix_socket}, or it takes no more connections"
            name, port = target.connect_host or target.host, target.dialled[1]
            host = f"[{name}]" if ":" in name else name
            tried = f" (tried {', '.join(target.addresses)})" if len(target.addresses) > 1 else ""
            return f"nothing listens on {host}:{port}{tried}, or it takes no more connections"
        case "unreachable":
            return f"no way leads to {target.host} from here"
        case "timeout":
            return f"no answer within {numbers.quantity(plan.timeout_s, 's')} (--timeout)"
        case "protocol":
            return "what came back is not of that protocol, or breaks its rules"
    if target.traits.binary and (kind == NO_ALPN or kind.startswith(f"{NO_ALPN}: ")):
        return "try --http 1.1"
    for beginning, says in BEGINNINGS.items():
        if kind.startswith(beginning):
            return says
    return FIXED.get(kind, "")


def _last_line(traceback: str) -> str:
    """Returns what a traceback ends with, and where that was: its last file and line."""
    lines = [line.strip() for line in traceback.strip().splitlines() if line.strip()]
    places = [line for line in lines if line.startswith("File ")]
    return lines[-1] + (f" ({places[-1]})" if places else "")
