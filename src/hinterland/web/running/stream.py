"""The events of a run for a page: lines of its record as they are written, each with its place in the file.

A page that lost its connection says the last place that it knows (`Last-Event-ID`) and goes on from there:
a finished run is replayed by the same code that follows one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from hinterland.model.run import (
    BlockStarted,
    ClaimJudged,
    GustWaited,
    RunEvent,
    RunFinished,
    TrialFinished,
    TrialNoted,
    TrialStarted,
)
from hinterland.runner.record.folder import RunFolder, settled

LOOK_S = 0.1
MOST_AT_ONCE = 1 << 20
LIFE_S = 2.0
"""So often a run that writes nothing is looked at: whether its process is still there."""
QUIET_S = 15.0
"""So long without a word, and a comment is sent: a proxy or a browser may think that nobody is there."""
_decoder = msgspec.json.Decoder(RunEvent)


async def followed(folder: RunFolder, offset: int, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    """Yields the events from a place in the record on, as server-sent events, until the run has ended or the
    server ends. The place of an event is where the next one begins."""
    path = folder.path / "events.jsonl"
    silent_s = looked_s = 0.0
    while not stopping.is_set():
        lines, offset = _lines(path, offset)
        for place, line in lines:
            event = _slim(line)
            if event is not None:
                yield _framed(event, place)
            if event is not None and event["kind"] == "finished":
                return
        if lines:
            silent_s = looked_s = 0.0
            continue
        if looked_s >= LIFE_S:
            looked_s = 0.0
            if settled(folder.info()).status != "running":
                # Killed, or out of disk: nobody will write any more.
                yield _framed({"kind": "finished", "status": "interrupted"}, offset)
                return
        if silent_s >= QUIET_S:
            silent_s = 0.0
            yield b": still here\n\n"
        silent_s += LOOK_S
        looked_s += LOOK_S
        await _pause(stopping)
    yield b"event: bye\ndata: {}\n\n"


def _lines(path: Path, offset: int) -> tuple[list[tuple[int, bytes]], int]:
    """Returns the whole lines behind a place, each with the place behind it."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            text = file.read(MOST_AT_ONCE)
    except OSError:
        return [], offset
    found = []
    for line in text.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        offset += len(line)
        found.append((offset, line))
    return found, offset


def _slim(line: bytes) -> dict[str, Any] | None:
    """Returns what a page needs of an event, 100 bytes of up to 30 KB; None for what it does not show."""
    try:
        event = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    match event:
        case BlockStarted():
            return {"kind": "block", "block": event.block}
        case TrialStarted():
            return {"kind": "trial"}
        case TrialNoted():
            return {"kind": "note", "says": noted(event)}
        case GustWaited():
            return {"kind": "note", "says": "Other programs are busy: waiting for them, for a moment."}
        case TrialFinished():
            return {"kind": "trial", "status": event.result.status}
        case ClaimJudged():
            return {"kind": "claim", "claim": event.verdict.claim, "word": event.verdict.verdict}
        case RunFinished():
            return {"kind": "finished", "status": event.status}
    return None


def noted(event: TrialNoted) -> str:
    """Returns what happened in a trial, in a line: `b001-t03: payments is killed`."""
    words = " ".join(part for part in (event.target, event.stage, event.name) if part).replace("_", " ")
    return f"{event.trial}: {words}"


def _framed(event: dict[str, Any], place: int) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (place, msgspec.json.encode(event))


async def _pause(stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            await stopping.wait()
    except TimeoutError:
        return
