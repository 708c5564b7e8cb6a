"""Faults, each confirmed: what was asked for, when it had its effect, and when it ended.

A fault records an event with stage `start` when it is asked for and one with stage `effect` once /proc
shows it. When that does not come in time there is no `effect`, and whoever judges the trial sees it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable

from hinterland.errors import UsageError
from hinterland.model.history import Event
from hinterland.rig.process import Process
from hinterland.rig.processes.process_table import Entry, same

CONFIRM_S = 5.0
STOPPED = frozenset("Tt")


async def kill(process: Process, timeout_s: float = CONFIRM_S, *, only: int | None = None) -> bool:
    """Sends SIGKILL to the whole tree of `process`. Returns True once all of it is gone from /proc.

    `only`: to that process of its tree alone, such as one worker of a server.
    """
    _must_run(process, "kill")
    if only is not None:
        return await _kill_one(process, only, timeout_s)
    process.asked_to_end = True
    # Looked at before the kill: what it leaves behind may no longer be told from strangers.
    process.members()
    _note(process, "kill", "start")
    killed = {each.pid for each in process.signal(signal.SIGKILL)}

    def gone() -> bool:
        # A process that was born during the first round is met here.
        killed.update(each.pid for each in process.signal(signal.SIGKILL))
        return not process.remaining() and process.returncode is not None

    return await _confirm(process, "kill", "effect", gone, timeout_s, processes=lambda: len(killed))


async def _kill_one(process: Process, pid: int, timeout_s: float) -> bool:
    [chosen] = _chosen(process, pid)
    _note(process, "kill", "start", pid=pid)
    os.kill(pid, signal.SIGKILL)

    def gone() -> bool:
        now = same(chosen)
        return now is None or now.ended

    return await _confirm(process, "kill", "effect", gone, timeout_s, pid=lambda: pid)


async def terminate(process: Process, timeout_s: float = CONFIRM_S) -> bool:
    """Sends the signal that ends `process` in good order, to its first process alone, as a service manager
    does.

    Returns True once its whole tree is gone.
    """
    _must_run(process, "terminate")
    process.asked_to_end = True
    process.members()
    _note(process, "terminate", "start")
    os.kill(process.pid, process.stop_number)

    def gone() -> bool:
        return not process.remaining() and process.returncode is not None

    return await _confirm(process, "terminate", "effect", gone, timeout_s)


async def pause(process: Process, timeout_s: float = CONFIRM_S, *, only: int | None = None) -> bool:
    """Sends SIGSTOP to the whole tree of `process`. Returns True once every process of it has stopped.

    `only`: to that process of its tree alone, such as one worker of a server.
    """
    _must_run(process, "pause")
    if only is not None:
        return await _pause_one(process, only, timeout_s)
    _note(process, "pause", "start")

    def stopped() -> bool:
        # Sent each time: a process may have been forked between the look and the signal.
        process.signal(signal.SIGSTOP)
        return all(each.state in STOPPED for each in _living(process))

    return await _confirm(process, "pause", "effect", stopped, timeout_s)


async def _pause_one(process: Process, pid: int, timeout_s: float) -> bool:
    _chosen(process, pid)
    _note(process, "pause", "start", pid=pid)
    os.kill(pid, signal.SIGSTOP)

    def stopped() -> bool:
        return all(each.state in STOPPED for each in _chosen(process, pid))

    return await _confirm(process, "pause", "effect", stopped, timeout_s, pid=lambda: pid)


async def resume(process: Process, timeout_s: float = CONFIRM_S) -> bool:
    """Ends a pause with SIGCONT. Returns True once no process of the tree is stopped."""
    _must_run(process, "resume")

    def runs() -> bool:
        process.signal(signal.SIGCONT)
        return not any(each.state in STOPPED for each in _living(process))

    return await _confirm(process, "pause", "end", runs, timeout_s)


def _living(process: Process) -> list[Entry]:
    return [each for each in process.members() if not each.ended]


def _chosen(process: Process, pid: int) -> list[Entry]:
    """Returns the one living process `pid` of the tree. Raises UsageError when it is not in it."""
    found = [each for each in _living(process) if each.pid == pid]
    if not found:
        raise UsageError(
            f"{process.name}: no living process {pid} is in its tree.",
            "A fault of one process needs the number of one that runs.",
        )
    return found


def _must_run(process: Process, verb: str) -> None:
    process.collect()
    if not process.alive:
        raise UsageError(
            f"{verb} {process.name}: it ended before, with status {process.returncode}.",
            "A fault needs a running process: start it again first.",
        )


def _note(process: Process, verb: str, stage: str, **detail: object) -> None:
    process.record(
        Event(time.monotonic_ns(), "fault", verb, target=process.name, stage=stage, detail=dict(detail))
    )


async def _confirm(
    process: Process,
    verb: str,
    stage: str,
    happened: Callable[[], bool],
    timeout_s: float,
    **detail: Callable[[], object],
) -> bool:
    """Looks until `happened` or the time is over; records the event of `stage` only when it did."""
    end_s = time.monotonic() + timeout_s
    pause_s = 0.0002
    while not happened():
        if time.monotonic() > end_s:
            return False
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.01)
    _note(process, verb, stage, **{name: value() for name, value in detail.items()})
    return True


class Faults:
    """The faults as verbs of a rig; the functions of this module say what each of them does."""

    async def kill(self, process: Process, *, only: int | None = None) -> bool:
        return await kill(process, only=only)

    async def terminate(self, process: Process) -> bool:
        return await terminate(process)

    async def pause(self, process: Process, *, only: int | None = None) -> bool:
        return await pause(process, only=only)

    async def resume(self, process: Process) -> bool:
        return await resume(process)
