"""A process that carries a part of a load for another one: lines of JSON over its pipes, both ways.

One process opens only so many files and reads only so many answers a second. The part is a module with a
function that hears what it is to do and says what came of it; `run` is its last line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import uvloop

from hinterland.errors import HinterlandError, InternalError, Packed, packed, unpacked
from hinterland.load.worker.tether import tie
from hinterland.rig.processes.spawn import start_async

T = TypeVar("T")
LONGEST_LINE_BYTES = 1 << 28
LAST_WORDS_BYTES = 4000


class Answer(msgspec.Struct, frozen=True):
    """A line of the process: what it says, or the error of `hinterland.errors` that ended it."""

    says: msgspec.Raw = msgspec.Raw(b"null")
    broken: Packed | None = None


class Companion:
    """A process that was started; `end` kills it. It ends by itself when this one does."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self._module, self._process = module, process
        self._last_words = b""
        self._listening = asyncio.create_task(self._read_last_words())

    @classmethod
    async def start(cls, module: str) -> Companion:
        """Starts `python -m module`. It may be told something at once, before it has begun to listen."""
        pipe = asyncio.subprocess.PIPE
        process = await start_async(
            [sys.executable, "-m", module],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            limit=LONGEST_LINE_BYTES,
            # Ctrl-C goes to the processes of a terminal's foreground group: not to these.
            start_new_session=True,
        )
        return cls(module, process)

    def say(self, what: Any) -> None:
        """Tells it something; that it is gone is noticed by `hear`."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(msgspec.json.encode(what) + b"\n")

    async def hear(self, kind: type[T]) -> T:
        """Returns the next that it says. Raises the error that ended it."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            status = await self._process.wait()
            await self._listening
            words = self._last_words.decode("utf-8", "replace").strip()
            raise InternalError(
                f"{self._module} ended by itself (status {status}).{words and chr(10)}{words}",
                "Report this as a bug, unless something killed it (out of memory?).",
            )
        answer = msgspec.json.decode(line, type=Answer)
        if answer.broken is not None:
            raise unpacked(answer.broken, self._module)
        return msgspec.json.decode(answer.says, type=kind)

    async def end(self) -> None:
        """Kills it if it still runs, and waits for it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _read_last_words(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        while data := await stream.read(1 << 12):
            self._last_words = (self._last_words + data)[-LAST_WORDS_BYTES:]


class Parent:
    """Who started this process: what it tells, and what it is told."""

    def __init__(self, told: asyncio.StreamReader) -> None:
        self._told = told
        self._out = sys.stdout.buffer
        # What is printed must not come between the lines.
        sys.stdout = sys.stderr

    async def hear(self, kind: type[T]) -> T:
        """Returns the next that it tells; ends this process when nothing more will come."""
        line = await self._told.readline()
        if not line:
            os._exit(0)
        return msgspec.json.decode(line, type=kind)

    def say(self, what: Any) -> None:
        self._line(Answer(says=msgspec.Raw(msgspec.json.encode(what))))

    def fail(self, error: HinterlandError) -> None:
        self._line(Answer(broken=packed(error)))

    def _line(self, answer: Answer) -> None:
        self._out.write(msgspec.json.encode(answer) + b"\n")
        self._out.flush()


def run(serve: Callable[[Parent], Awaitable[None]]) -> None:
    """Serves the parent, and ends with it. An error of Hinterland's goes to the parent."""
    tie()
    uvloop.run(_serve(serve))


async def _serve(serve: Callable[[Parent], Awaitable[None]]) -> None:
    told = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    parent = Parent(told)
    try:
        await serve(parent)
    except HinterlandError as error:
        parent.fail(error)
