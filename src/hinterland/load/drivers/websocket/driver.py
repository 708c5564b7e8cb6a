"""WebSockets: connections that echo what they are sent, or subscribers who only listen."""

from __future__ import annotations

from hinterland.clients.dial import SocketMaker
from hinterland.load.drivers.transport.tls import context_of
from hinterland.load.drivers.websocket.echo import WebSocketEcho
from hinterland.load.drivers.websocket.subscribe import WebSocketSubscriber
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Requests
from hinterland.load.plan.plan import LoadPlan


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each connection."""
    kind = WebSocketSubscriber if plan.subscribe else WebSocketEcho
    tls = context_of(plan, "http/1.1")
    return [
        kind(number, plan, listener, requests, new_socket=new_socket, tls=tls)
        for number in range(connections)
    ]
