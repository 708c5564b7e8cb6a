"""Runs that readers asked for: one measures at a time, the others wait; a form sent twice is one run."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hinterland.errors import InternalError, Packed, UsageError, unpacked
from hinterland.rig.processes.spawn import start_async

MOST_WAITING = 20
LAST_WORDS_BYTES = 4_000
KEPT_TICKETS = 500


class _Said(Struct, frozen=True):
    run: str = ""
    error: Packed | None = None


class Ticket:
    """A run that was asked for. `run` is its id once it has begun, `problem` what kept it from beginning."""

    def __init__(self, nonce: str, experiment: str, settings: tuple[str, ...]) -> None:
        self.nonce, self.experiment, self.settings = nonce, experiment, settings
        self.run = ""
        self.problem = ""
        self.ended = False
        self.stopped = False
        self.process: asyncio.subprocess.Process | None = None


class Runs:
    """The line of a store. `close` ends what is under way, in good order."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._tickets: dict[str, Ticket] = {}
        self._waiting: list[Ticket] = []
        self._worker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def ask(self, experiment: str, nonce: str, settings: tuple[str, ...] = ()) -> Ticket:
        """Returns the ticket of a run, the same for the same form. Raises UsageError where too many wait."""
        if nonce in self._tickets:
            return self._tickets[nonce]
        if len(self._waiting) >= MOST_WAITING:
            raise UsageError(f"{MOST_WAITING} runs wait already.", "Let some of them end, or stop them.")
        ticket = Ticket(nonce, experiment, settings)
        self._tickets[nonce] = ticket
        self._waiting.append(ticket)
        for old in list(self._tickets)[:-KEPT_TICKETS]:
            if self._tickets[old].ended:
                del self._tickets[old]
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        self._wake.set()
        return ticket

    def ticket(self, nonce: str) -> Ticket | None:
        return self._tickets.get(nonce)

    def before(self, ticket: Ticket) -> int:
        """Returns how many have to end before this one begins."""
        if ticket not in self._waiting:
            return 0
        return self._waiting.index(ticket) + sum(
            each.process is not None and not each.ended for each in self._tickets.values()
        )

    def of_run(self, run: str) -> Ticket | None:
        return next((each for each in self._tickets.values() if each.run == run), None)

    def stop(self, ticket: Ticket) -> None:
        """Ends a run in good order, or takes it out of the line; what there is stays."""
        ticket.stopped = True
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            ticket.ended, ticket.problem = True, "It was taken back before it began."
        elif ticket.process is not None and ticket.process.returncode is None:
            ticket.process.send_signal(signal.SIGINT)

    async def close(self) -> None:
        for ticket in list(self._tickets.values()):
            if not ticket.ended:
                self.stop(ticket)
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._carry_out(self._waiting.pop(0))

    async def _carry_out(self, ticket: Ticket) -> None:
        try:
            # A session of its own: Ctrl-C at the server's terminal is the server's to pass on.
            ticket.process = process = await start_async(
                [
                    *(sys.executable, "-m", "hinterland.web.running.work"),
                    *(ticket.experiment, str(self._store), *ticket.settings),
                ],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            assert process.stdout is not None
            assert process.stderr is not None
            last_words = asyncio.create_task(_end_of(process.stderr))
            async for line in process.stdout:
                self._heard(ticket, line)
            await process.wait()
            if not ticket.run and not ticket.problem:
                words = (await last_words).decode("utf-8", "replace").strip()
                ticket.problem = str(InternalError(f"the run ended before it began. {words}".strip()))
        except OSError as error:
            ticket.problem = f"the run could not be started: {error}"
        finally:
            ticket.ended = True

    def _heard(self, ticket: Ticket, line: bytes) -> None:
        try:
            said = msgspec.json.decode(line, type=_Said)
        except msgspec.MsgspecError:
            # An experiment that prints, or a line that a kill cut short: not the run's word.
            return
        ticket.run = said.run or ticket.run
        if said.error is not None:
            ticket.problem = str(unpacked(said.error, "the run"))


async def _end_of(stream: asyncio.StreamReader) -> bytes:
    words = b""
    while piece := await stream.read(4096):
        words = (words + piece)[-LAST_WORDS_BYTES:]
    return words


def as_settings(given: dict[str, Any]) -> tuple[str, ...]:
    """Returns the levels of a form as the command line has them: `rtt_ms=50,100`."""
    return tuple(f"{factor}={levels}" for factor, levels in given.items() if levels)
