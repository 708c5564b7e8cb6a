"""How sure a reader was, and how often that was right: hits and misses in the order they were met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hinterland.errors import UsageError
from hinterland.model.experiment import Experiment
from hinterland.model.run import RunRecord
from hinterland.report.answer import Answered
from hinterland.statistics.proportions import exact_bounds
from hinterland.web.reader import marks
from hinterland.web.reader.answers import answered
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


def met(
    entry: Entry, experiment: Experiment, measured: dict[str, float], answered: Answered | None = None
) -> list[Met]:
    """Returns what a prediction came to: its choice or number, as far as the run can judge it, and each of
    its marks whose row was measured."""
    found = []
    if answered is not None and answered.hit is not None:
        sure = entry.sure if entry.option else OF_MARKS
        found.append(Met(experiment.id, entry.option or "the number", sure, answered.hit))
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
    """What has been met so far; each run is read once for a prediction."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._met: dict[tuple[str, float], list[Met]] = {}

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
                found.extend(self._of(run, entry, it))
        return found

    def _of(self, run: Shelved, entry: Entry, it: Experiment) -> list[Met]:
        key = (run.id, entry.t_s)
        if key not in self._met:
            record = self._record(run)
            if record is None:
                return []
            measured = marks.measured(record) if record.info.experiment.chart else {}
            self._met[key] = met(entry, it, measured, answered(entry, record, it.prediction))
        return self._met[key]

    def _record(self, run: Shelved) -> RunRecord | None:
        """Returns a run's record; None where it was taken away or damaged since, and so says nothing."""
        folder = folder_of(self._shelf.store, run.id)
        try:
            return folder.record() if folder is not None else None
        except UsageError:
            return None


def _answers(run: Shelved, entry: Entry) -> bool:
    return run.experiment == entry.experiment and run.started_at > entry.t_s and run.status == "finished"


def told(found: list[Met]) -> list[str]:
    """Returns sentences: what was said, what came of it, and whether it gets better."""
    says = []
    for said in sorted({each.said for each in found}):
        hits = [each.hit for each in found if each.said == said]
        low, high = exact_bounds(sum(hits), len(hits))
        says.append(
            f"Where you were {said:.0%} sure, you were right {sum(hits)} times of {len(hits)}: "
            f"{sum(hits) / len(hits):.0%}, {low:.0%} to {high:.0%} by chance alone."
        )
    if len(found) >= 2 * LATER:
        before, lately = found[-2 * LATER : -LATER], found[-LATER:]
        says.append(
            f"Of the last {LATER} you met {sum(each.hit for each in lately)}, of the {LATER} before "
            f"{sum(each.hit for each in before)}."
        )
    return says
