"""How sure a reader was, and how often that was right: hits and misses in the order they were met."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from hinterland.errors import HinterlandError
from hinterland.model.experiment import REGIONS, Experiment
from hinterland.model.run import RunInfo
from hinterland.report.answer import Judged
from hinterland.runner.record.folder import RunFolder
from hinterland.statistics.proportions import exact_bounds
from hinterland.web.reader import again, marks
from hinterland.web.reader.answers import judged
from hinterland.web.reader.notebook import Entry
from hinterland.web.reader.shelf import Shelf, Shelved

OF_MARKS = 0.8
"""What a reader says of the factor: 8 times in 10 within it."""
LATER, FEW = 20, 5
LATEST_S = 4e9
"""A clock that said more than this, in 2096, was wrong."""


@dataclass(frozen=True)
class Met:
    """Something that was predicted and then measured: how sure the reader was, and whether it came so."""

    experiment: str
    what: str
    said: float
    hit: bool
    at_s: float = 0.0

    @property
    def region(self) -> str:
        return self.experiment.partition("/")[0]


@dataclass(frozen=True)
class Answered:
    """A prediction and the run that answered it, begun at `at_s`.

    measured: the medians of the first chart's rows. judged: what became of its option or number, None where
    it has none, and where the answer came from another machine.
    """

    entry: Entry
    run: str
    at_s: float
    measured: Mapping[str, float]
    judged: Judged | None = None


def met(answered: Answered, experiment: Experiment) -> list[Met]:
    """Returns what a prediction came to: its choice or number, as far as the run can judge it, and each of
    its marks whose row was measured."""
    entry, measured, at_s = answered.entry, answered.measured, answered.at_s
    found = []
    hit = right(answered, experiment)
    if hit is not None:
        sure = entry.sure if entry.option else OF_MARKS
        found.append(Met(experiment.id, entry.option or "the number", sure, hit, at_s))
    for key, mark in entry.marks.items():
        value = measured.get(key)
        if value is None:
            continue
        if mark <= 0 or value <= 0:
            # A factor says nothing of zero: only zero itself meets it.
            found.append(Met(experiment.id, key, OF_MARKS, mark == value, at_s))
        else:
            hit = max(mark / value, value / mark) <= entry.within
            found.append(Met(experiment.id, key, OF_MARKS, hit, at_s))
    return found


def right(answered: Answered, experiment: Experiment) -> bool | None:
    """Returns whether the option or number was right; None without one, and where nobody can be judged.

    Of a run elsewhere the book judges a choice.
    """
    if answered.judged is not None:
        return answered.judged.hit
    if answered.entry.option and experiment.prediction.correct:
        return answered.entry.option == experiment.prediction.correct
    return None


def sane(at_s: float) -> float:
    """Returns a moment that a calendar has: a record may come from a machine whose clock was wrong."""
    return min(max(at_s, 0.0), LATEST_S)


class Calibration:
    """What has been met so far; each run is read once for a prediction."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._infos: dict[str, RunInfo] = {}
        self._answered: dict[tuple[str, float], Answered | None] = {}
        self._asked: dict[tuple[float, str], bool] = {}

    def all(self, entries: Iterable[Entry], experiments: Mapping[str, Experiment]) -> list[Met]:
        """Returns hits and misses, in the order in which they were met."""
        return [
            each
            for one in self.answered(entries, experiments)
            for each in met(one, experiments[one.entry.experiment])
        ]

    def answered(self, entries: Iterable[Entry], experiments: Mapping[str, Experiment]) -> list[Answered]:
        """Returns the predictions that were answered: each by the first run after it that does what it
        speaks of, else by what came from elsewhere. Of several before one run the last counts.
        """
        entries = list(entries)
        runs: dict[str, list[Shelved]] = {}
        for run in sorted(self._shelf.runs(), key=lambda run: run.started_at):
            if run.status == "finished":
                runs.setdefault(run.experiment, []).append(run)
        elsewhere = {(each.experiment, each.of_s): each for each in entries if each.kind == "met"}
        found: dict[tuple[str, str], Answered] = {}
        for entry in entries:
            it = experiments.get(entry.experiment)
            if entry.kind != "predicted" or it is None:
                continue
            mine = (run for run in runs.get(it.id, ()) if run.started_at > entry.t_s)
            sound = (self._of(run, entry, it) for run in mine if self._answers(run, entry, it))
            first = next((each for each in sound if each is not None), None)
            other = elsewhere.get((entry.experiment, entry.t_s))
            if first is not None:
                found[it.id, first.run] = first
            elif other is not None:
                found[it.id, other.run] = Answered(entry, other.run, other.t_s, other.marks)
        return sorted(found.values(), key=lambda each: each.at_s)

    def _answers(self, run: Shelved, entry: Entry, it: Experiment) -> bool:
        asked = (entry.t_s, run.id)
        if asked not in self._asked:
            info = self._info(run)
            self._asked[asked] = info is not None and again.answers(info, entry, it)
        return self._asked[asked]

    def _info(self, run: Shelved) -> RunInfo | None:
        if run.id not in self._infos:
            with suppress(HinterlandError):
                self._infos[run.id] = RunFolder(self._shelf.store / run.id).info()
        return self._infos.get(run.id)

    def _of(self, run: Shelved, entry: Entry, it: Experiment) -> Answered | None:
        """Returns what a run answered; None where its record is damaged or gone: then it answers nothing."""
        key = (run.id, entry.t_s)
        if key not in self._answered:
            self._answered[key] = None
            with suppress(HinterlandError):
                record = RunFolder(self._shelf.store / run.id).record()
                measured = marks.measured(record) if record.info.experiment.chart else {}
                came = judged(entry, record, it.prediction)
                self._answered[key] = Answered(entry, run.id, sane(run.started_at), measured, came)
        return self._answered[key]


def by_region(found: Iterable[Met]) -> dict[str, list[Met]]:
    """Returns what was met by region, in the order of the map."""
    regions: dict[str, list[Met]] = {}
    for each in found:
        regions.setdefault(each.region, []).append(each)
    order = [*REGIONS, *(name for name in regions if name not in REGIONS)]
    return {name: regions[name] for name in order if name in regions}


def as_csv(found: Iterable[Met]) -> str:
    """Returns what was met as a table: when (UTC), where, what, how sure, and whether it came so."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("when", "place", "what", "said", "met"))
    for each in found:
        when = datetime.fromtimestamp(sane(each.at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # A spreadsheet would take what begins so for a formula.
        what = f"'{each.what}" if each.what.startswith(("=", "+", "@", "-", "\t")) else each.what
        table.writerow((when, each.experiment, what, f"{each.said:g}", int(each.hit)))
    return text.getvalue()


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
        if len(hits) < FEW:
            times = "once" if sum(hits) == 1 else f"{sum(hits)} times"
            says.append(
                f"Where you were {said:.0%} sure, you were right {times} of {len(hits)}: too few to tell."
            )
            continue
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
