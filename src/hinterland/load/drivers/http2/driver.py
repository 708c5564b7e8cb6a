"""Drives a server with HTTP/2: over TLS, where it must offer `h2`, or in cleartext by prior knowledge."""

from __future__ import annotations

from hinterland.clients.dial import SocketMaker
from hinterland.load.drivers.http2.connection import Http2Connection
from hinterland.load.drivers.transport import tls
from hinterland.load.drivers.transport.shared_connection import SharedConnection, shared_lanes
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
    """Returns `plan.multiplexed` lanes for each connection, numbered from 0; a lane is a stream at a time.

    Where a server lets fewer streams through at once, requests wait in front of it, sent as far as the load
    can tell: their service time has that wait.
    """
    context = tls.context_of(plan, "h2")
    return shared_lanes(
        plan,
        connections,
        lambda: SharedConnection(plan, Http2Connection, new_socket=new_socket, context=context),
        listener=listener,
        requests=requests,
    )
