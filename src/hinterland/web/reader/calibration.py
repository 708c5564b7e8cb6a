"""How sure a reader was, and how often that was right: hits and misses in the order they were met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hinterland.model.experiment import Experiment
from hinterland.model.run import RunRecord
from hinterland.statistics.proportions import exact_bounds
from hinterland.web.reader import marks
from hinterland.web.reader.notebook import Entry
from hinterland.web.reader.shelf import Shelf, Shelved, folder_of

OF_MARKS = 0.8
"""What a reader says of the factor: 8 times in 10 within it."""
LATER = 20


@dataclass(frozen=True)
class Met:
    """Something that was predicted and then measured: how sure the reader was, and whether it came so."""

    experiment: str
    what: str
    said: float
    hit: bool


def met(entry: Entry, experiment: Experiment, measured: dict[str, float]) -> list[Met]:
    """Returns what a prediction came to: its choice, and each of its marks whose row was measured."""
    found = []
    if entry.option and experiment.prediction.correct:
        right = entry.option == experiment.prediction.correct
        found.append(Met(experiment.id, entry.option, entry.sure, right))
    for key, mark in entry.marks.items():
        value = measured.get(key)
        if value is None:
            continue
        if mark <= 0 or value <= 0:
            # A factor says nothing of zero: only zero itself meets it.
            found.append(Met(experiment.id, key, OF_MARKS, mark == value))
        else:
            found.append(Met(experiment.id, key, OF_MARKS, max(mark / value, value / mark) <= entry.within))
    return found


class Calibration:
    """What has been met so far; each run is read once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._measured: dict[str, dict[str, float]] = {}

    def all(self, entries: Iterable[Entry], experiments: dict[str, Experiment]) -> list[Met]:
        """Returns hits and misses: each prediction meets the first run that ended after it."""
        runs = sorted(self._shelf.runs(), key=lambda run: run.started_at)
        found = []
        for entry in entries:
            it = experiments.get(entry.experiment)
            if entry.kind != "predicted" or it is None:
                continue
            run = next((each for each in runs if _answers(each, entry)), None)
            if run is not None:
                found.extend(met(entry, it, self._of(run)))
        return found

    def _of(self, run: Shelved) -> dict[str, float]:
        if run.id not in self._measured:
            folder = folder_of(self._shelf.store, run.id)
            record: RunRecord | None = folder.record() if folder is not None else None
            usable = record is not None and bool(record.info.experiment.chart)
            self._measured[run.id] = marks.measured(record) if usable and record is not None else {}
        return self._measured[run.id]


def _answers(run: Shelved, entry: Entry) -> bool:
    return run.experiment == entry.experiment and run.started_at > entry.t_s and run.status == "finished"


def _meaning(said: float, low: float, high: float) -> str:
    """Returns what so many hits tell: the share in the long run may lie in the interval, 19 times in 20."""
    if low <= said <= high:
        return f"So few tell little: it could be anything from {low:.0%} to {high:.0%} in the long run."
    verdict = "you could be surer" if said < low else "you were too sure"
    return f"In the long run that is {low:.0%} to {high:.0%}: {verdict}."


def told(found: list[Met]) -> list[str]:
    """Returns sentences: what was said, what came of it, and whether it gets better."""
    says = []
    for said in sorted({each.said for each in found}):
        hits = [each.hit for each in found if each.said == said]
        low, high = exact_bounds(sum(hits), len(hits))
        says.append(
            f"Where you were {said:.0%} sure, you were right {sum(hits)} times of {len(hits)}: "
            f"{sum(hits) / len(hits):.0%}. {_meaning(said, low, high)}"
        )
    if len(found) >= 2 * LATER:
        before, lately = found[-2 * LATER : -LATER], found[-LATER:]
        says.append(
            f"Of the last {LATER} you met {sum(each.hit for each in lately)}, of the {LATER} before "
            f"{sum(each.hit for each in before)}."
        )
    return says
