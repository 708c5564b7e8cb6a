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

from hinterland.load.dial import SocketMaker
from hinterland.load.lane import Lane, Listener
from hinterland.load.outgoing import Requests
from hinterland.model.load import LoadPlan


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
        return "scenario"
    protocol = plan.target.protocol
    if plan.subscribe:
        return {"websocket": "websocket_subscribe"}.get(protocol, "event_stream_subscribe")
    if protocol == "http1":
        return {"keep_alive": "http1_keep_alive", "new": "http1_new", "pipelining": "http1_pipelining"}[
            plan.mode
        ]
    return {
        "http2": "http2",
        "http3": "http3",
        "websocket": "websocket_echo",
        "event_stream": "event_stream_subscribe",
        "tcp": "tcp_echo",
        "udp": "udp_echo",
        "postgresql": "postgresql",
        "redis": "redis",
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
