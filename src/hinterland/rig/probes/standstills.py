"""When the machine stood still: moments at which a core ran nothing of ours, whoever took it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from hinterland.errors import InternalError
from hinterland.rig.processes.spawn import start_async

CANARY = str(Path(__file__).with_name("canary.py"))

Span = tuple[int, int]


class Standstills:
    """Watches cores while it is entered; `spans` are then the times at which one of them stood still, joined.

    A hypervisor's theft, a real-time program, a pause of the whole machine: what ran there waited, and no
    process can be asked. Its own cost is 1 % of a core for each that it watches. Spans are ns of
    CLOCK_MONOTONIC, in order; shorter ones than 6 ms are not told apart from ordinary waiting.
    """

    def __init__(self, cores: Iterable[int]) -> None:
        self.cores = sorted(cores)
        self.spans: list[Span] = []
        self._canary: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Standstills:
        words = [sys.executable, "-I", "-S", CANARY, *map(str, self.cores)]
        pipe = asyncio.subprocess.PIPE
        self._canary = await start_async(words, stdin=pipe, stdout=pipe, start_new_session=True)
        assert self._canary.stdout is not None
        line = await self._canary.stdout.readline()
        if line != b"ready\n":
            raise InternalError(f"the canary of cores {self.cores} did not start ({line!r}).")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._canary is not None
        out, _ = await self._canary.communicate(b"")
        if error is None:
            self.spans = joined((begin, end) for begin, end in json.loads(out))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Returns spans in order, those that touch as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found
