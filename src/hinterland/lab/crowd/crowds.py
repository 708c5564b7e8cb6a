"""A crowd of any size: in this process while it holds it, else in as many as its connections need."""

from __future__ import annotations

import asyncio
import math
import resource
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from hinterland.clients import sources
from hinterland.lab.crowd.companion import Companion
from hinterland.lab.crowd.crowd import ERRORS, OTHER_FILES, Crowd, allow_open_files
from hinterland.lab.crowd.part import CrowdPart, Opened
from hinterland.model.history import UNFINISHED, LoadSample

CONNECTIONS_EACH = 12_500
"""More than that in one process take longer to open than several processes do, each on a core of its own."""


def processes_for(connections: int, each: int = CONNECTIONS_EACH) -> int:
    """Returns how many processes hold so many connections, at most `each`, with the files they may open."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = each if highest == resource.RLIM_INFINITY else highest - OTHER_FILES
    return max(1, math.ceil(connections / max(1, min(each, files))))


class Crowds:
    """Connections to one server, each served once and then silent: a `Crowd` over `processes` of them.

    `async with` opens them all, every process in its own order, and drops them at the end. A crowd with
    more connections than one address has ports comes from several of 127.0.0.0/8. Call `prepare` first to
    keep the start of the processes out of the time that opening takes.
    """

    def __init__(
        self,
        host: str,
        port: int,
        request: bytes,
        *,
        connections: int,
        processes: int = 0,
        window: int = 500,
        patience_s: float = 1.0,
    ) -> None:
        self.connections = connections
        self.processes = processes or processes_for(connections)
        least, more = divmod(connections, self.processes)
        came_from = sources.addresses(host, connections)
        self._parts = [
            CrowdPart(
                host,
                port,
                request,
                least + (place < more),
                max(1, window // self.processes),
                patience_s,
                came_from,
            )
            for place in range(self.processes)
        ]
        self._here: Crowd | None = None
        self._companions: list[Companion] = []
        self._sample: LoadSample | None = None

    async def prepare(self) -> None:
        """Starts the processes and returns when all are ready. Raises SetupError where files don't last."""
        if self.processes == 1:
            allow_open_files(self.connections)
            return
        try:
            for part in self._parts:
                one = await Companion.start("hinterland.lab.crowd.part")
                self._companions.append(one)
                one.say(part)
            await asyncio.gather(*(one.hear(str) for one in self._companions))
        except BaseException:
            await self._end()
            raise

    async def served(self) -> int:
        """Returns how many had their answer and are still connected."""
        if self._here is not None:
            return self._here.served
        for one in self._companions:
            one.say("served?")
        return sum(await asyncio.gather(*(one.hear(int) for one in self._companions)))

    def sample(self) -> LoadSample:
        """Returns the connections as operations of a closed loop, in the order in which they were begun.

        Those that were never begun have sent_ns -1 and were due when opening ended.
        """
        if self._here is not None:
            return self._here.sample()
        assert self._sample is not None, "the crowd was not entered"
        return self._sample

    async def __aenter__(self) -> Crowds:
        if not self._companions:
            await self.prepare()
        if self.processes == 1:
            part = self._parts[0]
            self._here = Crowd(
                part.host,
                part.port,
                part.request,
                connections=part.connections,
                window=part.window,
                patience_s=part.patience_s,
                new_socket=sources.socket_maker(part.addresses),
            )
            await self._here.__aenter__()
            return self
        try:
            for one in self._companions:
                one.say("open")
            self._sample = merged(await asyncio.gather(*(one.hear(Opened) for one in self._companions)))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._here is not None:
            await self._here.__aexit__(kind, error, trace)
        try:
            if error is None:
                # So that each connection has ended with a reset before its process has.
                for one in self._companions:
                    one.say("leave")
                await asyncio.gather(*(one.hear(str) for one in self._companions))
        finally:
            await self._end()

    async def _end(self) -> None:
        await asyncio.gather(*(one.end() for one in self._companions))


def merged(parts: list[Opened]) -> LoadSample:
    """Returns what several processes opened as one load: connections in the order they were begun in."""
    end_ns = max(part.end_ns for part in parts)
    sent, done = _joined([part.sent_ns for part in parts]), _joined([part.done_ns for part in parts])
    intended = np.where(sent == UNFINISHED, end_ns, sent)
    order = np.argsort(intended, kind="stable")
    count = len(sent)
    return LoadSample(
        intended_ns=intended[order],
        sent_ns=sent[order],
        done_ns=done[order],
        status=np.zeros(count, np.int16),
        error=_joined([part.error for part in parts])[order].astype(np.int8),
        connection=np.arange(count, dtype=np.int32),
        start_ns=min(part.start_ns for part in parts),
        end_ns=end_ns,
        loop="closed",
        errors=ERRORS,
    )


def _joined(columns: list[list[int]]) -> NDArray[np.int64]:
    return np.array([value for column in columns for value in column], np.int64)
