"""How a load uses its connections, and who it says it is on them: what of that goes with what is spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hinterland.errors import UsageError
from hinterland.load.plan.plan import Target

if TYPE_CHECKING:
    from hinterland.load.options.declared import Asked


def connection_use(asked: Asked, target: Target) -> tuple[int, str]:
    """Returns how many operations a connection carries at once, and the mode of HTTP/1.1."""
    if asked.streams is not None and not target.traits.streams:
        raise UsageError(
            f"streams={asked.streams} does not go with {target.protocol}: its connections carry one request "
            "at a time.",
            "Add --http 2, or raise connections.",
        )
    if asked.pipelining is not None and target.protocol != "http1":
        raise UsageError(
            f"pipelining={asked.pipelining} does not go with {target.protocol}.", "It goes with HTTP/1.1."
        )
    if asked.new_connections and (not target.traits.renewed or asked.subscribe):
        what = "subscribe" if asked.subscribe else target.protocol
        raise UsageError(
            f"new-connections does not go with {what}.",
            "It goes with HTTP/1.1, and with WebSocket, TCP, PostgreSQL and Redis.",
        )
    if asked.subscribe and target.traits.subscribes == "no":
        raise UsageError(
            f"subscribe does not go with {target.protocol}.", "It goes with ws://, wss:// and sse+http://."
        )
    if asked.follow and not target.traits.follows:
        raise UsageError(f"follow does not go with {target.protocol}.", "It goes with HTTP.")
    if asked.pipelining is not None:
        return asked.pipelining, "pipelining"
    return asked.streams or 1, "new" if asked.new_connections else "keep_alive"


def check_identity(asked: Asked, target: Target) -> None:
    """Raises UsageError for a certificate of the client's that nobody would see."""
    if asked.key is not None and asked.cert is None:
        raise UsageError(f"key={asked.key} needs the certificate that it belongs to.", "Give cert as well.")
    if asked.cert is not None and not target.tls:
        raise UsageError(
            f"cert={asked.cert} does not go with {target.url}, over which no TLS is spoken.",
            "Give a URL with TLS, such as https:// or rediss://.",
        )
    if asked.unix_socket is not None and asked.sources > 1:
        raise UsageError("sources does not go with unix-socket, which has no addresses.", "Leave one out.")
