"""A server that counts, and a load of processes of their own against it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from misbehaving import HELLO, served

from hinterland.load.conductor.run import run_load
from hinterland.load.plan.plan import Arrivals, LoadPlan, Target
from hinterland.load.result.result import LoadResult
from hinterland.statistics.histogram import Histogram


def plan(port: int, **options: Any) -> LoadPlan:
    url = f"http://127.0.0.1:{port}/"
    target = Target(url=url, protocol="http1", host="127.0.0.1", port=port)
    settings: dict[str, Any] = {
        "duration_s": 0.4,
        "connections": 4,
        "timeout_s": 30.0,
        "scheduler": "timerfd",
    }
    if options.get("model") != "closed":
        settings["arrivals"] = Arrivals(rate_per_s=500)
    return LoadPlan(target=target, **{**settings, **options})


def at(rate_per_s: float) -> Arrivals:
    return Arrivals(rate_per_s=rate_per_s)


def drive(scenario: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(scenario(), 60)

    return uvloop.run(bounded())


class Counting:
    """A server that answers everything and counts it; `peers` are the addresses that it came from."""

    def __init__(self, answer: bytes = HELLO, close: bool = False) -> None:
        self.requests = 0
        self.paths: list[bytes] = []
        self.peers: Counter[str] = Counter()
        self._answer, self._close = answer, close
        self._more = asyncio.Condition()

    async def has(self, requests: int) -> None:
        """Returns when so many requests have come."""
        async with self._more:
            await self._more.wait_for(lambda: self.requests >= requests)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers[writer.get_extra_info("peername")[0]] += 1
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            async with self._more:
                self.requests += 1
                self._more.notify_all()
            self.paths.append(head.split()[1])
            writer.write(self._answer)
            if self._close:
                return


def against(server: Any, operations: Path | None = None, **options: Any) -> LoadResult:
    async def scenario() -> LoadResult:
        async with served(server) as port:
            return await run_load(plan(port, **options), operations=operations)

    result: LoadResult = drive(scenario)
    told_one_story(result)
    return result


def told_one_story(result: LoadResult) -> None:
    """Every operation has one end, everywhere it is counted."""
    assert result.answered + sum(result.errors.values()) == result.operations
    response, service = (Histogram.from_counts(each) for each in (result.response, result.service))
    assert response.values == service.values == result.answered
    assert response.missing == service.missing == result.operations - result.answered
    assert sum(second.due for second in result.seconds) >= result.operations
    assert sum(kind.operations for kind in result.kinds) == result.operations
    if result.answered:
        assert response.max() >= service.max()
