"""The run folder: what a run leaves on disk, readable at every moment.

run.json            what was asked, the machine, status (written whole, then renamed into place)
events.jsonl        everything that happened, one JSON object a line, flushed as it happens
histories/ID.json   a trial's events and readings; written last, so that its presence means "complete"
operations/ID.parquet, operations/ID.NAME.parquet   its operations and its loads
packets/ID.LINK.parquet, packets/ID/LINK.pcap       what a link carried, where that was asked for
verdicts.json       the verdicts, once judged
report.html         the report
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hinterland.errors import UsageError
from hinterland.model.run import (
    ClaimJudged,
    RunEvent,
    RunFinished,
    RunInfo,
    RunRecord,
    TrialFinished,
)
from hinterland.model.verdict import Verdict
from hinterland.store import RUN, explained, find_folder, replace_file

T = TypeVar("T")
_event_decoder = msgspec.json.Decoder(RunEvent)


class RunFolder:
    """One run's folder, opened for writing by the run that owns it or for reading by anyone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._events: int | None = None

    @classmethod
    def create(cls, store: Path, experiment_id: str) -> RunFolder:
        """Makes a new folder in the store. Raises SetupError when the store can't be written."""
        moment = time.strftime("%Y%m%dT%H%M%S")
        name = f"{moment}-{experiment_id.replace('/', '-')}-{secrets.token_hex(2)}"
        folder = cls(store / name)
        with explained(store):
            for part in ("histories", "operations"):
                (folder.path / part).mkdir(parents=True)
        return folder

    @property
    def id(self) -> str:
        return self.path.name

    def append(self, event: RunEvent) -> None:
        """Appends one event, handed to the kernel before this returns: the whole line or nothing of it."""
        with explained(self.path):
            if self._events is None:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._events = os.open(self.path / "events.jsonl", flags, 0o644)
            line = memoryview(msgspec.json.encode(event) + b"\n")
            end = os.fstat(self._events).st_size
            try:
                while line:
                    line = line[os.write(self._events, line) :]
            except OSError:
                # Or the next event that finds room would stand on the same line.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._events, end)
                raise

    def close(self) -> None:
        if self._events is not None:
            os.close(self._events)
            self._events = None

    def write(self, name: str, value: Any) -> None:
        """Writes one JSON file whole: readers see the old content or the new, never a part."""
        self.write_bytes(name, msgspec.json.format(msgspec.json.encode(value), indent=1))

    def write_bytes(self, name: str, content: bytes) -> None:
        with explained(self.path):
            replace_file(self.path / name, content)

    def info(self) -> RunInfo:
        return _decode(self.path / "run.json", RunInfo)

    def events(self) -> Iterator[RunEvent]:
        """Yields the events on disk; a last line cut short by a crash is left out."""
        try:
            content = (self.path / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(content.split(b"\n")[:-1], start=1):
            try:
                yield _event_decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise damaged(self.path, f"events.jsonl, line {number}: {error}") from error

    def written(self) -> int:
        """Returns how many bytes of events are on disk: the place of the next one."""
        try:
            return (self.path / "events.jsonl").stat().st_size
        except FileNotFoundError:
            return 0

    def record(self) -> RunRecord:
        """Returns the whole record, finished or not. Raises UsageError when it is none or is damaged."""
        info = self.info()
        events = tuple(self.events())
        if info.status == "finished" and not any(isinstance(event, RunFinished) for event in events):
            raise damaged(self.path, "the end of events.jsonl is missing")
        trials = tuple(event.result for event in events if isinstance(event, TrialFinished))
        return RunRecord(
            info=settled(info),
            trials=trials,
            verdicts=self._verdicts(events),
            events=events,
            folder=str(self.path),
        )

    def _verdicts(self, events: tuple[RunEvent, ...]) -> tuple[Verdict, ...]:
        path = self.path / "verdicts.json"
        if path.exists():
            return _decode(path, tuple[Verdict, ...])
        latest = {event.verdict.claim: event.verdict for event in events if isinstance(event, ClaimJudged)}
        return tuple(latest.values())


def settled(info: RunInfo) -> RunInfo:
    """Returns the info with status `interrupted` when its process is gone and never said how it ended."""
    if info.status != "running" or _alive(info.pid):
        return info
    return msgspec.structs.replace(
        info,
        status="interrupted",
        cause="Hinterland was killed, or could write no more, before the run ended",
    )


def list_runs(store: Path) -> list[RunInfo]:
    """Returns the runs in a store, newest first; folders that hold no readable run are passed over."""
    runs = []
    for path in store.glob("*/run.json"):
        try:
            runs.append(settled(_decode(path, RunInfo)))
        except UsageError:
            continue
    return sorted(runs, key=lambda info: info.started_at, reverse=True)


def find(store: Path, name: str) -> RunFolder:
    """Returns the run of an experiment that a person means; see `find_folder`."""
    return RunFolder(find_folder(store, name, (RUN,)))


def load(store: Path, name: str) -> RunRecord:
    """Returns the record of the run a person means; see `find`."""
    return find(store, name).record()


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise UsageError(
            f"{path.parent} holds no {path.name}: it is not a run.", "See: hinterland runs"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or error
        raise UsageError(f"{path} can't be read: {why}.", "See: hinterland runs") from error


def damaged(folder: Path, what: str) -> UsageError:
    """Returns the error for a record whose files are not as a run left them."""
    return UsageError(
        f"The record {folder} is damaged: {what}.",
        "Restore it from a copy, or run the experiment again.  See: hinterland runs",
    )


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
