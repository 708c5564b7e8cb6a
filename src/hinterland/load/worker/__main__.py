"""`python -m hinterland.load.worker`: one process of the generator, driven by frames over its pipes.

It ends when its standard input does: whoever started it is gone then. Ctrl-C is for its parent, which tells
it to stop.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import uvloop

from hinterland.errors import HinterlandError, InternalError, packed
from hinterland.load.engine import failures
from hinterland.load.requests import known_secrets
from hinterland.load.worker import messages as frames
from hinterland.load.worker import tether
from hinterland.load.worker.drive import Drive
from hinterland.load.worker.equipment import requests_of
from hinterland.load.worker.messages import (
    Broken,
    Counted,
    Frames,
    FromWorker,
    Go,
    Job,
    Ready,
    Stop,
    ToWorker,
)
from hinterland.model.secrecy import hidden


class Parent(asyncio.Protocol):
    """What the parent has said so far."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.job: asyncio.Future[Job] = loop.create_future()
        self.go: asyncio.Future[Go] = loop.create_future()
        self.stop: asyncio.Future[None] = loop.create_future()
        self._frames = Frames(ToWorker)

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if isinstance(frame, Job):
                self.job.set_result(frame)
            elif isinstance(frame, Go):
                self.go.set_result(frame)
            elif isinstance(frame, Stop) and not self.stop.done():
                self.stop.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        # Nobody is left to tell anything, and nothing of ours is left on disk but what was asked for.
        os._exit(1)


class Said(asyncio.Protocol):
    """`closed` is done when everything was said."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)


async def main() -> None:
    """Serves one load."""
    loop = asyncio.get_running_loop()
    _, parent = await loop.connect_read_pipe(Parent, sys.stdin)
    out, said = await loop.connect_write_pipe(Said, sys.stdout)
    # What a scenario prints must not come between the frames.
    sys.stdout = sys.stderr

    def say(frame: FromWorker) -> None:
        out.write(frames.encode(frame))

    try:
        await _serve(parent, say)
    except HinterlandError as error:
        say(Broken(packed(error)._replace(says=hidden(error.says))))
    out.close()
    await said.closed
    os._exit(0)


async def _serve(parent: Parent, say: Callable[[FromWorker], None]) -> None:
    job = await parent.job
    requests = requests_of(job.plan, processes=job.of)
    failures.hide(lru_cache(1)(lambda: known_secrets.of_plan(job.plan, requests.rows)))
    drive = Drive(job, requests, lambda part, last: say(Counted(part, last)))
    broken: list[HinterlandError] = []

    def failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, HinterlandError):
            broken.append(error)
            drive.stop()
        # A socket that broke has told its lane; anything else that nobody caught is a mistake of ours.
        elif isinstance(error, Exception) and not isinstance(error, OSError):
            broken.append(_bug(error))
            drive.stop()

    asyncio.get_running_loop().set_exception_handler(failed)
    parent.stop.add_done_callback(lambda _: drive.stop())
    await _unless(parent.stop, drive.open())
    say(Ready(requests.kinds))
    await _unless(parent.stop, parent.go)
    if parent.go.done():
        await drive.run(parent.go.result().start_ns)
        await drive.close(broken=bool(broken))
    if broken:
        raise broken[0]


def _bug(error: Exception) -> InternalError:
    text = "".join(traceback.format_exception(error))
    return InternalError(f"a process of the generator failed:\n{text}", "Report this as a bug.")


async def _unless(stop: asyncio.Future[None], what: Awaitable[object]) -> None:
    """Waits for `what`, or until the load is told to stop."""
    task = asyncio.ensure_future(what)
    both: set[asyncio.Future[Any]] = {task, stop}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    else:
        task.cancel()


if __name__ == "__main__":
    tether.tie()
    uvloop.run(main())
