"""A slow neighbour as a private service: what a system under test waits for, as long as it asks to wait."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass

from hinterland.rig.process import Process
from hinterland.rig.rig import Rig

PROGRAM = "hinterland.lab.slow_neighbour"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A running neighbour on 127.0.0.1. `GET /?wait_ms=200` is answered after 200 ms, by status 204.

    `GET /calls` returns a pair of moments for each call answered so far, ns of CLOCK_MONOTONIC: when it
    was received, and when its answer was about to leave.
    """

    process: Process
    port: int


async def start_neighbour(
    rig: Rig, *, name: str = "neighbour", cores: Collection[int] | None = None
) -> Neighbour:
    """Starts a neighbour and returns when it answers. `cores` are those it may use, by default all.

    Raises SystemFailure when it does not start.
    """
    port = rig.free_port()
    process = await rig.start([sys.executable, "-m", PROGRAM, port], name=name, port=port, cores=cores)
    return Neighbour(process, port)
