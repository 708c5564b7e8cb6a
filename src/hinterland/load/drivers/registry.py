"""The lanes of a load: those of the driver that speaks its protocol, imported only when it is asked for.

A driver is a folder by the protocol's name whose module `driver` has

    def lanes(plan: LoadPlan, connections: int, *, listener: Listener, requests: Requests,
              new_socket: SocketMaker | None = None) -> list[Lane]

which returns lanes numbered from 0 for so many connections of its own: one each, or `plan.multiplexed` times
as many where a connection carries several operations. Nothing is opened yet.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from hinterland.clients.dial import SocketMaker
from hinterland.load.engine.lane import Lane, Listener
from hinterland.load.engine.outgoing import Requests
from hinterland.load.plan.plan import LoadPlan


class Driver(Protocol):
    """What a driver's module offers."""

    def lanes(
        self,
        plan: LoadPlan,
        connections: int,
        *,
        listener: Listener,
        requests: Requests,
        new_socket: SocketMaker | None = None,
    ) -> list[Lane]: ...


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns the lanes of `connections` connections, numbered from 0, none of them open yet."""
    driver = cast(Driver, import_module(f"{__package__}.{plan.target.protocol}.driver"))
    return driver.lanes(plan, connections, listener=listener, requests=requests, new_socket=new_socket)
