"""`python -m hinterland.lab.crowd.part`: a part of a crowd, in a process of its own."""

from __future__ import annotations

from msgspec import Struct

from hinterland.clients import sources
from hinterland.lab.crowd import companion
from hinterland.lab.crowd.crowd import Crowd, allow_open_files


class CrowdPart(Struct, frozen=True):
    """What the process is told first: whom to ask what, and with how many connections from where.

    addresses: those that its connections come from, in turn; none: the kernel chooses.
    """

    host: str
    port: int
    request: bytes
    connections: int
    window: int
    patience_s: float
    addresses: tuple[str, ...] = ()


class Opened(Struct, frozen=True):
    """What became of its connections, in the words of `LoadSample`."""

    sent_ns: list[int]
    done_ns: list[int]
    error: list[int]
    start_ns: int
    end_ns: int


async def serve(parent: companion.Parent) -> None:
    """Hears its part and says that it is ready; opens when told to; then says who stayed whenever asked."""
    part = await parent.hear(CrowdPart)
    allow_open_files(part.connections)
    parent.say("ready")
    await parent.hear(str)
    crowd = Crowd(
        part.host,
        part.port,
        part.request,
        connections=part.connections,
        window=part.window,
        patience_s=part.patience_s,
        new_socket=sources.socket_maker(part.addresses),
    )
    async with crowd:
        sample = crowd.sample()
        parent.say(
            Opened(
                sample.sent_ns.tolist(),
                sample.done_ns.tolist(),
                sample.error.tolist(),
                sample.start_ns,
                sample.end_ns,
            )
        )
        while await parent.hear(str) == "served?":
            parent.say(crowd.served)
    parent.say("gone")


if __name__ == "__main__":
    companion.run(serve)
