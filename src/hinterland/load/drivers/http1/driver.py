"""HTTP/1.1: connections that are kept (the fast path, `connection`), new ones each time, or pipelining."""

from __future__ import annotations

from hinterland.clients.dial import SocketMaker
from hinterland.load.drivers.http1 import pipelining
from hinterland.load.drivers.http1.connection import Http1Connection
from hinterland.load.drivers.http1.new import NewConnection
from hinterland.load.drivers.transport import tls
from hinterland.load.drivers.transport.remembered import Remembered
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
    """Returns a lane for each connection, or as many as a pipelined one carries requests at once.

    With `new` connections so many at most are open at once.
    """
    if plan.mode == "pipelining":
        return pipelining.lanes(
            plan, connections, listener=listener, requests=requests, new_socket=new_socket
        )
    kind = NewConnection if plan.mode == "new" else Http1Connection
    remembered, context = Remembered(), tls.context_of(plan, "http/1.1")
    return [
        kind(
            number,
            plan.target.dialled,
            listener=listener,
            requests=requests,
            remembered=remembered,
            new_socket=new_socket,
            tls=context,
            server_name=plan.target.host,
        )
        for number in range(connections)
    ]
