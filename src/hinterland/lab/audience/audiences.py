"""An audience of any size: in this process while it is small, else in as many as it needs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from types import TracebackType

from hinterland.lab.audience.followers import Audience, deliveries
from hinterland.lab.audience.following import Following
from hinterland.lab.audience.part import AudiencePart, Heard, Listen
from hinterland.lab.crowd.companion import Companion
from hinterland.lab.crowd.crowd import allow_open_files
from hinterland.lab.crowd.crowds import processes_for
from hinterland.model.history import LoadSample

FILES_EACH = 5_000
"""A process with more clients than that takes in an event later than its server can send it."""


class Audiences:
    """Clients of one feed, over `processes` of them. `async with` connects them all, and lets them go.

    `heard` is what came of it, once they have listened.
    """

    def __init__(self, followings: Sequence[Following], host: str, port: int, *, processes: int = 0) -> None:
        files = sum(each.files for each in followings)
        self.processes = processes or processes_for(files, FILES_EACH)
        self.heard = Heard([], 0, 0, 0, [])
        self._followings, self._host, self._port = tuple(followings), host, port
        self._here: Audience | None = None
        self._companions: list[Companion] = []

    async def __aenter__(self) -> Audiences:
        if self.processes == 1:
            allow_open_files(sum(each.files for each in self._followings))
            here = Audience([each.follower() for each in self._followings], self._host, self._port)
            self._here = await here.__aenter__()
            return self
        try:
            each = math.ceil(len(self._followings) / self.processes)
            for first in range(0, len(self._followings), each):
                one = await Companion.start("hinterland.lab.audience.part")
                self._companions.append(one)
                one.say(AudiencePart(self._host, self._port, self._followings[first : first + each]))
            await asyncio.gather(*(one.hear(str) for one in self._companions))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._here is not None:
            await self._here.__aexit__(kind, error, trace)
        await self._end()

    async def _end(self) -> None:
        await asyncio.gather(*(one.end() for one in self._companions))

    async def listen(self, duration_s: float, *, events: int, patience_s: float) -> Heard:
        """Returns what was heard. See `Audience.listen`; each process is patient with its own clients."""
        if self._here is not None:
            await self._here.listen(duration_s, events=events, patience_s=patience_s)
            self.heard = Heard.of(self._here)
            return self.heard
        for one in self._companions:
            one.say(Listen(duration_s, events, patience_s))
        parts = await asyncio.gather(*(one.hear(Heard) for one in self._companions))
        self.heard = Heard(
            [arrivals for part in parts for arrivals in part.arrivals],
            sum(part.requests for part in parts),
            sum(part.connections for part in parts),
            sum(part.bytes for part in parts),
            [error for part in parts for error in part.errors],
        )
        return self.heard

    def sample(self, published_ns: Mapping[int, int]) -> LoadSample:
        """Returns what was heard as deliveries; see `audience.deliveries`."""
        return deliveries(self.heard.arrivals, published_ns)
