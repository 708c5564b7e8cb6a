"""What a reader said: predictions, how sure, and why. Lines of JSON beside the runs, each appended whole."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from hinterland.model.experiment import Level
from hinterland.store import explained

FILE = "notebook.jsonl"
LONGEST_TEXT = 2_000


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was said of an experiment, at `t_s` (Unix seconds).

    predicted: `option` of a choice, to which `sure` gives a probability, or a `number`; and `marks` on the
    rows of the first chart. Numbers and marks are right `within` a factor 8 times in 10, says the reader.
    Asked again, it was at other `levels` than the usual ones. skipped: the reader wants to see without
    predicting. why: a line of `text`. note, analogy: the text that stands beside the place from now on; an
    empty one takes it away. met: what elsewhere the run `run` came to (`marks`), of the prediction of `of_s`.
    """

    t_s: float
    experiment: str
    kind: Literal["predicted", "skipped", "why", "note", "analogy", "met"]
    option: str = ""
    marks: dict[str, float] = {}
    number: float | None = None
    within: float = 0.0
    sure: float = 0.0
    text: str = ""
    levels: dict[str, Level] = {}
    run: str = ""
    of_s: float = 0.0


class Notebook:
    """A reader's own file in a store. Each call reads what others appended since the last."""

    def __init__(self, store: Path) -> None:
        self._store, self._path = store, store / FILE
        self._read = 0
        self._entries: list[Entry] = []
        self._decoder = msgspec.json.Decoder(Entry)

    def add(self, *entries: Entry) -> None:
        """Appends entries: all of them or, where the disk is full, nothing. Raises SetupError."""
        line = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        with explained(self._store):
            self._store.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                end = os.fstat(file).st_size
                if os.write(file, line) != len(line):
                    os.ftruncate(file, end)
                    raise OSError(28, "No space left on device")
                os.fsync(file)
            finally:
                os.close(file)

    def entries(self) -> list[Entry]:
        """Returns all that was said, the oldest first. A line that a crash cut short is left out.

        What came from elsewhere stands where it belongs in time, whenever it came.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return self._entries
        whole = new.rfind(b"\n") + 1
        self._read += whole
        for line in new[:whole].splitlines():
            try:
                self._entries.append(self._decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
        if whole:
            self._entries.sort(key=lambda entry: entry.t_s)
        return self._entries

    def latest(self, experiment: str, kind: str = "predicted", *, before_s: float = math.inf) -> Entry | None:
        """Returns the last entry of a kind on an experiment that was made before a moment (Unix seconds)."""
        mine = (each for each in reversed(self.entries()) if each.experiment == experiment)
        found = (each for each in mine if each.t_s <= before_s)
        return next((each for each in found if each.kind == kind), None)

    def is_open(self, experiment: str) -> bool:
        """Whether the reader has predicted, or chose to go without: then nothing is kept back any more."""
        return any(
            each.experiment == experiment and each.kind in ("predicted", "skipped") for each in self.entries()
        )
