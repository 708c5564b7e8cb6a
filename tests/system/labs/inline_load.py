"""A load that this process drives, as a trial does."""

from __future__ import annotations

from typing import Any

from hinterland.clients.dial import SocketMaker
from hinterland.load.engine.arrivals import Schedule
from hinterland.load.inline.sample import sampled
from hinterland.load.options.declared import Asked
from hinterland.load.options.planned import plan_here
from hinterland.model.history import LoadSample


async def sample_of(
    port: int,
    path: str = "/",
    *,
    schedule: Schedule | None = None,
    drain_s: float | None = None,
    new_socket: SocketMaker | None = None,
    **asked: Any,
) -> LoadSample:
    """Returns the operations of a load of HTTP/1.1 on a port of this machine."""
    plan = plan_here(f"http://127.0.0.1:{port}{path}", Asked(**asked))
    return await sampled(plan, schedule=schedule, drain_s=drain_s, new_socket=new_socket)
