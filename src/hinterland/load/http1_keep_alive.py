"""HTTP/1.1 over connections that are kept: the fast path (`connection`)."""

from __future__ import annotations

from hinterland.load import tls
from hinterland.load.connection import Connection, Remembered
from hinterland.load.dial import SocketMaker
from hinterland.load.lane import Lane, Listener
from hinterland.load.outgoing import Requests
from hinterland.model.load import LoadPlan


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns a lane for each connection."""
    target = plan.target
    remembered = Remembered()
    context = tls.context(plan, ["http/1.1"]) if target.tls else None
    return [
        Connection(
            number,
            (target.address or target.host, target.port),
            listener=listener,
            requests=requests,
            remembered=remembered,
            new_socket=new_socket,
            tls=context,
            server_name=target.host if target.tls else "",
        )
        for number in range(connections)
    ]
