"""The runs of a store as pages list them: each is read once, and again only while it goes on."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from hinterland.errors import UsageError
from hinterland.model.run import RunInfo
from hinterland.model.verdict import Verdict, VerdictWord
from hinterland.runner.record.folder import RunFolder, settled
from hinterland.runner.record.imported import imported
from hinterland.store import RUN

WORST: tuple[VerdictWord, ...] = ("refuted", "inconclusive", "holds")


class Shelved(Struct, frozen=True):
    """A run in a list. `words`: what its main claims came to, by claim; empty before it is judged.

    usual: at the levels that the manifest asks for, and not at others for which somebody asked.
    origin: the file that it was taken in from; None for one that ran here.
    """

    id: str
    experiment: str
    title: str
    status: str
    started_at: float
    words: dict[str, VerdictWord]
    usual: bool = True
    origin: str | None = None

    @property
    def word(self) -> VerdictWord | None:
        """What it comes to as a whole: the worst of its main claims."""
        return next((word for word in WORST if word in self.words.values()), None)


class Shelf:
    """All runs of a store. Who asks gets what stands there now."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._kept: dict[str, Shelved] = {}

    def runs(self) -> list[Shelved]:
        """Returns the runs that ran here, the newest first: others are nobody's own verdict."""
        return [run for run in self.everything() if run.origin is None]

    def everything(self) -> list[Shelved]:
        """Returns the runs, also those that were taken in from elsewhere, the newest first.

        Folders that hold no readable run are passed over. What has ended does not change any more, and is not
        looked at again.
        """
        found = {}
        try:
            names = [entry.name for entry in os.scandir(self.store) if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        for name in names:
            kept = self._kept.get(name)
            shelved = kept if kept is not None and kept.status != "running" else self._read(name)
            if shelved is not None:
                found[name] = shelved
        self._kept = found
        return sorted(found.values(), key=lambda run: run.started_at, reverse=True)

    def latest(self) -> dict[str, Shelved]:
        """Returns the newest run that came to something, by experiment: a usual one where there is one.

        At other levels some claims can't be judged: what holds must not look open because it was asked again.
        """
        found: dict[str, Shelved] = {}
        for run in sorted(self.runs(), key=lambda run: not run.usual):
            if run.word is not None and run.status != "running":
                found.setdefault(run.experiment, run)
        return found

    def _read(self, name: str) -> Shelved | None:
        path = self.store / name / RUN
        try:
            info = settled(msgspec.json.decode(path.read_bytes(), type=RunInfo))
        except (OSError, msgspec.MsgspecError, UsageError):
            return None
        origin = imported(path.parent)
        return Shelved(
            name,
            info.experiment.id,
            info.experiment.title,
            info.status,
            info.started_at,
            _words(path.parent),
            not info.set,
            origin=origin.file if origin is not None else None,
        )


def _words(folder: Path) -> dict[str, VerdictWord]:
    try:
        found = msgspec.json.decode((folder / "verdicts.json").read_bytes(), type=tuple[Verdict, ...])
    except (OSError, msgspec.MsgspecError):
        return {}
    main = [verdict for verdict in found if verdict.main] or list(found)
    return {verdict.claim: verdict.verdict for verdict in main}


def folder_of(store: Path, name: str) -> RunFolder | None:
    """Returns the folder of a run by its whole name, which comes from outside; None where there is none."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        return None
    folder = store / name
    return RunFolder(folder) if (folder / RUN).is_file() else None
