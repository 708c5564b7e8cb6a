"""The lanes of a load: those of the driver that speaks its protocol, imported only when it is asked for.

A driver is a module with

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


def module_of(plan: LoadPlan) -> str:
    """Returns the name, within `hinterland.load`, of the module that drives such a load."""
    if plan.scenario:
        return "scenario.lane"
    protocol = plan.target.protocol
    if plan.subscribe:
        return {"websocket": "drivers.websocket.subscribe"}.get(protocol, "drivers.event_stream.driver")
    if protocol == "http1":
        return {
            "keep_alive": "drivers.http1.driver",
            "new": "drivers.http1.new",
            "pipelining": "drivers.http1.pipelining",
        }[plan.mode]
    return {
        "http2": "drivers.http2.driver",
        "http3": "drivers.http3.driver",
        "websocket": "drivers.websocket.driver",
        "event_stream": "drivers.event_stream.driver",
        "tcp": "drivers.tcp.driver",
        "udp": "drivers.udp.driver",
        "postgresql": "drivers.postgresql.driver",
        "redis": "drivers.redis.driver",
    }[protocol]


def lanes(
    plan: LoadPlan,
    connections: int,
    *,
    listener: Listener,
    requests: Requests,
    new_socket: SocketMaker | None = None,
) -> list[Lane]:
    """Returns the lanes of `connections` connections, numbered from 0, none of them open yet."""
    driver = cast(Driver, import_module(f"hinterland.load.{module_of(plan)}"))
    return driver.lanes(plan, connections, listener=listener, requests=requests, new_socket=new_socket)
