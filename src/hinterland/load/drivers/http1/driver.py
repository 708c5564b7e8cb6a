"""HTTP/1.1 over connections that are kept: the fast path (`connection`)."""

from __future__ import annotations

from hinterland.clients.dial import SocketMaker
from hinterland.load.drivers.http1.connection import Connection, Remembered
from hinterland.load.drivers.transport import tls
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
    return connections_of(
        Connection, plan, connections, listener=listener, requests=requests, new_socket=new_socket
    )


def connections_of(
    kind: type[Connection],
    plan: LoadPlan,
    count: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns so many connections of a kind, numbered from 0."""
    target = plan.target
    remembered = Remembered()
    context = tls.context_of(plan, "http/1.1")
    return [
        kind(
            number,
            target.dialled,
            listener=listener,
            requests=requests,
            remembered=remembered,
            new_socket=new_socket,
            tls=context,
            server_name=target.host,
        )
        for number in range(count)
    ]
