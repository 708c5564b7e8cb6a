"""`python -m hinterland.lab.audience.part`: a part of an audience, in a process of its own."""

from __future__ import annotations

from msgspec import Struct

from hinterland.errors import SystemFailure
from hinterland.lab.audience.followers import Audience
from hinterland.lab.audience.following import Following
from hinterland.lab.crowd import companion
from hinterland.lab.crowd.crowd import allow_open_files


class AudiencePart(Struct, frozen=True):
    """What the process is told first: whom to follow, and how."""

    host: str
    port: int
    followings: tuple[Following, ...]


class Listen(Struct, frozen=True):
    """What it is told then, in the words of `Audience.listen`."""

    duration_s: float
    events: int
    patience_s: float


class Heard(Struct, frozen=True):
    """What its clients heard, and what that took. arrivals: (moment, id) of each event of each client.

    errors: why clients stopped following, those who did.
    """

    arrivals: list[list[tuple[int, int]]]
    requests: int
    connections: int
    bytes: int
    errors: list[str]

    @classmethod
    def of(cls, audience: Audience) -> Heard:
        everybody = audience.followers
        return cls(
            audience.arrivals(),
            sum(one.requests for one in everybody),
            sum(one.connections for one in everybody),
            sum(one.bytes_sent + one.bytes_received for one in everybody),
            [one.error for one in everybody if one.error],
        )


async def serve(parent: companion.Parent) -> None:
    """Hears its part, joins and says so; listens when told to, and says what was heard."""
    part = await parent.hear(AudiencePart)
    allow_open_files(sum(one.files for one in part.followings))
    audience = Audience([one.follower() for one in part.followings], part.host, part.port)
    try:
        async with audience:
            parent.say("joined")
            asked = await parent.hear(Listen)
            await audience.listen(asked.duration_s, events=asked.events, patience_s=asked.patience_s)
            parent.say(Heard.of(audience))
            # Its clients stay until its parent ends it.
            await parent.hear(str)
    except OSError as error:
        raise SystemFailure(f"a client could not follow: {error}") from error


if __name__ == "__main__":
    companion.run(serve)
